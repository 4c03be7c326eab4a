"""A trained model for other programs: one file that holds all of a swap, from a picture to a picture.

Inside the graph is what :mod:`understudy.convert` does around a network, as far as a single crop allows:

- The light is the face's own mean and spread on this one crop. A shot's light is a median over all its frames, which a
  live host does not have; what passes before a face changes the light here, and there it does not.
- The encoder looks, and the light is measured, through the outline of a mean head seen from the front in the model's crop.
  A host brings no landmarks, so a turned head is seen with a little more of its surroundings than in a conversion.

Nothing else is approximated.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from understudy.errors import ComponentError, ModelError
from understudy.model.log_curve import decode_bounded, encode
from understudy.model.morph import MorphNetwork
from understudy.model.network import SIDES, SwapNetwork
from understudy.model.normalisation import ColourStats, detail, gate, lights_of_faces

OPSET = 13
"""Of ONNX: old enough for hosts of some years."""

LARGEST = 2**31 - 2**24
"""Bytes of weights that one ONNX file can hold, for a protobuf message ends at 2 GiB."""

DFM_INPUT, DFM_SLIDER = "in_face:0", "morph_value:0"
DFM_OUTPUTS = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0")
"""Names, in this order, that hosts of DFM models ask for."""


class Swap(nn.Module):
    """Linear crops of the target in, linear crops of the source in their place out.

    ``amount`` is where the slider of a morph model stands; None where there is none, or where the host moves it.
    """

    def __init__(self, network: SwapNetwork, amount: float | None) -> None:
        super().__init__()
        self.network, self.amount = network, amount

    def forward(
        self, linear: torch.Tensor, face: torch.Tensor, slider: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(N, 3, R, R) in the working space, (N, 1, R, R) where the face is, (1,) or (N,) slider.

        Returns the new face (N, 3, R, R), its mask and the mask of the target (N, 1, R, R).
        """
        codes = encode(linear)
        light = ColourStats(*lights_of_faces(codes, face))
        code = self.network.encode(detail(light.normalise(codes), gate(face)))
        amount = self.amount if slider is None else slider[:, None]
        if isinstance(self.network, MorphNetwork) and amount is not None:
            colour, logits = self.network.blend(code, code[:, :1] * 0 + amount)
        else:
            colour, logits = self.network.decode(code, SIDES[0])
        _, target_logits = self.network.decode(code, SIDES[1])
        return decode_bounded(light.restore(colour)), torch.sigmoid(logits), torch.sigmoid(target_logits)


