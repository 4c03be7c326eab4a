"""Training with everything on a device of its own: a pretended one, which refuses what a GPU would and counts the waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from made_trainers import CPU
from torch.utils import backend_registration
from understudy.events import Events
from understudy.model.comb import CombArchitecture
from understudy.model.families import FAMILIES, build, default_architecture
from understudy.model.network import SIDES, Architecture
from understudy.settings import TrainingOptions, TrainSettings
from understudy.stages import train
from understudy.training.data.dataset import Side
from understudy.training.data.device_faces import DeviceFaces
from understudy.training.data.random_draws import BatchRandom
from understudy.training.presets import PRESETS, recipe
from understudy.training.run.precision import Precision
from understudy.training.run.schedule import StepSchedule
from understudy.training.run.trainer import Trainer

if torch.cuda.is_available():
    pytest.skip("beside a pretended device torch would not find the real one", allow_module_level=True)
if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
    pytest.skip("this torch cannot pretend a device", allow_module_level=True)

from pretended import GPU, machine

MOMENT = StepSchedule(adversarial=1.0)
OPTIONS = {
    **{"pose_balance": 0.5, "exposure": 0.3, "hue": 5.0, "colour_of_others": 0.5, "blur": 0.5, "downscale": 0.5},
    **{"noise": 0.5, "occluders": 0.5, "flip": "both", "identity_weight": 0.1, "style_weight": 0.1, "batch": 2},
}
SMALL = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4}


@pytest.fixture(autouse=True)
def no_grain(monkeypatch):
    """The pretended device has no generator."""
    monkeypatch.setattr(
        BatchRandom, "_throw_grain", lambda random, whole, size: torch.zeros(whole, 3, size, size, device=random.device)
    )


def test_the_device_refuses_and_counts_what_a_gpu_would():
    with machine() as book:
        tensor = torch.arange(6.0).to(GPU)
        assert (book.sent, book.waits) == ([(6,)], []) and (2 * tensor).device == GPU
        with pytest.raises(RuntimeError, match="tensors of the host's"):
            tensor + torch.ones(6)
        for count, ask in enumerate(
            (lambda: float(tensor[2]), tensor.cpu, lambda: tensor[tensor > 2], tensor.nonzero, tensor.unique),
            1,
        ):
            ask()
            assert len(book.waits) == count, book.waits


def there(side: Side, near: int) -> Side:
    """``side`` with its first ``near`` faces on the device."""
    faces = side.faces.near
    return replace(side, faces=DeviceFaces(faces[:near].to(GPU), faces[near:]), lights=side.lights.to(GPU))


def teach(sides: Mapping[str, Side], arch: Architecture, device: torch.device) -> Trainer:
    torch.manual_seed(0)
    made = recipe(TrainingOptions(**OPTIONS), PRESETS["gpu"])
    precision = Precision(bfloat16=False, channels_last=True, compiled=False)
    return Trainer(build(arch), sides, made, device=device, precision=precision)


@pytest.mark.parametrize(("family", "near"), [*((family, 100) for family in FAMILIES), ("quick", 5)])
def test_a_step_never_makes_the_host_wait_and_sends_next_to_nothing(sides, family, near):
    if family == "comb":
        arch: Architecture = CombArchitecture(64, **SMALL, identities=("source", "target", "carl"))
        sides = {**sides, "carl": sides["target"]}
    else:
        arch = default_architecture(family, 64, **({} if family == "quick" else SMALL))
    expected = [teach(sides, arch, CPU).step(MOMENT)]
    with machine() as book:
        teacher = teach({name: there(side, near) for name, side in sides.items()}, arch, GPU)
        losses = teacher.step(MOMENT)
        book.waits.clear()
        book.sent.clear()
        for _ in range(2):
            teacher.step(MOMENT)
        waits, sent = list(book.waits), list(book.sent)
        assert losses.device == GPU
        torch.testing.assert_close(losses.cpu(), expected[0], rtol=1e-4, atol=1e-4)
    assert waits == []
    numbers = [shape for shape in sent if len(shape) < 3]
    assert len(sent) == len(numbers) == 8 if near == 100 else len(numbers) < 40 and len(sent) - len(numbers) <= 8


def test_a_whole_training_runs_stops_and_goes_on(people, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "choose_device", lambda _: GPU)
    values = {**{side: [people[side]] for side in SIDES}, "model": tmp_path / "model", "preset": "cpu", "batch": 2}
    values["resolution"] = 64
    for iterations in (2, 4):
        with machine() as book:
            report = train.run(TrainSettings(**values, iterations=iterations, preview_every=2), Events())
        assert report["steps"] == iterations and book.operations > 100
    assert (tmp_path / "model" / "preview.png").exists()
