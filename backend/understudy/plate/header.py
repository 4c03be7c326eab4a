"""Between OpenImageIO's image specification and our :class:`Header`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import OpenImageIO as oiio

from understudy.plate.frame import Header, Typed, Window

# Fields of the Header, and what belongs to the file's own structure.
_NOT_ATTRIBUTES = {"framesPerSecond", "smpte:TimeCode", "PixelAspectRatio", "colorInteropID"}
_NOT_ATTRIBUTES |= {"compression", "name", "view", "multiView"}
# A profile's fields are not carried, and OpenImageIO 3.0 crashes at a name in it that is empty.
_STRUCTURE = ("oiio:", "openexr:", "ICCProfile")

# What would be untrue in another file: format details, the claim to be an ACES container (our file has layers and is
# compressed), mattes that stay behind, and what another run of ours said about its own result.
_NOT_CARRIED = ("tiff:", "dpx:", "png:", "jpeg:", "bmp:", "ICCProfile", "Exif:", "GPS:", "IPTC:", "planarconfig")
_OF_THIS_FILE = ("Orientation", "acesImageContainerFlag", "cryptomatte/", "understudy/")

_PLAIN = {"string", "int", "float"}

FINGERPRINT = "understudy/fingerprint"
"""The attribute in which a converted frame tells what it was made of."""


def header_of(spec: oiio.ImageSpec, dtype: Literal["half", "float"]) -> Header:
    """The header of an opened picture."""
    attributes: dict[str, Any] = {}
    for param in spec.extra_attribs:
        try:
            name = param.name
            if name in _NOT_ATTRIBUTES or name.startswith(_STRUCTURE):
                continue
            value = param.value
        except UnicodeDecodeError:  # bytes that no other program could read as text either
            continue
        # OpenImageIO prints this one type's name in a way that it does not read.
        kind = str(param.type).replace("rational2i", "rational")
        attributes[name] = value if kind in _PLAIN else Typed(kind, value)
    timecode: Any = spec.getattribute("smpte:TimeCode")
    return Header(
        data=Window(spec.x, spec.y, spec.width, spec.height),
        display=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        dtype=dtype,
        fps=_fps(spec),
        timecode=(timecode[0] & 0xFFFFFFFF, timecode[1] & 0xFFFFFFFF) if timecode else None,
        pixel_aspect=_aspect(spec.getattribute("PixelAspectRatio")),
        attributes=attributes,
        interop_id=spec.getattribute("colorInteropID") or None,
    )


def stamp(spec: oiio.ImageSpec, header: Header) -> None:
    """Put what every part of a file shares on ``spec``: display window, rate, timecode, pixel aspect."""
    display = header.display
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display.x, display.y, display.width, display.height
    if header.fps:
        # The standard name starts with a lower-case f; OpenImageIO's documented one would be written as it stands.
        spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), header.fps)
    if header.timecode:
        spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), header.timecode)
    spec.attribute("PixelAspectRatio", header.pixel_aspect)
    # OpenImageIO would put the time of writing here, and the same frame written twice would differ.
    spec.attribute("DateTime", str(header.attributes.get("DateTime", "")))


def stamp_carried(spec: oiio.ImageSpec, header: Header, interop_id: str | None) -> None:
    """Put the plate's own attributes and the colour tag on ``spec``, the first part of a file.

    Chromaticities are left out beside a colour tag, as the Color Interop Forum asks.
    """
    for name, value in header.attributes.items():
        if name.startswith(_NOT_CARRIED + _OF_THIS_FILE) or (name == "chromaticities" and interop_id):
            continue
        if isinstance(value, Typed):
            spec.attribute(name, oiio.TypeDesc(value.type), value.value)
        else:
            spec.attribute(name, value)
    if interop_id:
        spec.attribute("colorInteropID", interop_id)


def _aspect(value: Any) -> float:
    """What a header says of its pixels' width over their height, likely or not; 1 where that is none at all."""
    return float(value) if isinstance(value, float | int) and 0 < value < 1e6 else 1.0


def _fps(spec: oiio.ImageSpec) -> tuple[int, int] | None:
    rate = spec.getattribute("framesPerSecond")
    if isinstance(rate, tuple) and rate[0] > 0 and rate[1] > 0:
        return int(rate[0]), int(rate[1])
    decimal = spec.getattribute("dpx:FrameRate") or spec.getattribute("dpx:TemporalFrameRate")
    return _rational(decimal) if isinstance(decimal, float) and 1e-3 < decimal < 1e6 else None


def _rational(rate: float) -> tuple[int, int]:
    """The fraction behind a decimal rate: 23.976 means 24000/1001."""
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    exact = ntsc if abs(float(ntsc) - rate) < 0.002 else Fraction(rate).limit_denominator(1000)
    return exact.numerator, exact.denominator
