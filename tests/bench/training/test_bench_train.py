from __future__ import annotations

import itertools
import multiprocessing

import cv2
import numpy as np
import pytest
import torch
from made_clock import Clock
from made_people import ANNE, BERT, TINY, make_faceset
from torch.utils.data import default_collate
from understudy import stopwatch
from understudy.bench.training import against_peers, fast_path, learning, memory, peer_loop, train
from understudy.bench.training.against_peers import measure_against_peers
from understudy.bench.training.fast_path import measure_fast_path, product_rate, whole_float32
from understudy.bench.training.footage import BenchFootage
from understudy.bench.training.learning import Timed, count_tflop, measure_learning, part
from understudy.bench.training.peer_loop import Crop, PeerLoop, Samples, make_sample, random_warp
from understudy.errors import Interrupted, MissingInputError, OutOfMemoryError
from understudy.events import Events, Recorder
from understudy.model.losses import masked_mse
from understudy.stopwatch import Stopwatch
from understudy.training.output.metrics_log import MetricsLog
from understudy.training.run.objective import Weights
from understudy.training.run.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Facesets of two drawn people."""
    folder = tmp_path_factory.mktemp("drawn")
    return {"source": make_faceset(folder / "bert", BERT, 8), "target": make_faceset(folder / "anne", ANNE, 8)}


@pytest.fixture
def footage(drawn, tmp_path):
    return BenchFootage(drawn, tmp_path, CPU)


# One network's training


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    made.put_into(monkeypatch, learning, stopwatch)
    return made


@pytest.fixture
def slow(monkeypatch, clock):
    """Training that takes its time: a quarter for the data, the rest for the network."""
    monkeypatch.setattr(learning, "warm_up", lambda step, device: None)
    monkeypatch.setattr(learning, "count_tflop", lambda trainer: 0.5)
    monkeypatch.setattr(learning, "peak_memory", lambda work, held, device: 1000)
    monkeypatch.setattr(Trainer, "draw", lambda trainer, moment: clock.sleep(1))
    monkeypatch.setattr(Trainer, "learn", lambda trainer, draw, moment: clock.sleep(3) or torch.zeros(4))


def test_time_of_the_network_is_told_from_time_for_its_data(slow, footage):
    told = measure_learning(footage.trainer(TINY, 4), MetricsLog(footage.folder, 0), Events(), 9)
    assert (told["steps"], told["seconds"]) == (3, 12)
    assert told["shares"] == {"data": 0.25, "networks": 0.75, "other": 0}
    assert told["outside_networks"] == 0.25
    assert told["examples_per_second"] == 2 * 4 * 3 / 12
    assert (told["peak_memory"], told["tflop_per_step"]) == (1000, 0.5)


def test_what_is_done_while_a_device_computes_is_not_outside_the_networks(slow, footage, monkeypatch, clock):
    trainer, busy = footage.trainer(TINY, 4), [0.0]
    monkeypatch.setattr(trainer, "device", torch.device("cuda"))

    def ask(trainer, draw, moment):
        busy[0] = max(busy[0], clock()) + 3  # and the host goes on at once
        return torch.zeros(4)

    monkeypatch.setattr(Trainer, "learn", ask)
    monkeypatch.setattr(
        learning, "settle", lambda device: device.type == "cpu" or clock.sleep(max(0, busy[0] - clock()))
    )
    told = measure_learning(trainer, MetricsLog(footage.folder, 0), Events(), 0)
    assert told["shares"]["data"] == 0.25
    assert told["seconds"] == 1 + 2 * 3  # two steps: only the first one's faces are waited for
    assert told["outside_networks"] == pytest.approx(1 - 3 / 3.5)


def test_logging_is_part_of_the_measured_loop(slow, footage, monkeypatch, clock):
    monkeypatch.setattr(learning, "LOG_EVERY", 1)
    append = MetricsLog.append
    monkeypatch.setattr(MetricsLog, "append", lambda *rest: clock.sleep(4) or append(*rest))
    recorder = Recorder()
    told = measure_learning(footage.trainer(TINY, 2), MetricsLog(footage.folder, 0), Events(recorder), 0)
    assert told["shares"]["logging"] == 0.5
    assert [event["done"] for event in recorder.of("progress")] == [1, 2]
    assert len((footage.folder / "metrics.jsonl").read_text().splitlines()) == 2


def test_what_a_device_does_later_counts_for_the_part_that_asked_for_it(monkeypatch, clock):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: clock.sleep(2))
    watch = Stopwatch()
    with part(watch, "networks", torch.device("cuda")):
        pass
    assert watch.seconds["networks"] == 2


def test_operations_are_two_for_each_product(monkeypatch, footage):
    trainer = footage.trainer(TINY, 2)
    monkeypatch.setattr(Trainer, "step", lambda trainer, moment: torch.ones(30, 50) @ torch.ones(50, 70))
    assert count_tflop(trainer) == pytest.approx(2 * 30 * 50 * 70 / 1e12)


def test_a_whole_step_is_counted(footage):
    # Forwards once and backwards twice, but for the first layer, which has no gradient to hand on.
    trainer = footage.trainer(TINY, 2, Weights(ssim=0.0))
    forward = 0
    layers = [module for module in trainer.network.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]

    def count(module, given, result):
        nonlocal forward
        forward += 2 * result.numel() * module.weight[0].numel()

    hooks = [layer.register_forward_hook(count) for layer in layers]
    trainer.step(learning.MOMENT)
    for hook in hooks:
        hook.remove()
    assert 2.5 * forward < count_tflop(trainer) * 1e12 <= 3 * forward


def test_memory_is_what_is_held_and_the_most_that_comes_on_top():
    held = torch.zeros(1000, 1000)

    def work():
        first = torch.zeros(2000, 1000)
        del first
        return torch.zeros(500, 1000) + 1  # twice as much, for a moment

    assert memory.peak_memory(work, [held, held[:10]], CPU) == pytest.approx(4 * 3_000_000, rel=0.01)


def test_what_an_earlier_measurement_left_is_not_counted_again():
    left = []
    one, other = (memory.peak_memory(lambda: left.append(torch.zeros(1_000_000)), [], CPU) for _ in range(2))
    assert one == other == pytest.approx(4_000_000, rel=0.01)


def test_a_device_that_does_not_tell_its_memory_has_none():
    assert memory.peak_memory(lambda: None, [], torch.device("meta")) is None


# The peers' loop


def test_a_sample_of_the_peers_keeps_face_and_masks_together(tmp_path):
    """A white face on black: wherever it is turned, moved or mirrored to, the mask is where it is white."""
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    landmarks = np.stack([120 + 45 * np.cos(angles), 130 + 60 * np.sin(angles)], axis=1)
    white = peer_loop.face_mask(landmarks, np.eye(2, 3), 256)
    cv2.imwrite(str(tmp_path / "white.png"), np.repeat(np.round(white * 255)[..., None], 3, axis=2))
    rng, centres = np.random.default_rng(1), set()
    for _ in range(8):
        shown, wanted = make_sample(Crop(str(tmp_path / "white.png"), landmarks), 64, rng)
        assert (shown.shape, wanted.shape, shown.dtype, wanted.dtype) == (
            (3, 64, 64),
            (5, 64, 64),
            np.float32,
            np.float32,
        )
        assert np.abs((wanted[0] + 2) / 4 - wanted[3]).mean() < 0.01
        assert 0.005 < np.abs(shown - wanted[:3]).mean() < 1  # the same, but warped
        centres.add(tuple(np.argwhere(wanted[3] > 0.5).mean(0).round(1)))
    assert len(centres) == 8


def test_without_a_warp_the_peers_show_what_they_want_back(tmp_path, monkeypatch):
    monkeypatch.setattr(peer_loop, "BEND", 0.0)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), cv2.resize(noise, (256, 256), interpolation=cv2.INTER_CUBIC))
    crop = Crop(str(tmp_path / "noise.png"), np.random.default_rng(0).uniform(80, 170, (68, 2)))
    shown, wanted = make_sample(crop, 64, np.random.default_rng(3))
    assert np.abs(shown - wanted[:3])[:, 4:-4, 4:-4].max() < 0.02


@pytest.mark.parametrize("cells", [2, 4, 8])
def test_a_random_warp_leaves_the_edge_and_bends_the_inside(cells, monkeypatch):
    monkeypatch.setattr(peer_loop, "CELLS", (cells,))
    across, down = random_warp(256, np.random.default_rng(0))
    column, row = np.meshgrid(np.arange(256), np.arange(256))
    bend = np.hypot(across - column, down - row)
    assert across.shape == down.shape == (256, 256)
    edge = np.concatenate([bend[0], bend[-1], bend[:, 0], bend[:, -1]])
    assert edge.max() < 0.3 * bend.max()
    assert 0.01 * 256 / cells < bend.max() < 1.5 * np.sqrt(2) * peer_loop.BEND * 256 / cells


def test_the_peers_loop_learns(footage):
    with PeerLoop(footage.network(TINY), weighed, footage.crops(), batch=2, learning_rate=5e-3, device=CPU) as peers:
        samples = itertools.islice(Samples(footage.crops(), TINY.resolution), 2)
        batch = default_collate(list(samples))
        losses = [peers.learn(batch) for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    assert multiprocessing.active_children() == []  # nobody was needed


def weighed(colour, logits, wanted):
    return masked_mse(colour, wanted[:, :3], wanted[:, 3:4]) + 0 * logits.sum()


def test_a_stop_leaves_no_worker_of_the_peers_behind(footage, monkeypatch):
    monkeypatch.setattr(peer_loop, "WORKERS", 1)
    monkeypatch.setattr(against_peers, "timed", lambda step, device, events, seconds: one_step(step, events))
    alive: list[int] = []

    def stop():
        alive.append(len(multiprocessing.active_children()))
        return len(alive) == 3

    with pytest.raises(Interrupted):
        measure_against_peers(footage, TINY, 2, Events(stop=stop), 0)
    assert alive == [1, 1, 1]  # in our turn, and in two of theirs
    assert multiprocessing.active_children() == []


def one_step(step, events):
    events.raise_if_stopping()
    step()
    return Timed(1, 1.0)


def test_the_loops_take_turns_and_are_compared_over_all_of_them(footage, monkeypatch, clock):
    turns = []

    class Napping(PeerLoop):
        def __init__(self, *rest, **more):  # noqa: ARG002 - it has no workers to start
            self.waited = 0.0

        def step(self):
            turns.append("theirs")
            self.waited += 1
            clock.sleep(4)
            return 0.0

    monkeypatch.setattr(against_peers, "PeerLoop", Napping)
    monkeypatch.setattr(learning, "warm_up", lambda step, device: None)
    monkeypatch.setattr(Trainer, "step", lambda trainer, moment: turns.append("ours") or clock.sleep(1))
    told = measure_against_peers(footage, TINY, 3, Events(), 0)
    assert turns == ["theirs"] + ["ours"] * 2 + ["theirs"] * 4 + ["ours"] * 2
    assert told["peers_examples_per_second"] == 2 * 3 / 4
    assert told["ratio"] == 4
    assert told["peers_waiting"] == 0.25
    assert (told["family"], told["resolution"], told["batch"]) == ("quick", 64, 3)


# The fast path


def test_the_rate_of_products_is_in_tera_operations_a_second(monkeypatch):
    monkeypatch.setattr(fast_path, "SIDE", 64)
    monkeypatch.setattr(fast_path, "timed", lambda step, *rest: step() is not None and Timed(10, 2.0))
    assert product_rate(CPU, Events(), 1.0) == pytest.approx(2 * 64**3 * 5 / 1e12)


def test_the_fast_path_is_compared_with_plain_float32(footage, monkeypatch):
    seen = []

    def timed(step, device, events, seconds):
        step()
        return Timed(10, 5.0)

    def learn(trainer, moment):
        seen.append((trainer.precision, torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()))

    monkeypatch.setattr(fast_path, "timed", timed)
    monkeypatch.setattr(Trainer, "step", learn)
    fast = {"batch": 4, "examples_per_second": 48.0, "tflop_per_step": 0.5, "steps": 30, "seconds": 5.0}
    told = measure_fast_path(footage, TINY, fast, 12.0, Events(), 5.0)
    assert told == {"plain_examples_per_second": 16.0, "fast_ratio": 3.0, "product_share": pytest.approx(0.25)}
    assert seen == [(fast_path.Precision.plain(), False, "highest")]


def test_float32_is_made_what_it_was_before():
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    with pytest.raises(KeyError), whole_float32():
        raise KeyError
    assert (torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()) == before


# Which families and sizes


@pytest.fixture(params=[torch.OutOfMemoryError(), OutOfMemoryError("Not even one face fits.", "")])
def planned(monkeypatch, footage, request):
    """Two families, of which one needs 4 s a step and the other does not fit at 128 px; what is measured is listed."""
    measured = []

    def learning_of(trainer, log, events, seconds):
        if trainer == ("df", 128):
            raise request.param
        measured.append(trainer)
        return {"steps": 2, "seconds": 8.0 if trainer[0] == "quick" else 0.1}

    monkeypatch.setattr(train, "choose_device", lambda name: CPU)
    monkeypatch.setattr(train, "cut_footage", lambda *rest: footage)
    monkeypatch.setattr(train, "FAMILIES", ("quick", "df"))
    plan = train.DevicePlan((64, 128), (("df", 64), ("df", 128)), deep_batch=2, longest=60)
    monkeypatch.setitem(train.PLANS, "cpu", plan)
    monkeypatch.setattr(footage, "trainer", lambda arch, batch: (arch.family, arch.resolution))
    monkeypatch.setattr(train, "measure_learning", learning_of)
    monkeypatch.setattr(train, "measure_against_peers", lambda footage, arch, batch, *rest: (arch.resolution, batch))
    return measured


def test_what_is_too_slow_or_too_large_is_left_out_and_said(planned, tmp_path):
    told = train.measure(Events(), tmp_path)
    assert planned == [("quick", 64), ("df", 64)]
    assert [(one["family"], one["resolution"], one["batch"]) for one in told["families"]] == [
        ("quick", 64, 8),
        ("df", 64, 2),
    ]
    assert told["left_out"] == [
        {"family": "quick", "resolution": 128, "batch": 8, "why": "a step would take about 16 s"},
        {"family": "df", "resolution": 128, "batch": 2, "why": "it does not fit into the memory"},
    ]
    assert told["peers"] == [(64, 2)]
    assert told["product_rate"] is None


def test_a_stop_ends_the_bench_between_two_sizes(planned, tmp_path):
    with pytest.raises(Interrupted):
        train.measure(Events(stop=lambda: len(planned) == 1), tmp_path)
    assert planned == [("quick", 64)]


def test_a_sample_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=tmp_path.name):
        train.measure(Events(), tmp_path)
