from __future__ import annotations

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_people import TINY
from understudy.errors import ComponentError, ModelError
from understudy.model import export
from understudy.model.export import (
    DFM_OUTPUTS,
    linear_to_srgb,
    srgb_to_linear,
    tensor_constants,
    to_dfm,
    to_torchscript,
)
from understudy.model.families import FAMILIES, build, default_architecture
from understudy.model.log_curve import decode_bounded, encode
from understudy.model.network import SwapNetwork
from understudy.model.normalisation import detail, gate, measure_light
from understudy.plate.colour import encode_srgb

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated")

SIZE = 64
LINE = torch.linspace(-1, 1, SIZE)
FACE = (1.5 - 2 * (LINE[:, None] ** 2 + LINE**2)).clamp(0, 1)
TO_WORKING = torch.tensor([[0.61, 0.07, 0.02], [0.34, 0.92, 0.11], [0.05, 0.01, 0.87]])
"""A matrix like that from Rec.709 to ACEScg."""


def trained(family: str) -> SwapNetwork:
    """A small network whose every weight has moved."""
    torch.manual_seed(0)
    narrow = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4}
    quick = {"quick": TINY, "grown": replace(TINY, grown=1)}
    network = build(quick.get(family) or default_architecture(family, SIZE, **narrow))
    network.start({name: torch.randn(4, SIZE, SIZE) * 0.3 for name in network.arch.identities})
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return network.eval().requires_grad_(False)


def swapped(
    network: SwapNetwork, linear: torch.Tensor, face: torch.Tensor, amount: float | None = None
) -> list[torch.Tensor]:
    """The swap of one linear crop (3, R, R) as a conversion makes it, where the shot is this one frame."""
    codes, face = encode(linear[None]), face[None, None]
    light = measure_light(codes, face)
    code = network.encode(detail(light.normalise(codes), gate(face)))
    colour, logits = (
        network.decode(code, "source") if amount is None else network.blend(code, torch.full((1, 1), amount))
    )
    target_logits = network.decode(code, "target")[1]
    return [decode_bounded(light.restore(colour))[0], torch.sigmoid(logits)[0], torch.sigmoid(target_logits)[0]]


@pytest.mark.parametrize("family", [*FAMILIES, "grown"])
def test_a_dfm_model_paints_in_onnxruntime_what_a_conversion_paints(family):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    network = trained(family)
    session = onnxruntime.InferenceSession(to_dfm(network, FACE, TO_WORKING), providers=["CPUExecutionProvider"])
    slides = family == "morph"
    assert [node.name for node in session.get_inputs()] == ["in_face:0", "morph_value:0"][: 1 + slides]
    assert session.get_inputs()[0].shape[1:] == [SIZE, SIZE, 3]
    assert [(node.name, node.shape[1:]) for node in session.get_outputs()] == [
        ("out_face_mask:0", [SIZE, SIZE, 1]),
        ("out_celeb_face:0", [SIZE, SIZE, 3]),
        ("out_celeb_face_mask:0", [SIZE, SIZE, 1]),
    ]
    rgb = np.random.default_rng(1).uniform(0, 1, (3, SIZE, SIZE, 3)).astype(np.float32)
    for count, amount in ((1, 0.25), (3, 0.8)):
        feed = {"in_face:0": rgb[:count, ..., ::-1].copy()}
        feed |= {"morph_value:0": np.float32([amount])} if slides else {}
        target_mask, bgr, mask = session.run(None, feed)
        for index in range(count):
            curve = np.where(rgb[index] <= 0.04045, rgb[index] / 12.92, ((rgb[index] + 0.055) / 1.055) ** 2.4)
            working = (curve.astype(np.float32) @ TO_WORKING.numpy()).transpose(2, 0, 1)
            wanted = swapped(network, torch.from_numpy(working.copy()), FACE, amount if slides else None)
            shown = encode_srgb(wanted[0].permute(1, 2, 0).numpy() @ np.linalg.inv(TO_WORKING.numpy()))
            assert np.abs(bgr[index, ..., ::-1] - shown).max() < 1e-4
            assert np.abs(mask[index, ..., 0] - wanted[1][0].numpy()).max() < 1e-4
            assert np.abs(target_mask[index, ..., 0] - wanted[2][0].numpy()).max() < 1e-4
            assert shown.std() > 0.02 and mask.std() > 0.01  # there is something to compare


