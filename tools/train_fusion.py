"""Train the network of model.fusion on rendered pairs with exact truth, and hold it to the truth of others.

    python tools/train_fusion.py train SEEN [--held-out NAME ...] --out FILE [--minutes 30] [--first FILE]
    python tools/train_fusion.py measure SEEN --network FILE [--people NAME ...]

SEEN are folders of ``tools/fusion_pairs.py``. No pair with one of the people ``--held-out`` is learnt from: by the truth of
these pairs that state is kept which betters the fixed mixture most. ``measure`` prints figures of the mixture and of the
network, pair by pair. What is made small is in ``tools/fusion_losses.py``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fusion_losses import Batch, Pairs, displayed, losses
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from understudy.model.fusion import MATTE, PER_UNIT, SKIN, Fusion, fused, load_fusion
from understudy.review.bands import face_size
from understudy.review.detail import measure_detail
from understudy.review.metrics import compare_pictures, measure

FIGURES = ("PSNR", "SSIM", "dE2000", "detail", "gradient", "sharpness")
WORTH = np.array([1.0, 20.0, -1.0, 5.0, 5.0, 0.0])
"""What a unit of each figure counts where checkpoints are chosen."""

RATE, COUNT, STEADY, WARM = 1e-3, 4, 0.98, 80


def main(arguments: list[str]) -> None:
    """Do what ``arguments`` ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, dest="step")
    training = steps.add_parser("train", help="learn from SEEN")
    training.add_argument("--held-out", nargs="*", default=[], help="people who choose the checkpoint")
    training.add_argument("--minutes", type=float, default=30)
    training.add_argument("--every", type=float, default=240, help="seconds between checkpoints")
    training.add_argument("--first", type=Path, help="weights to begin with")
    training.add_argument("--out", type=Path, required=True)
    measuring = steps.add_parser("measure", help="hold a network to the truth of SEEN")
    measuring.add_argument("--network", type=Path, required=True)
    measuring.add_argument("--people", nargs="*", default=[], help="pairs with one of these alone")
    for step in (training, measuring):
        step.add_argument("seen", type=Path)
    asked = parser.parse_args(arguments)
    files = sorted(asked.seen.glob("*.npz"))
    if asked.step == "measure":
        report(
            load_fusion(asked.network), Pairs([file for file in files if not asked.people or has(file, asked.people)])
        )
        return
    pairs, held_out = (Pairs([file for file in files if has(file, asked.held_out) is held]) for held in (False, True))
    network = load_fusion(asked.first).requires_grad_(True).train() if asked.first else Fusion()
    train(network, pairs, held_out if held_out.names else pairs, asked.minutes, asked.every, asked.out)


def has(file: Path, people: list[str]) -> bool:
    """Whether one of ``people`` is in a pair."""
    return bool(set(file.stem.split("_")[1:]) & set(people))


def train(network: Fusion, pairs: Pairs, held_out: Pairs, minutes: float, every: float, out: Path) -> None:
    """Teach ``network`` for ``minutes`` and write its best averaged state to ``out``."""
    generator, start = torch.Generator().manual_seed(1), time.monotonic()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    averaged = Fusion().eval().requires_grad_(False)
    averaged.load_state_dict(network.state_dict())
    best, due, step, passed = -math.inf, every, 0, 0.0
    while passed < 60 * minutes:
        passed = time.monotonic() - start
        share = min(1.0, (step + 1) / WARM) * 0.5 * (1 + math.cos(math.pi * min(passed / (60 * minutes), 1)))
        for group in optimiser.param_groups:
            group["lr"] = RATE * share
        batch = pairs.drawn(COUNT, generator)
        costs = losses(*applied(network, batch), batch)
        optimiser.zero_grad()
        torch.stack(list(costs.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        old = min(STEADY, step / (step + 20))
        for mean, new in zip(averaged.parameters(), network.parameters(), strict=True):
            mean.mul_(old).add_(new.detach(), alpha=1 - old)
        if passed > due or passed >= 60 * minutes:
            due = passed + every
            print(step, {name: round(float(cost.detach()), 3) for name, cost in costs.items()}, flush=True)
            if (score := report(averaged, held_out)) > best:
                best = score
                write(out, averaged, {"steps": step, "pairs": len(pairs.names)})


def applied(network: Fusion, batch: Batch) -> tuple[Tensor, Tensor]:
    """The faces of ``batch`` as the ``network`` wants them, and its shares."""
    shares = network(batch.candidates, batch.maps)
    matte, skin = (batch.maps[:, layer, None] for layer in (MATTE, SKIN))
    rendered, mesh, carrier, _ = batch.candidates.unbind(1)
    return fused((1 - batch.hardness) * shares, rendered, mesh, carrier, matte, skin, PER_UNIT), shares


def report(network: Fusion, pairs: Pairs) -> float:
    """Print figures of the fixed mixture and of ``network`` on ``pairs``; what the change is worth in all."""
    changes = []
    for place, name in enumerate(pairs.names):
        figures = np.array([list(_frame(network, pairs, place, frame)) for frame in range(pairs.frames(place))]).mean(0)
        changes.append(figures[1] - figures[0])
        told = "  ".join(f"{what} {a:.3f} {b:.3f}" for what, a, b in zip(FIGURES, *figures, strict=True))
        print(f"  {name}: {told}", flush=True)
    mean = np.mean(changes, axis=0)
    told = "  ".join(f"{what} {value:+.3f}" for what, value in zip(FIGURES, mean, strict=True))
    print(f"  mean change: {told}", flush=True)
    return float(mean @ WORTH)


def _frame(network: Fusion, pairs: Pairs, pair: int, frame: int) -> Iterator[list[float]]:
    """Figures of one frame: the fixed mixture's, then the network's."""
    batch = pairs.batch([(pair, frame)])
    mask = np.ascontiguousarray(batch.mask[0, 0].numpy())
    with torch.inference_mode():
        face, _ = applied(network, batch)
    truth = _picture(batch.truth)
    for picture in (_picture(batch.candidates[:, 0]), _picture(face)):
        near = measure(compare_pictures(picture, truth), mask)
        detail = measure_detail(picture, truth, mask, face_size(mask))
        found = (near.psnr, near.ssim, near.de2000)
        found += (detail.detail_correlation, detail.gradient_correlation, detail.sharpness_ratio)
        yield [float("nan") if value is None else value for value in found]


def _picture(light: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(displayed(light)[0].permute(1, 2, 0).numpy())


def write(path: Path, network: Fusion, card: dict[str, Any]) -> None:
    """Write weights (half floats) and their card."""
    made = {
        "licence": "CC0-1.0", **card,
        "of": "pairs of synthetic people with exact truth, rendered from MakeHuman community assets (CC0)",
        "by": "tools/fusion_people.py, tools/fusion_pairs.py and tools/train_fusion.py",
    }  # fmt: skip
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, path, metadata={"card": json.dumps(made, sort_keys=True)})


if __name__ == "__main__":
    main(sys.argv[1:])
