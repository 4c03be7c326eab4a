"""The colour match of a whole shot: one map, or maps that follow light that changes.

Nothing here knows which frames are rendered: frame N gets the same map alone and in any range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from understudy.convert.colour_match import ColourMap, Method, Pixels, Space, mixed, solve

MOST_SAMPLES = 1 << 15
"""Pixels of each face that a map is solved from, taken evenly from the frames that it is for."""

Samples = Mapping[int, tuple[Pixels, Pixels]]
"""By frame: what :func:`understudy.convert.colour_match.pixels_under` took of the painted and the plate's face."""


@dataclass(frozen=True, eq=False)
class Crossfade:
    """Between two maps, in equal steps of logarithmic light."""

    before: ColourMap
    after: ColourMap
    share: float

    def __call__(self, linear: Pixels) -> Pixels:
        return mixed(self.before(linear), self.after(linear), self.share)


class MatchOverTime:
    """The maps of a shot, each solved when it is first asked for."""

    def __init__(self, samples: Samples, method: Method, space: Space, *, seed: int, window: int) -> None:
        """``samples`` are of frames all over the shot, always the same. ``window`` is how many frames a map is solved from.

        With 0 that is the shot. Else maps are solved for moments half a window apart, over the whole shot, each from the
        frames within half a window of it, or where there is none from the nearest; frames between two moments cross
        from one map to the other.
        """
        self._samples = samples
        frames = sorted(samples)
        self._frames = np.array(frames)
        self._reach = window / 2
        steps = 0 if window == 0 or not frames else -(-2 * (frames[-1] - frames[0]) // window)
        self._moments = np.linspace(frames[0], frames[-1], steps + 1) if steps else np.zeros(1)
        self._method, self._space, self._seed = method, space, seed
        self._maps: dict[int, ColourMap] = {}

    def at(self, frame: int) -> ColourMap:
        """The map of ``frame``; beyond the samples' frames it is that of the nearest."""
        place = float(np.interp(frame, self._moments, np.arange(len(self._moments))))
        before = int(place)
        if place == before:
            return self._map(before)
        return Crossfade(self._map(before), self._map(before + 1), place - before)

    def _map(self, moment: int) -> ColourMap:
        if moment not in self._maps:
            self._maps[moment] = self._solve(moment)
        return self._maps[moment]

    def _solve(self, moment: int) -> ColourMap:
        near = self._frames
        if len(self._moments) > 1:
            distance = np.abs(near - self._moments[moment])
            near = near[distance <= max(self._reach, float(distance.min()))]
        if not len(near):
            nothing = np.zeros((0, 3), np.float32)
            return solve(self._method, self._space, nothing, nothing, self._seed)
        most = max(1, MOST_SAMPLES // len(near))
        painted, plate = (
            np.concatenate([_evenly(self._samples[frame][side], most) for frame in near.tolist()]) for side in (0, 1)
        )
        return solve(self._method, self._space, painted, plate, self._seed)


def _evenly(pixels: Pixels, most: int) -> Pixels:
    """At most ``most`` of (N, 3) ``pixels``, spread evenly over them."""
    if len(pixels) <= most:
        return pixels
    return pixels[np.linspace(0, len(pixels) - 1, most).round().astype(np.intp)]