@pytest.mark.parametrize("family", [*FAMILIES, "grown"])
def test_a_torchscript_model_paints_what_a_conversion_paints(family):
    network = trained(family)
    module = torch.jit.load(io.BytesIO(to_torchscript(network, FACE)))
    rgba = torch.rand(3, 4, SIZE, SIZE) * 2
    rgba[:, 3] = 1
    rgba[2, 3, :, :20] = 0  # something stands before the face
    for batch in (rgba[:1], rgba):
        out = module(batch)
        assert out.shape == batch.shape
        for given, made in zip(batch, out, strict=True):
            colour, mask, target_mask = swapped(network, given[:3], FACE * given[3])
            assert torch.allclose(made[:3], colour, atol=1e-4, rtol=1e-4)
            assert torch.allclose(made[3:], mask * target_mask, atol=1e-5)


def test_a_torchscript_model_goes_to_a_device_whole():
    module = torch.jit.load(io.BytesIO(to_torchscript(trained("morph"), FACE, 0.5)))
    assert not tensor_constants(module)
    assert "torch.device(" not in module.code + module.swap.code
    assert len(dict(module.named_buffers())) > 1  # the blurs' kernels


def test_the_slider_of_a_morph_model_can_be_fixed():
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    network = trained("morph")
    rgba = torch.rand(1, 4, SIZE, SIZE)
    rgba[:, 3] = 1
    pictures = [torch.jit.load(io.BytesIO(to_torchscript(network, FACE, amount)))(rgba) for amount in (None, 1.0, 0.25)]
    assert torch.allclose(pictures[0], pictures[1], atol=1e-6)
    assert torch.allclose(pictures[2][0, :3], swapped(network, rgba[0, :3], FACE, 0.25)[0], atol=1e-4)
    assert not torch.allclose(pictures[1], pictures[2], atol=0.01)
    session = onnxruntime.InferenceSession(to_dfm(network, FACE, TO_WORKING, 0.25), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == ["in_face:0"]
    free = onnxruntime.InferenceSession(to_dfm(network, FACE, TO_WORKING), providers=["CPUExecutionProvider"])
    feed = {"in_face:0": np.random.default_rng(0).uniform(0, 1, (1, SIZE, SIZE, 3)).astype(np.float32)}
    face = DFM_OUTPUTS[1:2]
    [fixed], [quarter], [whole] = (
        session.run(face, feed),
        free.run(face, feed | {"morph_value:0": np.float32([0.25])}),
        free.run(face, feed | {"morph_value:0": np.float32([1])}),
    )
    assert np.allclose(fixed, quarter, atol=1e-5) and not np.allclose(fixed, whole, atol=0.01)


def test_the_curve_of_srgb_is_there_and_back():
    values = torch.linspace(0, 1, 1001, dtype=torch.float64)
    assert torch.allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=1e-6)
    assert np.allclose(linear_to_srgb(values), encode_srgb(values.numpy().astype(np.float32)), atol=1e-6)
    assert linear_to_srgb(torch.tensor([-1.0, 2.0])).tolist() == pytest.approx([0, 1])


def test_without_the_package_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ComponentError, match="onnx") as caught:
        to_dfm(trained("quick"), FACE, TO_WORKING)
    assert "[export]" in caught.value.hint


def test_a_network_too_large_for_a_file_is_refused(monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.setattr(export, "LARGEST", 1000)
    with pytest.raises(ModelError, match="2 GiB"):
        to_dfm(build(replace(TINY, code=17)), FACE, TO_WORKING)
