"""One person's faces on their way from plate to plate: found, made anew, matched, finished, laid back.

Finding and making depend on nothing but what a :class:`ShotConverter` was made of and on the frame. The look (matte,
edges, colour, finish) may change from call to call, and what a change does not touch is not made again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy import __version__
from understudy.convert.aligner import Located
from understudy.convert.blend.poisson import gradient_domain
from understudy.convert.blend.pyramid import pyramid_blend
from understudy.convert.cache import LatestCache
from understudy.convert.face_renderer import FaceRegion, FaceRenderer
from understudy.convert.finish.lens import defocused, degraded
from understudy.convert.finish.sharpness import match_sharpness, measure_sharpness
from understudy.convert.inverse_warp import PlacedFace
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.convert.matte.combine import held_out, with_roto
from understudy.convert.matte.edge import soft_edge
from understudy.convert.plate_measures import PlateMeasures
from understudy.convert.squeeze import in_stored
from understudy.extraction.shot import Shot
from understudy.face.motion import Motion, motion, smear
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply, invert
from understudy.imaging.extent import extent
from understudy.plate.frame import Frame
from understudy.settings import ConversionOptions

MARGIN = 3
"""Pixels of the plate around a crop: only where its border is seen can a matte fall towards it."""

AROUND, STEP = 24, 16
"""Pixels around what is shown of a new face that its finish looks at; and the step in which their rectangle grows, so that
a small change of the matte needs no new colours."""

CRISPEST = 0.2
"""Most blur that is taken off a new face to match the plate's sharpness: the sigma of a Gaussian in pixels of the crop."""


