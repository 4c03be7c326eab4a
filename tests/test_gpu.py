"""Training and conversion on CUDA: against the processor, against plain float32, and at the end of the memory."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_people import ANNE, BERT, channel, make_faceset, make_shot
from understudy.bench.training.fast_path import product_rate, whole_float32
from understudy.bench.training.memory import peak_memory
from understudy.errors import OutOfMemoryError
from understudy.events import Events
from understudy.model.families import FAMILIES, build, default_architecture
from understudy.model.network import SIDES, Architecture
from understudy.model.quick import large, small
from understudy.settings import ConvertSettings, TrainSettings
from understudy.stages import convert, train
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.dataset import Side, load_side
from understudy.training.data.device_faces import MemoryBudget
from understudy.training.presets import Recipe
from understudy.training.run.memory import CudaGauge
from understudy.training.run.objective import Weights
from understudy.training.run.precision import Precision
from understudy.training.run.schedule import StepSchedule
from understudy.training.run.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
FAST = Precision(bfloat16=True, channels_last=True, compiled=False)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("people")
    return {
        "source": make_faceset(folder / "bert", BERT, 20, size=128),
        "target": make_faceset(folder / "anne", ANNE, 20, size=128),
    }


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    """Only so many programs are made of one function: each test begins without."""
    yield
    torch.compiler.reset()


def load(
    people: dict[str, Path], resolution: int, device: torch.device, room: MemoryBudget | None = None
) -> dict[str, Side]:
    return {side: load_side([people[side]], resolution, device, room) for side in SIDES}


def teach(
    sides: dict[str, Side],
    arch: Architecture,
    device: torch.device = CUDA,
    precision: Precision | None = None,
    batch: int = 4,
    weights: Weights | None = None,
) -> Trainer:
    """A trainer that begins the same way on every device."""
    torch.manual_seed(0)
    network = build(arch)
    network.start({side: sides[side].mean_face().cpu() for side in SIDES})
    recipe = Recipe(batch, 2e-4, weights or Weights(), AugmentConfig())
    return Trainer(network, sides, recipe, device=device, precision=precision)


def losses(trainer: Trainer, steps: int, moment: StepSchedule | None = None) -> torch.Tensor:
    """(steps, terms) on the CPU."""
    return torch.stack([trainer.step(moment or StepSchedule()).cpu() for _ in range(steps)])


def weights_of(trainer: Trainer) -> torch.Tensor:
    return torch.cat([weight.detach().float().cpu().reshape(-1) for weight in trainer.network.parameters()])


def apart(one: torch.Tensor, other: torch.Tensor, start: torch.Tensor) -> float:
    """How far two trainings from the same start came apart, as a part of the way that the first went."""
    return float((one - other).norm() / (one - start).norm())


@contextlib.contextmanager
def little_memory(more: float) -> Iterator[None]:
    """Only ``more`` GiB beyond what is held now."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(CUDA) + more * 2**30) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def test_a_training_on_the_gpu_learns_resumes_and_converts_as_the_processor_does(people, tmp_path):
    values = {"source": [people["source"]], "target": [people["target"]], "model": tmp_path / "model", "preset": "gpu"}
    for iterations in (10, 20):
        settings = TrainSettings(
            **values, resolution=128, device="cuda", batch=4, iterations=iterations, preview_every=10
        )
        assert train.run(settings, Events())["steps"] == iterations
    shot = make_shot(tmp_path / "plate", 3)
    for device in ("cuda", "cpu"):
        convert.run(
            ConvertSettings(
                plate=shot.pattern, model=tmp_path / "model", faceset=shot.faceset, device=device,
                out=(tmp_path / device / "o.####.exr").as_posix(),
            ),
            Events(),
        )  # fmt: skip
    for frame in shot.frames:
        for name in ("R", "G", "B", "matte.A", "raw.R"):
            gpu, cpu = (channel(tmp_path / device / f"o.{frame}.exr", name).astype(float) for device in ("cuda", "cpu"))
            np.testing.assert_allclose(gpu, cpu, atol=0.02, err_msg=name)


