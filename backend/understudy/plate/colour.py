"""Colour spaces of the show: from a plate's space to the working space, back, and to the screen.

All names and transforms are those of an OpenColorIO configuration, reached through OpenImageIO.
"""

from __future__ import annotations

import difflib
import functools
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from understudy.errors import ColourError
from understudy.plate.frame import Header, Typed
from understudy.plate.sequence import Plate

BUILT_IN = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""The configuration used where none is set: named in full, so that another OpenImageIO gives the same pixels."""

# Color Interop Forum identifiers, with the names their spaces have where a configuration does not know the identifier.
_INTEROP: dict[str, tuple[str, ...]] = {
    "lin_ap1_scene": ("lin_ap1", "ACEScg"),
    "lin_ap0_scene": ("lin_ap0", "ACES2065-1", "aces_interchange"),
    "lin_rec709_scene": ("lin_rec709", "lin_rec709_srgb", "lin_srgb", "Linear Rec.709", "Utility - Linear - sRGB"),
    "lin_p3d65_scene": ("lin_p3d65", "Linear DCI-P3 D65", "Utility - Linear - P3-D65"),
    "lin_rec2020_scene": ("lin_rec2020", "Linear Rec.2020", "Utility - Linear - Rec.2020"),
    "lin_adobergb_scene": ("lin_adobergb", "Utility - Linear - Adobe RGB"),
    "srgb_rec709_scene": ("srgb_tx", "srgb_texture", "sRGB - Texture", "Utility - sRGB - Texture", "sRGB"),
    "g22_rec709_scene": ("g22_rec709", "g22_rec709_tx"),
    "g18_rec709_scene": ("g18_rec709", "g18_rec709_tx"),
    "srgb_p3d65_scene": ("srgb_p3d65", "srgb_encoded_p3d65_tx"),
    "g22_adobergb_scene": ("adobergb",),
    "srgb_ap1_scene": ("srgb_ap1", "srgb_encoded_ap1_tx"),
    "g22_ap1_scene": ("g22_ap1", "g22_ap1_tx"),
    "g24_rec709_scene": ("g24_rec709", "g24_rec709_tx"),
    "pq_rec2020_display": ("rec2100_pq_display", "Rec.2100-PQ - Display", "Rec.2100-PQ"),
    "pq_p3d65_display": ("st2084_p3d65_display", "ST2084-P3-D65 - Display"),
    "hlg_rec2020_display": ("rec2100_hlg_display", "Rec.2100-HLG - Display", "Rec.2100-HLG"),
    "g24_rec2020_display": ("rec1886_rec2020_display", "Rec.1886 Rec.2020 - Display", "Rec.2020"),
    "g26_p3d65_display": ("p3d65_display", "P3-D65 - Display"),
    "g26_p3dci_display": ("p3_dci_display", "P3-DCI - Display"),
    "data": ("data", "Raw"),
}

# CIE xy of red, green, blue and white (SMPTE ST 2065-1, AMPAS S-2014-004, ITU-R BT.709 and BT.2020, P3 with D65).
_PRIMARIES: dict[str, tuple[float, ...]] = {
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "lin_rec709_scene": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "lin_p3d65_scene": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    "lin_rec2020_scene": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
}

_LINEAR_FILES = {".exr", ".hdr"}
_VIDEO_DPX = ("SMPTE 274M", "Rec709", "Rec601", "NTSC", "PAL", "Unspecified video")
_HINT = "Name the plate's colour space, or another OCIO configuration, in the settings."


_Matrices = dict[tuple[str, str], NDArray[np.float32] | None]
_BUILT_IN_MATRICES: dict[str, _Matrices] = {}
"""What was measured of the configurations that OpenColorIO holds itself: one of a file may change while we run."""

_LOCK = threading.Lock()  # of all matrices

_REC709_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class InputSpace:
    """The colour space of a plate: its name in the configuration, and why it was chosen, to be told to the user.

    ``scene_linear`` says that a 3x3 matrix leads to the working space. ``interop_id`` tags what is written in it.
    """

    name: str
    reason: str
    scene_linear: bool
    interop_id: str | None


class ColourManager:
    """The colour spaces of one OCIO configuration. All methods may be called from several threads.

    Pictures are (H, W, 3) in RGB order; results are new float32 arrays. NaN and Inf stay within their own pixel.
    """

    def __init__(self, config: str, source: str) -> None:
        """``config`` is a path or an ``ocio://`` name, ``source`` says who asked for it. Raises ColourError."""
        self._uri = config
        self.source = source
        self._config, problem = _loaded(config) if _is_built_in(config) else _load(config)
        if problem:
            reason = " ".join(problem.split()).rstrip(".")
            raise ColourError(f"The OCIO configuration {config} ({source}) cannot be used: {reason}.", _HINT)
        self._spaces: dict[str, str] = {}
        for space in self._config.getColorSpaceNames():
            for name in (space, *self._config.getAliases(space)):
                self._spaces.setdefault(name.casefold(), space)
        for role in self._config.getRoles():
            self._spaces[role.casefold()] = self._config.getColorSpaceNameByRole(role)
        working = self._find("scene_linear")
        if working is None:
            raise ColourError(f"The OCIO configuration {config} ({source}) has no role scene_linear.", _HINT)
        self.working = working
        self._matrices: _Matrices = _BUILT_IN_MATRICES.setdefault(config, {}) if _is_built_in(config) else {}

    @classmethod
    def discover(cls, config: str | None = None) -> ColourManager:
        """The configuration that :meth:`wanted` names. Raises ColourError."""
        return cls(*cls.wanted(config))

    @staticmethod
    def wanted(config: str | None = None) -> tuple[str, str]:
        """Which configuration to use, and who asks for it.

        That is the setting, else ``$OCIO``, else ``$BLENDER_OCIO``, else :data:`BUILT_IN`.
        """
        if config:
            return config, "setting"
        for variable in ("OCIO", "BLENDER_OCIO"):
            if found := os.environ.get(variable):
                return found, f"${variable}"
        return BUILT_IN, "built-in"

    @property
    def config(self) -> str:
        """The configuration's path or ``ocio://`` name."""
        return self._uri

    def input_space(self, plate: Plate, header: Header, setting: str | None) -> InputSpace:
        """The colour space of ``plate``.

        In this order: the ``setting`` (a name, alias or role), what the file says (ACES container, ``colorInteropID``,
        known chromaticities, its encoding), and a default for the kind of file. Untagged EXR, HDR and float TIFF are taken to be
        in the working space; PNG, JPEG, integer TIFF and movies to be sRGB-encoded; DPX as its header says, else
        in the role compositing_log. Raises ColourError for an unknown setting, where a default is not in the
        configuration, and for PQ and HLG where their space is not.
        """
        if setting:
            return self._input(self.space(setting), "setting", None)
        if header.attributes.get("acesImageContainerFlag") == 1 and (space := self._by_interop_id("lin_ap0_scene")):
            return self._input(space, "ACES container", "lin_ap0_scene")
        unknown = ""
        if header.interop_id and header.interop_id != "unknown":
            if space := self._by_interop_id(header.interop_id):
                return self._input(space, f"colorInteropID {header.interop_id}", header.interop_id)
            unknown = f", since the configuration does not know its colorInteropID {header.interop_id}"
        if "chromaticities" in header.attributes:
            known = _named_primaries(header.attributes["chromaticities"])
            if known and (space := self._by_interop_id(known)):
                return self._input(space, "chromaticities", known)
            unknown = unknown or ", since the configuration does not know its chromaticities"
        if (encoding := header.encoding) is not None:
            if encoding.interop_id and (space := self._by_interop_id(encoding.interop_id)):
                return self._input(space, encoding.said, encoding.interop_id)
            if encoding.high_range:
                raise ColourError(
                    f"The OCIO configuration {self._uri} has no space for {plate.pattern}, whose pictures are in "
                    f"{encoding.said}.",
                    _HINT,
                )
            unknown = unknown or f", since the configuration does not know its {encoding.said}"
        return self._default_input(plate, header, unknown)

    def space(self, name: str) -> str:
        """The configuration's own name of the space that ``name`` (a name, alias or role) stands for.

        Raises ColourError with the nearest names.
        """
        if found := self._find(name):
            return found
        near = difflib.get_close_matches(name.casefold(), self._spaces, n=5, cutoff=0.5)
        names = list(dict.fromkeys(self._spaces[key] for key in near))
        hint = f"Did you mean {', '.join(names)}?" if names else _HINT
        raise ColourError(f"The OCIO configuration {self._uri} has no colour space {name!r}.", hint)

    def interop_id_of(self, space_name: str) -> str | None:
        """The Color Interop Forum identifier that tags pixels in that space, or None where it has none."""
        space = self._find(space_name)
        return next((known for known in _INTEROP if space and self._by_interop_id(known) == space), None)

    def to_working(self, rgb: NDArray[Any], space: str) -> NDArray[np.float32]:
        """From ``space`` (name, alias or role) to the working space. Raises ColourError."""
        return self._convert(rgb, self.space(space), self.working)

    def from_working(self, rgb: NDArray[Any], space: str) -> NDArray[np.float32]:
        """From the working space to ``space`` (name, alias or role). Raises ColourError."""
        return self._convert(rgb, self.working, self.space(space))

    def luminance(self) -> NDArray[np.float32]:
        """The weights (3,) of R, G and B in the luminance of the working space; their sum is 1.

        Those of Rec.709 where the configuration does not say what its working space's primaries are.
        """
        xyz = self._find("cie_xyz_d65_interchange")
        matrix = None if xyz is None else self._matrix(self.working, xyz)
        weights = _REC709_LUMINANCE if matrix is None else matrix[:, 1]
        return np.asarray(weights / weights.sum(), np.float32)

    def to_display(self, rgb_working: NDArray[Any], view: str | None = None) -> NDArray[np.float32]:
        """A picture for a screen or a detector: (H, W, 3) float32 in 0..1, display-encoded.

        Without a ``view``: linear Rec.709 clipped to 0..1, then the sRGB curve (IEC 61966-2-1), no tone mapping, NaN
        black. With one, written ``Display/View``: that view of the configuration. Raises ColourError.
        """
        finite = np.nan_to_num(np.asarray(rgb_working, np.float32), nan=0.0, posinf=65504.0, neginf=-65504.0)
        if view is None:
            rec709 = self._by_interop_id("lin_rec709_scene")
            if rec709 is None:
                raise ColourError(f"The OCIO configuration {self._uri} has no linear Rec.709 space.", _HINT)
            return encode_srgb(self._convert(finite, self.working, rec709))
        display, name = self._view(view)
        result = oiio.ImageBufAlgo.ociodisplay(
            oiio.ImageBuf(np.ascontiguousarray(finite)),
            display,
            name,
            self.working,
            "",
            False,
            False,
            "",
            "",
            self._uri,
        )
        shown: NDArray[np.float32] = np.clip(_pixels(result, finite.shape), 0.0, 1.0)
        return shown

    def _input(self, space: str, reason: str, interop_id: str | None) -> InputSpace:
        linear = space == self.working or self._matrix(space, self.working) is not None
        return InputSpace(space, reason, linear, interop_id or self.interop_id_of(space))

    def _default_input(self, plate: Plate, header: Header, unknown: str) -> InputSpace:
        extension = plate.path(plate.frames[0]).suffix.lower()
        transfer = str(header.attributes.get("dpx:Transfer", ""))
        if extension in _LINEAR_FILES or (extension in (".tif", ".tiff") and header.dtype == "float"):
            space, what = self.working, "role scene_linear"
        elif extension == ".dpx" and transfer == "Linear":
            space, what = self.working, "linear by its header"
        elif extension == ".dpx" and not transfer.startswith(_VIDEO_DPX):
            space, what = self.space("compositing_log"), "role compositing_log"
        else:
            encoded = self._by_interop_id("srgb_rec709_scene")
            if encoded is None:
                raise ColourError(f"The OCIO configuration {self._uri} has no sRGB texture space.", _HINT)
            space, what = encoded, "sRGB-encoded"
        return self._input(space, f"default for {extension} files ({what}){unknown}", None)

    def _find(self, name: str) -> str | None:
        return self._spaces.get(name.strip().casefold())

    def _by_interop_id(self, interop_id: str) -> str | None:
        """The space with that identifier among its names and aliases; leading namespaces are dropped in turn."""
        while True:
            for name in (interop_id, *_INTEROP.get(interop_id, ())):
                if found := self._find(name):
                    return found
            _, namespaced, interop_id = interop_id.partition(":")
            if not namespaced:
                return None

    def _view(self, view: str) -> tuple[str, str]:
        displays: Iterable[str] = self._config.getDisplayNames()
        for display in displays:
            for name in self._config.getViewNames(display):
                if f"{display}/{name}".casefold() == view.casefold():
                    return display, name
        known = ", ".join(f"{display}/{self._config.getDefaultViewName(display)}" for display in displays)
        raise ColourError(
            f"The OCIO configuration {self._uri} has no view {view!r}.", f"Views are for example: {known}."
        )

    def _convert(self, rgb: NDArray[Any], source: str, target: str) -> NDArray[np.float32]:
        pixels = np.array(rgb, np.float32, order="C")
        if source == target or not pixels.size:
            return pixels
        matrix = self._matrix(source, target)
        if matrix is None:
            return self._through_ocio(pixels, source, target)
        # By OpenCV, which takes an eighth of numpy's time for a product with rows of three.
        product = np.asarray(cv2.transform(pixels.reshape(-1, 1, 3), matrix.T), np.float32)
        return product.reshape(pixels.shape)

    def _matrix(self, source: str, target: str) -> NDArray[np.float32] | None:
        """The 3x3 matrix (for pixels as rows) that the conversion amounts to, or None when it is no matrix.

        OpenImageIO loads the whole configuration at every conversion; a product costs a tenth of that.
        """
        with _LOCK:
            if (source, target) not in self._matrices:
                self._matrices[source, target] = self._measure_matrix(source, target)
            return self._matrices[source, target]

    def _measure_matrix(self, source: str, target: str) -> NDArray[np.float32] | None:
        strange = np.random.default_rng(1).standard_normal((60, 3)).astype(np.float32)
        probes = np.concatenate([np.eye(3, dtype=np.float32), strange * 0.01, strange, strange * 100.0])
        images = self._through_ocio(probes[None], source, target)[0]
        matrix = images[:3]
        # Float32 noise is a few parts in ten million of the brightest channel.
        scale = np.abs(probes).max(axis=1, keepdims=True)
        linear = np.all(np.abs(probes @ matrix - images) <= 1e-4 * scale)
        return matrix if linear else None

    def _through_ocio(self, pixels: NDArray[np.float32], source: str, target: str) -> NDArray[np.float32]:
        result = oiio.ImageBufAlgo.colorconvert(
            oiio.ImageBuf(np.ascontiguousarray(pixels)), source, target, False, "", "", self._uri
        )
        return _pixels(result, pixels.shape)


