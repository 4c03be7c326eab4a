from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from made_people import ANNE, describe, draw, make_model, stand
from understudy import stages
from understudy.convert.predict import Predictor
from understudy.errors import ModelError, UsageError
from understudy.events import Events
from understudy.face.hull import face_mask
from understudy.imaging.resample import warp
from understudy.model.families import build, default_architecture
from understudy.model.log_curve import encode
from understudy.model.normalisation import measure_light
from understudy.model.store import ModelCard, load_model, save_model
from understudy.plate.colour import ColourManager
from understudy.settings import ModelExportSettings

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated")

SIZE = 64


@pytest.fixture(scope="module")
def crop() -> tuple[np.ndarray, np.ndarray]:
    """A drawn face from the front, (R, R, 3) scene-linear in the working space, and the outline of its landmarks."""
    image = np.full((160, 160, 3), 0.1, np.float32)
    points = draw(image, ANNE, stand(80, 84, 50))
    face = describe(points, 1001, "p", "whole", SIZE)
    return warp(image, face.matrix, SIZE), face_mask(points, face.matrix, SIZE)


def export(model: Path, kind: str, out: Path, **more: float) -> dict[str, object]:
    report = stages.run(ModelExportSettings(model=model, format=kind, out=out, **more), Events())  # type: ignore[arg-type]
    assert json.loads(json.dumps(report)) == report
    assert report["file"] == str(out.resolve()) and report["bytes"] == out.stat().st_size
    return report


def test_a_torchscript_file_paints_a_frontal_face_as_a_conversion_does(tmp_path, crop):
    model = make_model(tmp_path / "model")
    report = export(model, "torchscript", tmp_path / "model.pt")
    assert (report["inputs"], report["outputs"], report["crop"]) == (["rgba"], ["rgba"], "whole")
    linear, outline = crop
    rgba = torch.from_numpy(np.dstack([linear, np.ones((SIZE, SIZE), np.float32)])).permute(2, 0, 1)[None]
    out = torch.jit.load(tmp_path / "model.pt")(rgba)[0].permute(1, 2, 0).numpy()

    network, _ = load_model(model, torch.device("cpu"))
    codes = encode(torch.from_numpy(linear).permute(2, 0, 1)[None])
    light = measure_light(codes, torch.from_numpy(outline)[None, None])
    [wanted] = Predictor(network, light, 1).predict(linear[None], outline[None], [1.0])
    swap = encode(torch.from_numpy(out[..., :3]).permute(2, 0, 1)[None])
    # The mean head's outline is not quite this head's: what is left is a small part of the face's contrast.
    mask = wanted.source_mask[0] * wanted.target_mask[0]
    inside = mask > 0.5
    assert float((light.normalise(swap)[0] - wanted.swap)[:, inside].abs().mean()) < 0.1
    assert np.abs(out[..., 3] - mask.numpy()).mean() < 0.02
    assert float(wanted.swap[:, inside].std()) > 0.3


def test_a_dfm_file_takes_and_gives_what_a_screen_shows(tmp_path, crop):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = make_model(tmp_path / "model")
    report = export(model, "dfm", tmp_path / "model.dfm")
    export(model, "torchscript", tmp_path / "model.pt")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.dfm"), providers=["CPUExecutionProvider"])
    assert report["inputs"] == [node.name for node in session.get_inputs()] == ["in_face:0"]
    assert report["outputs"] == [node.name for node in session.get_outputs()]
    linear, _ = crop
    colour = ColourManager.discover()
    shown = np.asarray(colour.to_display(linear), np.float32)
    _, bgr, _ = session.run(None, {"in_face:0": cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)[None]})
    # Nothing of this face is too bright for a screen, so the other format, given the scene's light, paints the same.
    rgba = torch.from_numpy(np.dstack([linear, np.ones((SIZE, SIZE), np.float32)])).permute(2, 0, 1)[None]
    swap = torch.jit.load(tmp_path / "model.pt")(rgba)[0, :3].permute(1, 2, 0).numpy()
    assert np.abs(cv2.cvtColor(bgr[0], cv2.COLOR_BGR2RGB) - colour.to_display(swap)).max() < 2e-3
    assert bgr.std() > 0.02


def make_morph(folder: Path) -> Path:
    torch.manual_seed(2)
    arch = default_architecture("morph", SIZE, bottleneck=16, encoder_width=8, decoder_width=8, mask_width=4)
    network = build(arch)
    network.start({side: torch.randn(4, SIZE, SIZE) for side in arch.identities})
    save_model(folder, network, ModelCard(arch, "full", working_space="lin_ap1_scene"))
    return folder


def test_a_morph_model_keeps_its_slider_unless_it_is_fixed(tmp_path):
    pytest.importorskip("onnx")
    model = make_morph(tmp_path / "model")
    assert export(model, "dfm", tmp_path / "a.dfm")["inputs"] == ["in_face:0", "morph_value:0"]
    assert export(model, "dfm", tmp_path / "b.dfm", morph=0.5)["inputs"] == ["in_face:0"]
    rgba = torch.rand(1, 4, SIZE, SIZE)
    painted = []
    for amount in (0.0, 1.0):
        export(model, "torchscript", tmp_path / "c.pt", morph=amount)
        painted.append(torch.jit.load(tmp_path / "c.pt")(rgba))
    assert not torch.allclose(painted[0], painted[1], atol=0.01)


def test_what_cannot_be_exported_is_told_and_nothing_is_written(tmp_path):
    model = make_model(tmp_path / "model")
    out = tmp_path / "out.pt"
    with pytest.raises(UsageError, match=r"family quick, which has no slider"):
        export(model, "torchscript", out, morph=0.5)
    with pytest.raises(ModelError, match="no trained model"):
        export(tmp_path / "typo", "torchscript", out)
    assert not out.exists()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        export(model, "torchscript", tmp_path / "folder")
