"""What a conversion by a network measures once over a shot, on the same faces whichever frames are rendered."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.convert.aligner import Morphs, Stored, as_aligned
from understudy.convert.colour.colour_over_time import MatchOverTime
from understudy.convert.colour.relight import relit
from understudy.convert.colour_match import Method, Space, pixels_under
from understudy.convert.finish.sharpness import Sharpness, measure_sharpness
from understudy.convert.predict import Prediction, Predictor
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind
from understudy.face.hull import eye_mask
from understudy.faceset.aligned import evenly, load_aligned
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.model.log_curve import decode_bounded, encode
from understudy.model.network import SwapNetwork
from understudy.model.normalisation import ColourStats, measure_light
from understudy.model.paint_target import PaintTarget

LIGHT_FACES = 128
"""Faces, spread evenly over the shot, on which its light is measured."""

COLOUR_FACES = 24
"""Least number of faces, where there are so many, that the new face's colours are measured on."""

FACES_IN_WINDOW = 6
"""Faces measured in a window over which the colour match follows the light."""

LIGHT_REACH = 0.02
"""How fine the broad light is that is taken out before the new face's colours are measured, as a part of the crop's side."""


@dataclass(frozen=True, eq=False)
class _Painted:
    """A face of the shot, R x R, and the new face for it."""

    face: Face
    stored: Stored
    prediction: Prediction


class ShotMeasures:
    """The light and the colours of one person's faces in a shot; each is measured when it is first asked for."""

    def __init__(
        self, shot: Shot, faceset: Faceset, faces: Mapping[int, Face], network: SwapNetwork, source_light: ColourStats,
        *, kind: CropKind, batch: int, likeness: PaintTarget, morph: Morphs,
    ) -> None:  # fmt: skip
        """``faces`` of ``faceset`` by frame are all of the person's; ``kind`` is the crop that ``network`` was trained on.

        Raises UsageError for a likeness that is not known.
        """
        self._shot, self._faceset, self._faces = shot, faceset, faces
        self._kind, self._size, self._morph = kind, network.arch.resolution, morph
        self.source_light = source_light
        likeness.check(network)
        self.predictor = Predictor(network, self.plate_light, batch, likeness)
        self._matches: dict[tuple[Method, Space, int], MatchOverTime] = {}
        self._painted_faces: dict[int, list[_Painted]] = {}

    @cached_property
    def plate_light(self) -> ColourStats:
        """Mean and spread of the plate's faces."""
        sample = load_aligned(self._faceset, evenly(list(self._faces.values()), LIGHT_FACES), self._size)
        codes = encode(torch.from_numpy(sample.rgb).permute(0, 3, 1, 2).float())
        return measure_light(codes, torch.from_numpy(sample.mask)[:, None].float())

    @cached_property
    def own_sharpness(self) -> Sharpness | None:
        """The sharpness of the new face as the network paints it, in pixels of its crop: the mean over the shot."""
        measures = [
            measure
            for one in self._painted(COLOUR_FACES)
            if (measure := measure_sharpness(self.painted(one.prediction), one.stored.hull)) is not None
        ]
        if not measures:
            return None
        return Sharpness(tuple(np.mean([measure.curve for measure in measures], axis=0).tolist()))

    def _painted(self, count: int) -> list[_Painted]:
        """The new faces for ``count`` faces, spread evenly over the shot."""
        if count not in self._painted_faces:
            self._painted_faces[count] = self._paint(count)
        return self._painted_faces[count]

    def _paint(self, count: int) -> list[_Painted]:
        chosen = evenly(list(self._faces.values()), count)
        with ThreadPoolExecutor(4) as pool:
            stored = list(pool.map(lambda face: as_aligned(self._faceset, face, self._kind, self._size), chosen))
        predictions = self.predictor.predict(
            np.stack([one.rgb for one in stored]),
            np.stack([one.hull for one in stored]),
            [self._morph(face.frame) for face in chosen],
        )
        return [_Painted(*row) for row in zip(chosen, stored, predictions, strict=True)]

    def colours(self, method: Method, space: Space, window: int) -> MatchOverTime:
        """The colour match of the shot; ``window`` is in frames."""
        key = method, space, window
        if key not in self._matches:
            self._matches[key] = self._match(*key)
        return self._matches[key]

    def _match(self, method: Method, space: Space, window: int) -> MatchOverTime:
        faces = list(self._faces.values())
        span = faces[-1].frame - faces[0].frame + 1
        count = max(COLOUR_FACES, FACES_IN_WINDOW * span // window if window else 0)
        samples = {}
        for one in self._painted(count):
            masks = one.prediction.source_mask[0] * one.prediction.target_mask[0]
            eyes = eye_mask(one.face.landmarks, one.stored.matrix, self._size)
            skin = one.stored.hull * masks.numpy() * (1 - eyes)
            samples[one.face.frame] = pixels_under(self._lit(one.prediction, eyes), one.stored.rgb, skin)
        seed = zlib.crc32(self._shot.plate.pattern.rpartition("/")[2].encode())
        return MatchOverTime(samples, method, space, seed=seed, window=window)

    def _lit(self, prediction: Prediction, eyes: NDArray[np.float32]) -> NDArray[np.float32]:
        """As :meth:`painted`, in the plate's broad light: that of the network is a guess, and would blur the statistics."""
        swap = relit(
            prediction.swap, prediction.shown, prediction.window, torch.from_numpy(eyes)[None],
            amount=1.0, reach=LIGHT_REACH,
        )  # fmt: skip
        return self.painted(replace(prediction, swap=swap))

    def painted(self, prediction: Prediction) -> NDArray[np.float32]:
        """The new face as the network gave it, in the light of its own footage: (R, R, 3) scene-linear working space."""
        codes = self.source_light.restore(prediction.swap[None])[0]
        return decode_bounded(codes).permute(1, 2, 0).contiguous().numpy()