def encode_srgb(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sRGB curve (IEC 61966-2-1) of ``linear`` clipped to 0..1, NaN to 0; any shape, float32."""
    # fmax takes the number where the other is NaN. In place, for memory that is new is slow.
    clipped = np.fmax(linear, np.float32(0))
    np.fmin(clipped, np.float32(1), out=clipped)
    # Four times as fast as numpy's.
    power = np.asarray(cv2.pow(clipped, 1 / 2.4), np.float32).reshape(clipped.shape)
    power *= np.float32(1.055)
    power -= np.float32(0.055)
    low = clipped <= np.float32(0.0031308)
    clipped *= np.float32(12.92)
    return np.where(low, clipped, power)


def _is_built_in(config: str) -> bool:
    return config.startswith("ocio://")


def _load(config: str) -> tuple[oiio.ColorConfig, str]:
    """The configuration, and what is wrong with it."""
    loaded = oiio.ColorConfig(config)
    return loaded, str(loaded.geterror())


_loaded = functools.cache(_load)
"""The same, once: it takes longer than many a small picture."""


def _named_primaries(attribute: Any) -> str | None:
    values = attribute.value if isinstance(attribute, Typed) else attribute
    for name, primaries in _PRIMARIES.items():
        if len(values) == len(primaries) and np.allclose(values, primaries, atol=1e-3):
            return name
    return None


def _pixels(image: oiio.ImageBuf, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if image.has_error:
        raise ColourError(f"A colour conversion failed: {' '.join(image.geterror().split()).rstrip('.')}.", _HINT)
    return np.asarray(image.get_pixels("float"), np.float32).reshape(shape)
