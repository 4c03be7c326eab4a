"""How fast training goes against a loop built as DeepFaceLab and faceswap are built."""

from __future__ import annotations

from functools import partial
from typing import Any

from understudy.bench.training.footage import LEARNING_RATE, BenchFootage
from understudy.bench.training.learning import MOMENT, Timed, timed
from understudy.bench.training.peer_loop import PeerLoop
from understudy.events import Events
from understudy.model.network import Architecture
from understudy.training.run.objective import Weights, face_loss


def measure_against_peers(
    footage: BenchFootage, architecture: Architecture, batch: int, events: Events, seconds: float
) -> dict[str, Any]:
    """Train the same network with our loop and with the peers' (:mod:`understudy.bench.training.peer_loop`).

    Same architecture, batch and losses; look-alike pairs, which the peers do not have, are left out of ours. The loops
    take turns of about ``seconds``: ours, theirs, theirs, ours, so that a machine that gets slower favours neither.

    Returns ``family``, ``resolution``, ``batch``, ``examples_per_second`` and ``peers_examples_per_second`` (faces of
    both sides), ``ratio`` (the first as a multiple of the second) and ``peers_waiting``, the part of the peers' time in
    which no samples were ready.
    """
    trainer = footage.trainer(architecture, batch, Weights(pairs=0.0))
    turns: dict[str, list[Timed]] = {"ours": [], "theirs": []}
    waited = 0.0
    with PeerLoop(
        footage.network(architecture),
        partial(face_loss, weights=trainer.recipe.weights),
        footage.crops(),
        batch=batch,
        learning_rate=LEARNING_RATE,
        device=footage.device,
    ) as peers:
        peers.step()  # by then the workers have started
        for done, who in enumerate(("ours", "theirs", "theirs", "ours")):
            events.progress(done, 4, "turns", who)
            if who == "ours":
                turns[who].append(timed(lambda: trainer.step(MOMENT), footage.device, events, seconds))
            else:
                before = peers.waited
                turns[who].append(timed(peers.step, footage.device, events, seconds))
                waited += peers.waited - before
    ours, theirs = (
        2 * batch * sum(turn.steps for turn in taken) / sum(turn.seconds for turn in taken) for taken in turns.values()
    )
    return {
        "family": architecture.family,
        "resolution": architecture.resolution,
        "batch": batch,
        "examples_per_second": ours,
        "peers_examples_per_second": theirs,
        "ratio": ours / theirs,
        "peers_waiting": waited / sum(turn.seconds for turn in turns["theirs"]),
    }