def test_in_plain_float32_the_gpu_computes_what_the_processor_does(people):
    with whole_float32():
        on_gpu = losses(teach(load(people, 64, CUDA), large(64), CUDA, Precision.plain()), 3)
    on_cpu = losses(teach(load(people, 64, CPU), large(64), CPU, Precision.plain()), 3)
    # Faces are halves on the GPU.
    assert torch.allclose(on_gpu, on_cpu, rtol=5e-3, atol=1e-4), (on_gpu, on_cpu)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fast_path_learns_what_plain_float32_does(people, family):
    sides = load(people, 64, CUDA)
    arch = default_architecture(family, 64)
    fast = losses(teach(sides, arch, precision=Precision.fast(CUDA)), 20)
    with whole_float32():
        plain = losses(teach(sides, arch, precision=Precision.plain()), 20)
    assert fast.isfinite().all()
    # bfloat16 has 8 bits: each step's losses agree to a few hundredths.
    assert torch.allclose(fast[:, -1], plain[:, -1], rtol=0.05), (fast[:, -1], plain[:, -1])
    assert fast[-5:, -1].mean() < 0.95 * fast[:5, -1].mean()


def test_a_compiled_step_is_the_step_that_was_compiled(people):
    if not Precision.fast(CUDA).compiled:
        pytest.skip("this machine has no compiler for CUDA kernels")
    sides = load(people, 64, CUDA)
    compiled = losses(teach(sides, small(64), precision=replace(FAST, compiled=True)), 5)
    eager = losses(teach(sides, small(64), precision=FAST), 5)
    assert torch.allclose(compiled, eager, rtol=0.03, atol=1e-3), (compiled, eager)


def test_a_compiled_training_is_not_compiled_anew_for_another_moment(people):
    if not Precision.fast(CUDA).compiled:
        pytest.skip("this machine has no compiler for CUDA kernels")
    trainer = teach(load(people, 64, CUDA), small(64), precision=replace(FAST, compiled=True))
    losses(trainer, 2)
    with torch.compiler.set_stance("fail_on_recompile"):
        for step in range(5):
            trainer.step(StepSchedule(rate=1 - step / 10, warp=1 - step / 10, pairs=1 - step / 10))


def test_a_critic_learns_on_the_fast_path(people):
    trainer = teach(load(people, 64, CUDA), small(64), weights=Weights(adversarial=0.1))
    told = losses(trainer, 10, StepSchedule(adversarial=1.0))
    assert told.isfinite().all()
    assert len(trainer.terms) == told.shape[1]


def test_going_on_from_a_checkpoint_is_not_having_stopped(people):
    sides = load(people, 64, CUDA)
    straight = teach(sides, small(64), precision=FAST)
    start = weights_of(straight)
    losses(straight, 10)
    before = teach(sides, small(64), precision=FAST)
    losses(before, 5)
    checkpoint = before.checkpoint({})
    resumed = teach(sides, small(64), precision=FAST)
    resumed.restore(checkpoint)
    losses(resumed, 5)
    assert resumed.step_count == straight.step_count
    # CUDA adds up in no fixed order; the way back through the samples differs by its rounding.
    assert apart(weights_of(straight), weights_of(resumed), start) < 0.05


def test_faces_that_do_not_fit_are_fetched_from_the_host(people):
    whole = load(people, 64, CUDA)
    each = 8 * 64 * 64 * 2
    spilt = load(people, 64, CUDA, MemoryBudget(CUDA, 5 * each / 2**30))
    faces = spilt["source"].faces
    assert (len(faces.near), faces.near.device.type, faces.far.device.type) == (5, "cuda", "cpu")
    assert len(spilt["target"].faces.near) == 0
    for picks in ([0, 1, 2], [4, 5, 17, 5], [18, 0, 9]):
        for side in SIDES:
            chosen = torch.tensor(picks)
            torch.testing.assert_close(spilt[side].gather(chosen), whole[side].gather(chosen), rtol=0, atol=0)
    with whole_float32():
        one, other = (losses(teach(sides, small(64), precision=Precision.plain()), 5) for sides in (whole, spilt))
    assert torch.allclose(one, other, rtol=1e-3), (one, other)