class Dfm(nn.Module):
    """The contract of DFM models: (N, R, R, 3) BGR in 0..1, sRGB-encoded, in and out.

    ``face`` (1, 1, R, R) is where a face is in the crop, ``to_working`` (3, 3) takes linear Rec.709 to the working space
    of the model by ``rgb @ to_working``.
    """

    def __init__(self, swap: Swap, face: torch.Tensor, to_working: torch.Tensor) -> None:
        super().__init__()
        self.swap = swap
        self.face: torch.Tensor
        self.to_working: torch.Tensor
        self.from_working: torch.Tensor
        self.register_buffer("face", face)
        # Turned over, for they read and write BGR.
        self.register_buffer("to_working", to_working.flip(0))
        self.register_buffer("from_working", torch.linalg.inv(to_working.double()).to(to_working.dtype).flip(1))

    def forward(
        self, faces: torch.Tensor, slider: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(N, R, R, 3) and the slider of a morph model, (1,) in 0..1 -> what :data:`DFM_OUTPUTS` names.

        Masks are (N, R, R, 1) in 0..1: the target's, then, after the new face, its own.
        """
        linear = srgb_to_linear(faces) @ self.to_working
        face = self.face.expand(linear.shape[0], -1, -1, -1)
        swapped, mask, target_mask = self.swap(linear.permute(0, 3, 1, 2), face, slider)
        shown = linear_to_srgb(swapped.permute(0, 2, 3, 1) @ self.from_working)
        return target_mask.permute(0, 2, 3, 1), shown, mask.permute(0, 2, 3, 1)


class Rgba(nn.Module):
    """One input and one output of four channels, for compositing programs: scene-linear, in the model's working space.

    In: (N, 4, R, R) colour, and where it may be looked at (1 everywhere, less where something hides the face). Out:
    the new face, not premultiplied, and its mask: where both the new face and the target's own are, as in a conversion.
    """

    def __init__(self, swap: Swap, face: torch.Tensor) -> None:
        super().__init__()
        self.swap = swap
        self.face: torch.Tensor
        self.register_buffer("face", face)

    def forward(self, rgba: torch.Tensor) -> torch.Tensor:
        swapped, mask, target_mask = self.swap(rgba[:, :3], self.face * rgba[:, 3:])
        return torch.cat([swapped, mask * target_mask], dim=1)


def srgb_to_linear(shown: torch.Tensor) -> torch.Tensor:
    """The curve of sRGB (IEC 61966-2-1), undone; values in 0..1, any shape."""
    return torch.where(shown <= 0.04045, shown / 12.92, ((shown.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: torch.Tensor) -> torch.Tensor:
    """The curve of sRGB (IEC 61966-2-1) of values held to 0..1, any shape."""
    held = linear.clamp(0, 1)
    return torch.where(held <= 0.0031308, held * 12.92, 1.055 * held.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def to_dfm(network: SwapNetwork, face: torch.Tensor, to_working: torch.Tensor, amount: float | None = None) -> bytes:
    """The ONNX file of a :class:`Dfm` on the CPU, for any number of faces.

    ``face`` (R, R) is where a face is in the crop. A morph model gets the input ``morph_value:0``, unless ``amount``
    fixes it. Raises :class:`ComponentError` without the package onnx and :class:`ModelError` for too large a network.
    """
    try:
        import onnx
    except ImportError:
        raise ComponentError(
            "Exporting a DFM model needs the package onnx.", 'Install it: pip install "understudy-vfx[export]"'
        ) from None
    size = sum(weight.numel() * 4 for weight in network.parameters())
    if size > LARGEST:
        raise ModelError(
            f"The network's weights are {size / 2**30:.1f} GiB; a DFM model ends at 2 GiB.", "Export it as torchscript."
        )
    slides = isinstance(network, MorphNetwork) and amount is None
    module = Dfm(Swap(network, amount), face[None, None], to_working).eval()
    names = [DFM_INPUT, DFM_SLIDER][: 1 + slides]
    examples = (torch.full((2, *face.shape, 3), 0.5), torch.ones(1))[: 1 + slides]
    file = io.BytesIO()
    # What the exporter does not know of itself. Near 0 it is less exact than the original, by 1e-8 of scene-linear light.
    torch.onnx.register_custom_op_symbolic("aten::expm1", _exp_minus_one, OPSET)  # type: ignore[attr-defined]
    with torch.no_grad(), _quietly():
        module(*examples)  # makes the blurs' kernels, so that the graph does not
        torch.onnx.export(
            module,
            examples,
            file,  # type: ignore[arg-type]
            input_names=names,
            output_names=list(DFM_OUTPUTS),
            dynamic_axes={name: {0: "faces"} for name in (DFM_INPUT, *DFM_OUTPUTS)},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(file.getvalue())
    for output in model.graph.output:  # the exporter does not follow all shapes to the end, and hosts check them
        for axis, size in enumerate((*face.shape, 3 if output.name == DFM_OUTPUTS[1] else 1), start=1):
            output.type.tensor_type.shape.dim[axis].dim_value = size
    return bytes(model.SerializeToString())


def to_torchscript(network: SwapNetwork, face: torch.Tensor, amount: float | None = None) -> bytes:
    """The TorchScript file of a :class:`Rgba`, traced on the CPU, for any number of faces.

    ``face`` (R, R) is where a face is in the crop; ``amount`` is where a morph model's slider stands, 1 when left out.
    """
    module = Rgba(Swap(network, amount), face[None, None]).eval()
    file = io.BytesIO()
    with torch.no_grad(), _quietly():
        example = torch.full((2, 4, *face.shape), 0.5)
        module(example)  # makes the blurs' kernels, so that the graph does not
        # Tensors that a graph holds as constants stay behind when a host moves it to a GPU; buffers of the module go
        # along. The blurs keep their kernels between calls, so the second trace finds them there.
        for index, constant in enumerate(tensor_constants(_trace(module, example))):
            module.register_buffer(f"constant_{index}", constant)
        torch.jit.save(_trace(module, example), file)
    return file.getvalue()


def _trace(module: nn.Module, example: torch.Tensor) -> Any:
    return torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]


def tensor_constants(traced: Any) -> list[torch.Tensor]:
    """Tensors of more than one number that a traced module holds outside its weights and buffers."""
    graph = traced.inlined_graph  # owns its nodes
    constants = [node for node in graph.findAllNodes("prim::Constant") if node.hasAttribute("value")]
    found = [node.t("value") for node in constants if node.kindOf("value") == "t"]
    return list({tensor.data_ptr(): tensor for tensor in found if tensor.dim()}.values())


def _exp_minus_one(graph: Any, x: Any) -> Any:
    return graph.op("Sub", graph.op("Exp", x), graph.op("Constant", value_t=torch.tensor(1.0)))


@contextmanager
def _quietly() -> Iterator[None]:
    """Without torch's advice to use newer exporters, whose files hosts do not read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
