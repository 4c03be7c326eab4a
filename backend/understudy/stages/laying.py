"""One person's faces on their way from plate to plate: cut out, painted, matched, finished, laid back.

Aligning and painting depend on nothing but what a :class:`ShotConverter` was made of and on the frame. The look (matte,
edges, colour, finish) may change from call to call, and what a change does not touch is not made again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from understudy import __version__
from understudy.convert.colour_match import adjusted
from understudy.convert.lens import defocused, degraded
from understudy.convert.limits import Limits
from understudy.convert.place import Placed, Placer, Region, region_of
from understudy.convert.poisson import gradient_domain
from understudy.convert.predict import Prediction
from understudy.convert.pyramid import pyramid_blend
from understudy.convert.relight import relit
from understudy.convert.sharpness import match_sharpness, measure_sharpness
from understudy.errors import OutOfMemoryError
from understudy.face.geometry import apply, crop_kind, invert, scale_of
from understudy.face.motion import Motion, motion, smear
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.matte.combine import combined, held_out, with_roto
from understudy.matte.edge import soft_edge
from understudy.model.encoding import encode
from understudy.model.likeness import Likeness
from understudy.model.network import SwapNetwork
from understudy.model.presentation import Light
from understudy.model.store import Card
from understudy.plate.extent import extent
from understudy.plate.frame import Frame
from understudy.settings import ConversionOptions
from understudy.stages.aligning import Aligned, Aligner, Morphs
from understudy.stages.analysis import Shot
from understudy.stages.animation import number_at
from understudy.stages.kept import Kept
from understudy.stages.shot_measures import ShotMeasures

MARGIN = 3
"""Pixels of the plate around a crop: only where its border is seen can a matte fall towards it."""

AROUND, STEP = 24, 16
"""Pixels around what is shown of a new face that its finish looks at; and the step in which their rectangle grows, so that
a small change of the matte needs no new colours."""

CRISPEST = 0.2
"""Most blur that is taken off a new face to match the plate's sharpness: the sigma of a Gaussian in pixels of the crop."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What comes out of a face's crop whatever its colours, over its region of the plate; light is scene-linear working space."""

    aligned: Aligned
    prediction: Prediction
    region: Region
    side: float  # of the crop, in plate pixels
    placer: Placer  # of the new face
    painted: NDArray[np.float32]  # (R, R, 3) the new face as the network gave it
    source: NDArray[np.float32]  # (h, w) the mask learned of the new face
    target: NDArray[np.float32]  # (h, w) that of the face in the plate
    hull: NDArray[np.float32]  # (h, w) the landmarks' hull
    hidden: NDArray[np.float32]  # (h, w) what stands before the face
    limit: NDArray[np.float32]  # (h, w) where there is anything of the new face
    st: NDArray[np.float32]
    inside: NDArray[np.bool_]

    def within(self, part: tuple[slice, slice]) -> Pictures:
        """The same over a part of the region, by rows and columns."""
        region = self.region.part(part)
        return replace(
            self, region=region, placer=self.placer.over(region),
            source=self.source[part], target=self.target[part], hull=self.hull[part], hidden=self.hidden[part],
            limit=self.limit[part], st=self.st[part], inside=self.inside[part],
        )  # fmt: skip


class ShotConverter:
    """What stays the same over a shot for one person: the model, the plate's light, what finds hands."""

    def __init__(
        self,
        shot: Shot,
        network: SwapNetwork,
        card: Card,
        faceset: Faceset,
        faces: Mapping[int, Face],
        *,
        occlusion: Literal["hands", "none"],
        batch: int,
        person: str,
        morph: Any,
    ) -> None:
        """``faces`` of ``faceset`` by frame are all that the shot has of the person; ``batch`` faces a pass.

        ``morph`` is a number or keys. Raises UsageError where ``network`` cannot paint that.
        """
        self._shot, self.faces = shot, faces
        self._morph: Morphs = partial(number_at, morph)
        self.attributes: dict[str, str | int | float] = {
            "version": __version__,
            "model_steps": card.steps,
            "plate": Path(shot.plate.pattern).name,
            "colour_space": shot.written_space,
        }
        """What made a picture, for its header."""
        kind = crop_kind(card.crop)
        self._aligner = Aligner(shot, kind, card.architecture.resolution, occlusion)
        self._measures = ShotMeasures(
            shot, faceset, faces, network, Light.from_json(card.source_light),
            kind=kind, batch=batch, likeness=Likeness(person, morphs=morph != 1.0), morph=self._morph,
        )  # fmt: skip
        self._luminance = shot.colour.luminance()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="beside")

    def align(self, frame: Frame) -> Aligned | None:
        """The person's face cut out of ``frame``, where there is one."""
        face = self.faces.get(frame.number)
        return None if face is None else self._aligner.align(frame, face)

    def predict(self, faces: Sequence[Aligned]) -> list[Prediction]:
        """The new faces for ``faces``, in batches. Raises OutOfMemoryError."""
        if not faces:
            return []
        crops, windows = np.stack([face.crop for face in faces]), np.stack([face.visible for face in faces])
        morphs = [self._morph(face.face.frame) for face in faces]
        try:
            return self._measures.predictor.predict(crops, windows, morphs)
        except torch.OutOfMemoryError:
            raise OutOfMemoryError(
                "Conversion does not fit into the memory of its device.", "Lower --convert-batch."
            ) from None

    def lay(
        self,
        frame: Frame,
        face: tuple[Aligned, Prediction],
        look: ConversionOptions,
        limits: Limits,
        kept: Kept | None = None,
    ) -> Placed | None:
        """The new face in its place in ``frame``, in the space that is written; None when it lies outside altogether.

        ``look`` holds the options at this frame. ``kept`` keeps steps for a next call with the same ``face``.
        """
        kept = kept or Kept()
        aligned, prediction = face
        placing = look.face_scale, look.face_x, look.face_y, look.face_rotate
        moved = self._motion(aligned.face, look) if look.motion_blur else None
        smeared = 0 if moved is None else self._reach(frame, aligned, moved)
        pictures = kept.get(
            "pictures",
            (self, aligned, prediction, placing, smeared),
            lambda: self._pictures(frame, aligned, prediction, look, MARGIN + smeared),
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
        return Placed(
            region, swap, raw.result(), final, occlusion, pictures.st, pictures.inside, aligned.face.confidence
        )

    def _seen(
        self, frame: Frame, seen: Pictures, matte: NDArray[np.float32], moved: Motion | None,
        look: ConversionOptions, limits: Limits, kept: Kept,
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
        colouring = (
            look.colour_match, look.colour_encoding, look.colour_strength, look.colour_part, look.colour_window,
            look.relight, look.relight_reach,
        )  # fmt: skip
        coloured = seen, colouring, limits.holdout is None or limits
        swap = kept.get("coloured", coloured, lambda: self._coloured(frame.number, seen, look, limits))
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
            under = self._shot.working(frame.rgb[rows, columns])
            if look.blend == "pyramid":
                swap = pyramid_blend(swap, under, matte)
            else:
                swap = gradient_domain(swap, under, matte, log=look.blend == "gradient-log")
        swap = self._written(swap)
        # After the blend, which would take grain for detail and spread it.
        if (grain := noise.result()) is not None:
            swap = swap.copy()
            swap[grained] += self._measures.grain.strength(swap[grained], look.grain, matte[grained]) * grain
        return swap, matte

    def _pictures(
        self, frame: Frame, face: Aligned, prediction: Prediction, look: ConversionOptions, margin: int
    ) -> Pictures | None:
        """The new face as it was painted, and all masks, laid over the face's region of the plate.

        That is where its crop lies, and ``margin`` pixels around.
        """
        size = self._aligner.size
        moved = _moved(face.matrix, size, look)
        region = region_of((face.matrix, moved), size, *frame.size)
        if region is None:
            return None
        region = region.grown(margin, *frame.size)
        still = Placer(face.matrix, size, region)
        placer = still if moved is face.matrix else Placer(moved, size, region)
        painted = self._measures.painted(prediction)
        masks = [prediction.target_mask[0], torch.from_numpy(face.hull), torch.from_numpy(face.hidden)]
        if moved is face.matrix:
            source, target, hull, hidden = still.soft(torch.stack([prediction.source_mask[0], *masks]))
        else:
            (source,), (target, hull, hidden) = placer.soft(prediction.source_mask), still.soft(torch.stack(masks))
        return Pictures(
            aligned=face,
            prediction=prediction,
            region=region,
            side=size / scale_of(face.matrix),
            placer=placer,
            painted=painted,
            source=source,
            target=target,
            hull=hull,
            hidden=hidden,
            limit=placer.coverage,
            st=still.st,
            inside=still.inside,
        )

    def _raw(self, pictures: Pictures) -> NDArray[np.float32]:
        """The new face as the network gave it, in its place and in the space that is written, (h, w, 3)."""
        return self._written(pictures.placer.light(_codes(pictures.painted)))

    def _finished(
        self, number: int, swap: NDArray[np.float32], seen: Pictures, look: ConversionOptions,
        moved: Motion | None, corner: tuple[int, int],
    ) -> NDArray[np.float32]:  # fmt: skip
        """The new face as sharp as the plate's, and as coarse as is wanted."""
        if look.sharpness:
            own, wanted = self._measures.own_sharpness, self._measures.wanted_sharpness(number)
            if own is not None and wanted is not None:
                pixel = look.face_scale * seen.side / self._aligner.size  # of the crop, in the plate's
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

    def _reach(self, frame: Frame, face: Aligned, moved: Motion) -> int:
        """How many pixels a face's motion smears it to either side."""
        size = self._aligner.size
        corners = apply(invert(face.matrix), np.array([(0, 0), (size, 0), (0, size), (size, size)])) + frame.origin
        return math.ceil(moved.length((*corners.min(0), *corners.max(0))) / 2)

    def _coloured(self, number: int, seen: Pictures, look: ConversionOptions, limits: Limits) -> NDArray[np.float32]:
        """The new face in the plate's colours and light, (h, w, 3) over its region."""
        colours = raw = seen.painted
        if look.colour_match != "none":
            match = self._measures.colours(look.colour_match, look.colour_encoding, look.colour_window).at(number)
            colours = adjusted(
                raw, match(raw), strength=look.colour_strength, part=look.colour_part, luma=self._luminance
            )
        face = seen.aligned
        codes, shown = _codes(colours), _codes(face.crop)
        covered = np.maximum(np.maximum(face.hidden, limits.hidden(face.matrix, self._aligner.size)), face.eyes)
        lit = relit(
            codes, shown, seen.prediction.window, torch.from_numpy(covered)[None],
            amount=look.relight, reach=look.relight_reach,
        )  # fmt: skip
        return seen.placer.light(lit)

    def _written(self, linear: NDArray[np.float32]) -> NDArray[np.float32]:
        """Light of the working space in the space that is written."""
        space = self._shot.space
        return self._shot.colour.from_working(linear, space.name) if space.scene_linear else linear


def _codes(linear: NDArray[np.float32]) -> torch.Tensor:
    """Light (R, R, 3) as codes (3, R, R)."""
    return encode(torch.from_numpy(linear)).permute(2, 0, 1)


def _matte(pictures: Pictures, look: ConversionOptions) -> NDArray[np.float32]:
    """The matte before occlusion, roto and holdout."""
    mask = combined(pictures.source, pictures.target, pictures.hull, look.matte)
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


def _moved(matrix: NDArray[np.float64], size: int, look: ConversionOptions) -> NDArray[np.float64]:
    """The matrix (array -> crop pixels) of the new face, which may be scaled and turned about its middle, and shifted."""
    if (look.face_scale, look.face_x, look.face_y, look.face_rotate) == (1, 0, 0, 0):
        return matrix
    middle = apply(invert(matrix), np.array([(size / 2, size / 2)]))[0]
    angle = np.radians(look.face_rotate)
    turn = look.face_scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = middle + np.array([look.face_x, look.face_y]) - turn @ middle
    back = invert(np.column_stack([turn, shift]))
    return np.column_stack([matrix[:, :2] @ back[:, :2], matrix[:, :2] @ back[:, 2] + matrix[:, 2]])