def test_a_batch_that_is_said_to_fit_does_and_a_much_larger_one_does_not(people):
    sides = load(people, 128, CUDA)
    with little_memory(2.0):
        trainer = teach(sides, default_architecture("df", 128), precision=FAST, batch=256)
        before = weights_of(trainer)
        batch = trainer.fitting_batch(LimitedGauge(CUDA))
        assert 1 < batch < 256
        assert torch.equal(weights_of(trainer), before)
        assert trainer.step_count == 0
        trainer.rebatch(batch)
        losses(trainer, 2)
        assert trainer.portions.count == 1
        trainer.rebatch(4 * batch)
        losses(trainer, 1)
        assert trainer.portions.count > 1


class LimitedGauge(CudaGauge):
    """Knows of the limit that a test sets, which the driver does not."""

    def budget(self) -> int:
        total = torch.cuda.get_device_properties(self.device).total_memory
        return int(torch.cuda.get_per_process_memory_fraction(self.device) * total)


def test_a_batch_in_portions_teaches_what_the_whole_one_does(people):
    sides = load(people, 64, CUDA)
    arch = default_architecture("df", 64)
    with whole_float32():
        whole = teach(sides, arch, precision=Precision.plain(), batch=32)
        start = weights_of(whole)
        alone = losses(whole, 3)
        portioned = teach(sides, arch, precision=Precision.plain(), batch=32)
        portioned.portions.count = 4
        in_portions = losses(portioned, 3)
    assert torch.allclose(alone, in_portions, rtol=1e-3), (alone, in_portions)
    assert apart(weights_of(whole), weights_of(portioned), start) < 0.05


def test_without_memory_for_one_face_training_says_so(people):
    trainer = teach(load(people, 128, CUDA), default_architecture("df", 128), precision=FAST, batch=2)
    draw = trainer.draw(StepSchedule())
    with little_memory(0.01), pytest.raises(OutOfMemoryError, match="Not even one face"):
        trainer.learn(draw, StepSchedule())


def test_peak_memory_is_everything_on_the_device():
    held = torch.zeros(2**24, device=CUDA)
    before = torch.cuda.memory_allocated(CUDA)
    peak = peak_memory(lambda: torch.zeros(2**26, device=CUDA), [], CUDA)
    assert peak is not None
    assert held.nbytes + 4 * 2**26 <= peak == pytest.approx(before + 4 * 2**26, rel=0.01)


def test_the_rate_of_products_is_one_that_a_gpu_can_have():
    assert 1 < product_rate(CUDA, Events(), 0.5) < 10_000


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="this machine has fewer than two CUDA devices")
def test_two_gpus_train_like_one_with_the_doubled_batch(people, tmp_path):
    port = free_port()
    two = [start_training(people, tmp_path / "two", 2, rank, port) for rank in range(2)]
    for process in two:
        assert process.wait(300) == 0, process.stderr and process.stderr.read()
    one = start_training(people, tmp_path / "one", 4)
    assert one.wait(300) == 0, one.stderr and one.stderr.read()
    ends = [records(tmp_path / name)[-1]["validation"] for name in ("one", "two")]
    assert ends[1] == pytest.approx(ends[0], rel=0.05)


def start_training(
    people: dict[str, Path], model: Path, batch: int, rank: int | None = None, port: int = 0
) -> subprocess.Popen[str]:
    farm = {} if rank is None else {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "MAIN_PORT": port}
    variables = {f"UNDERSTUDY_{name}": str(value) for name, value in farm.items()}
    if farm:
        variables["UNDERSTUDY_MAIN_ADDR"] = "127.0.0.1"
    options = ["--preset", "cpu", "--device", "cuda", "--batch", str(batch), "--iterations", "20"]
    return subprocess.Popen(
        [sys.executable, "-m", "understudy", "train", "--source", str(people["source"]), "--target",
         str(people["target"]), "--model", str(model), *options],
        env={**os.environ, **variables}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def records(model: Path) -> list[dict[str, Any]]:
    lines = (model / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if "validation" in record]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