class ShotConverter:
    """One person's new faces laid into a shot."""

    def __init__(self, shot: Shot, renderer: FaceRenderer, faceset: Faceset, faces: Mapping[int, Face]) -> None:
        """``faces`` of ``faceset`` by frame are all that the shot has of the person; ``renderer`` makes the new ones."""
        self._shot, self.faces, self.renderer = shot, faces, renderer
        self.attributes: dict[str, str | int | float] = {
            "version": __version__,
            **renderer.attributes,
            "plate": Path(shot.plate.pattern).name,
            "colour_space": shot.written_space,
            **{f"plate_{name}": asked for name in ("layer", "view") if (asked := getattr(shot.plate, name))},
        }
        """What made a picture, for its header."""
        self._measures = PlateMeasures(shot, faceset, faces, renderer.crop[1])
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="beside")

    def align(self, frame: Frame) -> Located | None:
        """The person's face as it is found in ``frame``, where there is one."""
        face = self.faces.get(frame.number)
        return None if face is None else self.renderer.align(frame, face)

    def predict(self, faces: Sequence[Located]) -> list[Any]:
        """What the renderer makes of ``faces`` before they are laid, in batches. Raises OutOfMemoryError."""
        return self.renderer.predict(faces) if faces else []

    def lay(
        self,
        frame: Frame,
        face: tuple[Located, Any],
        look: ConversionOptions,
        limits: FrameMattes,
        kept: LatestCache | None = None,
    ) -> PlacedFace | None:
        """The new face in its place in ``frame``, in the space that is written; None when it lies outside altogether.

        ``look`` holds the options at this frame. ``kept`` keeps steps for a next call with the same ``face``.
        """
        kept = kept or LatestCache()
        aligned, prediction = face
        placing = look.face_scale, look.face_x, look.face_y, look.face_rotate
        moved = self._motion(aligned.face, look) if look.motion_blur else None
        smeared = 0 if moved is None else self._reach(frame, aligned, moved)
        pictures = kept.get(
            "pictures",
            (self, aligned, prediction, placing, smeared),
            lambda: self.renderer.pictures(frame, aligned, prediction, look, MARGIN + smeared),
        )
        if pictures is None:
            return None
        # The matte takes one core, and what follows waits for it.
        raw = self._beside.submit(kept.get, "raw", pictures, partial(self._raw, pictures))
        edge = look.matte, look.erode, look.feather, look.feather_in, look.feather_out
        matte = kept.get("matte", (pictures, edge), lambda: _matte(pictures, look))
        region, occlusion = pictures.region, pictures.hidden
        if limits.holdout is not None:
            before = np.where(pictures.inside, limits.holdout[region.rows, region.columns], 0)
            occlusion = np.maximum(occlusion, before)
        shown = matte
        if limits.roto is not None and look.roto_operation in ("union", "replace"):
            shown = np.maximum(matte, limits.roto[region.rows, region.columns])
        part = extent(shown, AROUND + smeared + math.ceil(look.defocus), STEP)
        swap, final = np.zeros((*matte.shape, 3), np.float32), np.zeros_like(matte)
        if final[part].size:
            seen = kept.get("seen", (pictures, region.part(part)), lambda: pictures.within(part))
            swap[part], final[part] = self._seen(frame, seen, matte[part], moved, look, limits, kept)
        return PlacedFace(
            region, swap, raw.result(), final, occlusion, pictures.st, pictures.inside, pictures.confidence
        )

    def in_plate(self, frame: Frame, face: Located, placed: PlacedFace) -> PlacedFace:
        """What was ``placed`` in square pixels of ``frame`` in those of its file."""
        return in_stored(placed, frame, face.matrix, self.renderer.crop[1])

    def _seen(
        self, frame: Frame, seen: FaceRegion, matte: NDArray[np.float32], moved: Motion | None,
        look: ConversionOptions, limits: FrameMattes, kept: LatestCache,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
        """What is ``seen`` of the new face (h, w, 3), in the space that is written, and its final matte (h, w)."""
        rows, columns = seen.region.rows, seen.region.columns
        corner = seen.region.x + frame.origin[0], seen.region.y + frame.origin[1]
        still = matte
        if moved is not None:
            matte = smear(matte[..., None], moved, corner)[..., 0]
        if limits.roto is not None:
            matte = with_roto(matte, limits.roto[rows, columns] * seen.limit, look.roto_operation)
        matte = held_out(matte, seen.hidden) * np.float32(look.opacity)
        if limits.holdout is not None:
            matte = held_out(matte, limits.holdout[rows, columns])
        grained = extent(matte) if look.grain else (slice(0, 0), slice(0, 0))
        noise = self._beside.submit(self._noise, frame.number, grained, corner)
        coloured = seen, self.renderer.colouring(look), limits.holdout is None or limits
        swap = kept.get("coloured", coloured, lambda: self.renderer.coloured(seen, look, limits))
        swap = kept.get(
            "finished",
            (coloured, look.sharpness, look.degrade, look.motion_blur, look.shutter),
            partial(self._finished, frame.number, swap, seen, look, moved, corner),
        )
        if look.defocus:
            swap = defocused(swap, still, look.defocus)
        if moved is not None:
            swap = _smeared(swap, still, moved, corner)
        if look.blend != "over":
            under = self._shot.working(self._shot.sound(frame.rgb[rows, columns]))
            if look.blend == "pyramid":
                swap = pyramid_blend(swap, under, matte)
            else:
                swap = gradient_domain(swap, under, matte, log=look.blend == "gradient-log")
        swap = self._written(swap)
        # After the blend, which would take grain for detail and spread it.
        if (grain := noise.result()) is not None:
            swap = swap.copy()
            strength = self._measures.grain.strength(swap[grained], look.grain, matte[grained])
            swap[grained] += strength * _missing(seen.new_share, grained) * grain
        return swap, matte

    def _raw(self, pictures: FaceRegion) -> NDArray[np.float32]:
        """The new face before anything is matched, in its place and in the space that is written, (h, w, 3)."""
        return self._written(self.renderer.raw(pictures))

    def _finished(
        self, number: int, swap: NDArray[np.float32], seen: FaceRegion, look: ConversionOptions,
        moved: Motion | None, corner: tuple[int, int],
    ) -> NDArray[np.float32]:  # fmt: skip
        """The new face as sharp as the plate's, and as coarse as is wanted."""
        if look.sharpness:
            own, wanted = self.renderer.sharpness(), self._measures.wanted_sharpness(number)
            if own is not None and wanted is not None:
                pixel = look.face_scale * seen.side / self.renderer.crop[1]  # of the crop, in the plate's
                own, most = own.in_pixels(pixel), CRISPEST * pixel
                if moved is not None:
                    # The plate's sharpness was measured in motion; the smear that is still to come must not count twice.
                    still, smeared = (measure_sharpness(one, seen.hull) for one in (swap, smear(swap, moved, corner)))
                    own = own.changed_as(still, smeared)
                swap = match_sharpness(swap, seen.limit, own, wanted, look.sharpness, most)
        return degraded(swap, look.degrade)

    def _noise(self, number: int, part: tuple[slice, slice], corner: tuple[int, int]) -> NDArray[np.float32] | None:
        """The grain of a frame over ``part`` of what begins at ``corner`` of the plate; None where there is none."""
        rows, columns = part
        width, height = columns.stop - columns.start, rows.stop - rows.start
        if not (width and self._measures.grain):
            return None
        return self._measures.grain.noise(width, height, number, (corner[0] + columns.start, corner[1] + rows.start))

    def _motion(self, face: Face, look: ConversionOptions) -> Motion:
        """How ``face`` moves while the shutter is open."""
        beside = [self.faces.get(face.frame + step) for step in (-1, 1)]
        # Another track begins after a cut.
        before, after = (None if one is None or one.track != face.track else one.head for one in beside)
        return motion(before, face.head, after, shutter=look.shutter * look.motion_blur)

    def _reach(self, frame: Frame, face: Located, moved: Motion) -> int:
        """How many pixels a face's motion smears it to either side."""
        size = self.renderer.crop[1]
        corners = apply(invert(face.matrix), np.array([(0, 0), (size, 0), (0, size), (size, size)])) + frame.origin
        return math.ceil(moved.length((*corners.min(0), *corners.max(0))) / 2)

    def _written(self, linear: NDArray[np.float32]) -> NDArray[np.float32]:
        """Light of the working space in the space that is written."""
        space = self._shot.space
        return self._shot.colour.from_working(linear, space.name) if space.scene_linear else linear


def _matte(pictures: FaceRegion, look: ConversionOptions) -> NDArray[np.float32]:
    """The matte before occlusion, roto and holdout."""
    mask = pictures.mask(look.matte)
    inner = look.feather * pictures.side + look.feather_in
    return soft_edge(mask, erode=look.erode, inner=inner, outer=look.feather_out, limit=pictures.limit)


def _smeared(
    swap: NDArray[np.float32], matte: NDArray[np.float32], moved: Motion, corner: tuple[int, int]
) -> NDArray[np.float32]:
    """``swap`` (h, w, 3) with a ``matte`` (h, w), at ``corner`` of the plate, as it is seen in motion.

    It is smeared premultiplied, so that no light from outside the matte creeps into the face.
    """
    both = smear(np.concatenate([swap * matte[..., None], matte[..., None]], axis=-1), moved, corner)
    light, share = both[..., :3], both[..., 3:]
    return np.where(share > 1e-3, light / np.maximum(share, 1e-3), swap)


def _missing(new_share: NDArray[np.float32] | float, part: tuple[slice, slice]) -> NDArray[np.float32] | float:
    """What must be laid of grain, (h, w, 1) or for all: where a ``new_share`` f is mixed with the plate's own pixels, grain of
    strength 1 - f is there, and the square root of 1 - (1 - f)^2 is missing.
    """
    if isinstance(new_share, float):
        return 1.0
    share = new_share[part]
    return np.sqrt(share * (2 - share))[..., None]
