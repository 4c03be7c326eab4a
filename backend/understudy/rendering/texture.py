"""The source's pixels on the new face: each reference seen through the mesh, mixed by region and vertex."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from understudy.imaging.raster import Surface
from understudy.rendering.footage import Footage, Views
from understudy.rendering.gaze import gaze_turn, iris_places, with_gaze
from understudy.rendering.light import Relight, SkinLight, log_light, part_of, plausible, relighting
from understudy.rendering.pixels import sample
from understudy.rendering.references import References, log_weights, seen
from understudy.rendering.regions import REGIONS, memberships

TEMPERATURE = 0.4
"""How sharply vertices choose between the references of a region."""

_FAINT = 0.02  # what a vertex that a reference does not show still takes from it, where no other shows it
_UNSEEN, _SEEN = 0.02, 0.12
"""How well a vertex is seen (visible, and the cosine to the camera to the power 1.5) by no reference, and well enough."""

_EAGER = 5.0  # how much worse an eye may be seen

_GAINS = 256  # relightings that are kept


@dataclass(frozen=True, eq=False)
class Sample:
    """What one view of the source shows at the P points of a surface."""

    view: int
    wanted: NDArray[np.float32]  # (P,) how much of it is wanted, against the others
    share: NDArray[np.float32]  # (P,) and how much is taken: of background nothing
    light: NDArray[np.float32]  # (P, 3) scene-linear, as filmed


def filmed(samples: list[Sample]) -> NDArray[np.float32]:
    """(P, 3) the ``samples`` mixed as they were filmed."""
    shares = np.stack([one.share for one in samples])[..., None]
    light = np.stack([one.light for one in samples])
    return np.asarray((light * shares).sum(0) / np.maximum(shares.sum(0), 1e-9), np.float32)


def kept(samples: list[Sample]) -> NDArray[np.float32]:
    """(P,) 0..1 how much of what was wanted of the ``samples`` is taken."""
    taken, wanted = (np.sum([getattr(one, name) for one in samples], axis=0) for name in ("share", "wanted"))
    return np.asarray(taken / np.maximum(wanted, 1e-9), np.float32)


class Texture:
    """What the references of a shot show, for any of its faces."""

    def __init__(
        self, source: Footage, views: Views, shot: Views, references: References, own: SkinLight, plate: SkinLight
    ) -> None:
        """``views`` are the source's, ``shot`` those of its head on the plate; ``own`` and ``plate`` the skins' light."""
        self._source, self._views, self._shot, self._references = source, views, shot, references
        self._own, self._plate = own, plate
        self._seen, self._irises = seen(views), iris_places(source, views)
        self._gain = lru_cache(maxsize=_GAINS)(self._relighting)

    def samples(self, row: int, surface: Surface) -> list[Sample]:
        """What the references show at the points of ``surface``, which is the new head on the face ``row``."""
        skin_share = surface.blend(memberships()[:, 2:])[:, 0]  # eyes and mouths have any colour
        samples = []
        for view, weight in self._weights(row).items():
            light = self._filmed(view, row, surface)
            own = plausible(log_light(light), self._own.colour[self._views.picture[view]])
            share = surface.blend(weight[:, None])[:, 0]
            samples.append(Sample(view, share, share * (1 - skin_share * (1 - own)).astype(np.float32), light))
        return samples

    def lit(self, samples: list[Sample], row: int, surface: Surface, relight: Relight) -> NDArray[np.float32]:
        """(P, 3) the ``samples`` mixed, in the light of the plate on the face ``row``."""
        count = len(surface.pixels)
        light, total = np.zeros((count, 3), np.float32), np.full((count, 1), 1e-9, np.float32)
        for one in samples:
            gain = part_of(self._gain(one.view, row), relight)
            light += one.light * np.exp(surface.blend(gain)) * one.share[:, None]
            total += one.share[:, None]
        return light / total

    def shown(self, row: int) -> NDArray[np.float64]:
        """(468,) 0..1 how well the references together show each vertex on the face ``row``."""
        best = np.zeros(len(memberships()))
        for name, member in zip(REGIONS, memberships().T, strict=True):
            chosen = self._references.chosen[name]
            used = chosen.views[chosen.shares[row] > 0]
            # Of an eye the plate's own pixels are never better: they are another person's.
            best += member * self._seen[used].max(0) * (_EAGER if name == "eyes" else 1)
        return np.asarray(np.clip((best - _UNSEEN) / (_SEEN - _UNSEEN), 0, 1))

    def _weights(self, row: int) -> dict[int, NDArray[np.float64]]:
        """By view, (468,) how much of it is taken at each vertex."""
        weights: dict[int, NDArray[np.float64]] = {}
        for name, member in zip(REGIONS, memberships().T, strict=True):
            chosen = self._references.chosen[name]
            used = np.flatnonzero(chosen.shares[row] > 0)
            views = chosen.views[used]
            quality = self._seen[views]
            logs = log_weights(self._views, self._shot, row, views) / TEMPERATURE + np.log(quality + 1e-5)
            logs = logs + np.log(chosen.shares[row, used])[:, None]
            shares = np.exp(logs - logs.max(0)) * (quality + 1e-4)
            shares = shares / shares.sum(0) * member * (quality + _FAINT)
            for view, share in zip(views.tolist(), shares, strict=True):
                weights[view] = weights.get(view, 0) + share
        return weights

    def _filmed(self, view: int, row: int, surface: Surface) -> NDArray[np.float32]:
        """(P, 3) light of one view at the points of the new face on the face ``row``, with its gaze."""
        picture = self._source.picture(int(self._views.picture[view]))
        if self._views.is_mirrored[view]:
            picture = picture[:, ::-1]
        vertices = self._views.crop[view]
        turn = gaze_turn(self._views, view, self._shot, row)
        points = surface.blend(vertices)
        light = sample(picture, points)
        moved, share = with_gaze(points, vertices, self._irises[view], turn)
        eyes = np.flatnonzero(share)
        if len(eyes):
            light[eyes] += share[eyes, None].astype(np.float32) * (sample(picture, moved[eyes]) - light[eyes])
        return light

    def _relighting(self, view: int, row: int) -> NDArray[np.float64]:
        own = self._own.at(int(self._views.picture[view]), bool(self._views.is_mirrored[view]))
        return relighting(own, self._plate, row)
