"""The source's pixels on the new face: each reference seen through the mesh, mixed by region and vertex."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from understudy.face.raster import Surface
from understudy.rendering.footage import Footage, Views
from understudy.rendering.light import Relight, SkinLight, part_of, relighting
from understudy.rendering.pixels import sample
from understudy.rendering.references import References, log_weights, seen
from understudy.rendering.regions import REGIONS, memberships

TEMPERATURE = 0.4
"""How sharply vertices choose between the references of a region."""

_FAINT = 0.02  # what a vertex that a reference does not show still takes from it, where no other shows it
_GAINS = 256  # relightings that are kept


class Texture:
    """What the references of a shot show, for any of its faces."""

    def __init__(
        self, source: Footage, views: Views, shot: Views, references: References, own: SkinLight, plate: SkinLight
    ) -> None:
        """``views`` are the source's, ``shot`` those of its head on the plate; ``own`` and ``plate`` the skins' light."""
        self._source, self._views, self._shot, self._references = source, views, shot, references
        self._own, self._plate = own, plate
        self._seen = seen(views)
        self._gain = lru_cache(maxsize=_GAINS)(self._relighting)

    def mixed(self, row: int, surface: Surface, relight: Relight) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(P, 3) scene-linear light at the points of ``surface`` on the face ``row``: as filmed, and in the plate's light."""
        light = np.zeros((len(surface.pixels), 6), np.float32)
        total = np.full((len(surface.pixels), 1), 1e-9, np.float32)
        for view, weight in self._weights(row).items():
            filmed = self._filmed(view, surface)
            share = surface.blend(weight[:, None])
            gain = part_of(self._gain(view, row), relight)
            light += np.hstack([filmed, filmed * np.exp(surface.blend(gain))]) * share
            total += share
        light /= total
        return light[:, :3], light[:, 3:]

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

    def _filmed(self, view: int, surface: Surface) -> NDArray[np.float32]:
        """(P, 3) light of one view at the points of the new face."""
        picture = self._source.picture(int(self._views.picture[view]))
        if self._views.is_mirrored[view]:
            picture = picture[:, ::-1]
        return sample(picture, surface.blend(self._views.crop[view]))

    def _relighting(self, view: int, row: int) -> NDArray[np.float64]:
        own = self._own.at(int(self._views.picture[view]), bool(self._views.is_mirrored[view]))
        return relighting(own, self._plate, row)
