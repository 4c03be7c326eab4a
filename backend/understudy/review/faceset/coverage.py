"""Which poses a set of faces shows, and what one set lacks that another asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Grid:
    """Bins of yaw and pitch, ``width`` degrees wide; bin 0 is the one around the frontal pose."""

    width: float
    yaws: range  # from image left to image right
    pitches: range  # from up to down, as a picture shows them

    def edges(self, place: int) -> tuple[float, float]:
        """Where bin ``place`` begins and ends, in degrees."""
        return (place - 0.5) * self.width, (place + 0.5) * self.width


@dataclass(frozen=True)
class Gap:
    """Neighbouring bins of one pitch that the target has faces in and the source has none."""

    yaw: tuple[float, float]  # degrees, from lowest to highest
    pitch: tuple[float, float]
    faces: int  # of the target
    frames: tuple[int, ...]  # theirs, ascending
    nearest: float  # degrees of yaw and pitch from the worst served of them to the source's nearest face


def bins_of(poses: NDArray[np.float64], width: float) -> NDArray[np.int64]:
    """(N, 2) bins of the (N, 2) yaw and pitch in degrees: as the choice of the best faces has them."""
    return np.asarray(np.rint(np.asarray(poses, np.float64).reshape(-1, 2) / width), np.int64)


def grid_of(width: float, *sets: NDArray[np.float64]) -> Grid:
    """The smallest grid that holds all poses of all ``sets``, each (N, 2), and the bins around the frontal one."""
    bins = np.concatenate([np.array([[-1, -1], [1, 1]]), *(bins_of(poses, width) for poses in sets)])
    (left, down), (right, up) = bins.min(axis=0), bins.max(axis=0)
    return Grid(width, range(int(left), int(right) + 1), range(int(up), int(down) - 1, -1))


def counts_in(grid: Grid, poses: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of ``poses`` (N, 2) lie in each bin: (rows of pitch, columns of yaw)."""
    bins = bins_of(poses, grid.width)
    counts = np.zeros((len(grid.pitches), len(grid.yaws)), np.int64)
    np.add.at(counts, (grid.pitches.start - bins[:, 1], bins[:, 0] - grid.yaws.start), 1)
    return counts


def gaps(
    source: NDArray[np.float64], target: NDArray[np.float64], frames: NDArray[np.int64], width: float
) -> list[Gap]:
    """What ``source`` lacks, most faces of the target first.

    ``source`` (N, 2) and ``target`` (M, 2) are yaw and pitch in degrees, ``frames`` (M,) those of the target's faces.
    """
    bins = bins_of(target, width)
    if not len(bins):
        return []
    has = set(map(tuple, bins_of(source, width).tolist()))
    distances = cKDTree(source).query(target)[0] if len(source) else np.full(len(target), np.inf)
    missing = {(yaw, pitch) for yaw, pitch in map(tuple, bins.tolist()) if (yaw, pitch) not in has}
    found = []
    for yaw, pitch in sorted(missing):
        if (yaw - 1, pitch) in missing:
            continue  # belongs to the run that began further left
        last = yaw
        while (last + 1, pitch) in missing:
            last += 1
        inside = (bins[:, 1] == pitch) & (bins[:, 0] >= yaw) & (bins[:, 0] <= last)
        found.append(
            Gap(
                ((yaw - 0.5) * width, (last + 0.5) * width),
                ((pitch - 0.5) * width, (pitch + 0.5) * width),
                int(inside.sum()),
                tuple(np.unique(frames[inside]).tolist()),
                float(distances[inside].max()),
            )
        )
    return sorted(found, key=lambda gap: -gap.faces)


def direction(gap: Gap) -> str:
    """Where the heads of a gap look: ``53-68 degrees to image left, 8-23 degrees up``."""
    sideways = _words(gap.yaw, "to image left", "to image right", "straight ahead")
    return f"{sideways}, {_words(gap.pitch, 'down', 'up', 'level')}"


def _words(span: tuple[float, float], below: str, above: str, between: str) -> str:
    low, high = span
    if low >= 0:
        return f"{low:.0f}-{high:.0f} degrees {above}"
    if high <= 0:
        return f"{-high:.0f}-{-low:.0f} degrees {below}"
    if np.isclose(low, -high):
        return f"{between} (within {high:.0f} degrees)"
    return f"from {-low:.0f} degrees {below} as far as {high:.0f} degrees {above}"
