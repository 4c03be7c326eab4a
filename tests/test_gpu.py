"""Training and conversion on CUDA, against the processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_people import ANNE, BERT, channel, make_faceset, make_shot
from understudy.events import Events
from understudy.model.families import build
from understudy.model.network import SIDES
from understudy.model.quick import large
from understudy.settings import ConvertSettings, TrainingOptions, TrainSettings
from understudy.stages import convert, train
from understudy.training.data import load_side
from understudy.training.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


def test_a_training_on_the_gpu_learns_resumes_and_converts_as_the_processor_does(tmp_path):
    source, target = (
        make_faceset(tmp_path / "bert", BERT, 8, size=128),
        make_faceset(tmp_path / "anne", ANNE, 8, size=128),
    )
    values = {"source": [source], "target": [target], "model": tmp_path / "model", "preset": "gpu", "resolution": 128}
    for iterations in (10, 20):
        settings = TrainSettings(**values, device="cuda", batch=4, iterations=iterations, preview_every=10)
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


def test_a_step_in_bfloat16_and_channels_last_is_a_step_of_the_processor(tmp_path):
    folders = {"source": make_faceset(tmp_path / "bert", BERT, 8), "target": make_faceset(tmp_path / "anne", ANNE, 8)}
    losses = {}
    for name in ("cuda", "cpu"):
        device = torch.device(name)
        sides = {side: load_side([folders[side]], 64, device) for side in SIDES}
        torch.manual_seed(0)
        network = build(large(64))
        network.start({side: sides[side].mean_face().cpu() for side in SIDES})
        teacher = Trainer(network, sides, TrainingOptions(), batch=2, learning_rate=2e-4, device=device)
        losses[name] = torch.stack([teacher.step(0.0).cpu() for _ in range(3)])
    assert torch.allclose(losses["cuda"], losses["cpu"], rtol=0.05, atol=0.02), losses
