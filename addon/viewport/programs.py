"""The GPU programs: reads ``shaders/``, declares their resources, compiles each once.

The files hold bodies only, since Blender writes the declarations for OpenGL, Vulkan or Metal itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gpu
from gpu_extras.batch import batch_for_shader
from mathutils import Vector

SHADERS = Path(__file__).parents[2] / "shaders"

_MATRIX, _GAMMA, _SPLIT = ("MAT4", "to_display"), ("FLOAT", "gamma"), ("FLOAT", "split")
_PICTURES: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "wipe": (("plate", "composite"), (_MATRIX, _GAMMA, _SPLIT)),
    "difference": (("plate", "composite"), (_MATRIX, ("FLOAT", "gain"))),
    "matte": (("composite", "matte"), (_MATRIX, _GAMMA, ("VEC4", "tint"))),
    "match": (("plate", "swap", "matte"), (_MATRIX, ("VEC3", "gain"), _GAMMA, _SPLIT)),
}
"""Program -> the pictures it samples, and the values it is given: 128 bytes at most, which every GPU takes
(short ones last, or their padding counts)."""

NAMES = (*_PICTURES, "lines")

_compiled: dict[str, gpu.types.GPUShader | RuntimeError] = {}


def program(name: str) -> gpu.types.GPUShader:
    """The compiled program. One that does not compile is not tried again before :func:`clear`; raises RuntimeError."""
    if name not in _compiled:
        try:
            _compiled[name] = gpu.shader.create_from_info(_lines() if name == "lines" else _picture(name))
        except Exception as error:  # what Blender raises when a driver refuses a shader is a bare Exception
            _compiled[name] = RuntimeError(
                f"The shader {name} does not compile on {gpu.platform.renderer_get()}: update the graphics driver"
            )
            _compiled[name].__cause__ = error
    found = _compiled[name]
    if isinstance(found, RuntimeError):
        raise found
    return found


def pictures_of(name: str) -> tuple[str, ...]:
    """The samplers of a picture program."""
    return _PICTURES[name][0]


def values_of(name: str) -> tuple[str, ...]:
    """The values that a picture program needs set."""
    return tuple(value for _, value in _PICTURES[name][1])


def clear() -> None:
    """Forget every program."""
    _compiled.clear()


def rectangle(name: str, x0: float, y0: float, x1: float, y1: float) -> gpu.types.GPUBatch:
    """The batch that draws a picture program between two corners, bottom left and top right, in region pixels."""
    to_clip = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    places = [to_clip @ Vector((x0 + x * (x1 - x0), y0 + y * (y1 - y0), 0.0, 1.0)) for x, y in corners]
    content = {"position": places, "corner": corners}
    return batch_for_shader(program(name), "TRIS", content, indices=((0, 1, 2), (0, 2, 3)))


Stroke = tuple[Sequence[float], Sequence[float], Sequence[float], float]
"""Start and end (x, y), display colour (r, g, b, a), radius in region pixels; a dot starts where it ends."""


def strokes(drawn: Sequence[Stroke]) -> gpu.types.GPUBatch:
    """The batch of the ``lines`` program that draws strokes in their order."""
    sides = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
    content = {
        "side": sides * len(drawn),
        "start": [stroke[0] for stroke in drawn for _ in sides],
        "end": [stroke[1] for stroke in drawn for _ in sides],
        "colour": [stroke[2] for stroke in drawn for _ in sides],
        "radius": [stroke[3] for stroke in drawn for _ in sides],
    }
    return batch_for_shader(program("lines"), "TRIS", content)


def _picture(name: str) -> gpu.types.GPUShaderCreateInfo:
    samplers, values = _PICTURES[name]
    info = _declared((("VEC4", "position"), ("VEC2", "corner")), (("SMOOTH", "VEC2", "place"),), name)
    for slot, sampler in enumerate(samplers):
        info.sampler(slot, "FLOAT_2D", sampler)
    for kind, value in values:
        info.push_constant(kind, value)
    return _with_sources(info, "image.vert", f"{name}.frag")


def _lines() -> gpu.types.GPUShaderCreateInfo:
    attributes = (("VEC2", "side"), ("VEC2", "start"), ("VEC2", "end"), ("VEC4", "colour"), ("FLOAT", "radius"))
    between = (("SMOOTH", "VEC2", "place"), ("FLAT", "VEC4", "ends"), ("FLAT", "VEC4", "ink"))
    info = _declared(attributes, (*between, ("FLAT", "FLOAT", "half_width")), "lines")
    info.push_constant("MAT4", "ModelViewProjectionMatrix")  # Blender fills it in, by this name
    info.push_constant("VEC4", "placement")
    return _with_sources(info, "lines.vert", "lines.frag")


def _declared(
    attributes: Sequence[tuple[str, str]], between: Sequence[tuple[str, str, str]], name: str
) -> gpu.types.GPUShaderCreateInfo:
    info = gpu.types.GPUShaderCreateInfo()
    for slot, (kind, attribute) in enumerate(attributes):
        info.vertex_in(slot, kind, attribute)
    stage = gpu.types.GPUStageInterfaceInfo(f"understudy_{name}")
    for way, kind, value in between:
        getattr(stage, way.lower())(kind, value)
    info.vertex_out(stage)
    info.fragment_out(0, "VEC4", "pixel")
    return info


def _with_sources(info: gpu.types.GPUShaderCreateInfo, vertex: str, fragment: str) -> gpu.types.GPUShaderCreateInfo:
    info.push_constant("BOOL", "srgbTarget")  # Blender sets it, by this name: whether the framebuffer encodes
    info.vertex_source(_source(vertex))
    info.fragment_source(_source("colour.glsl") + _source(fragment))
    return info


def _source(file: str) -> str:
    return (SHADERS / file).read_text(encoding="utf-8")
