"""Parts of the face on the mesh: which vertices belong to an eye, the mouth or the rest, and which show plain skin."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from understudy.face.mesh import at_landmarks, rest

REGIONS = ("eyes", "mouth", "rest")
"""What a reference frame is chosen for."""

_EYES, _MOUTH, _BROWS = range(36, 48), range(48, 68), range(17, 27)
_CORE, _FADE = 0.05, 0.06  # mean-face units around the landmarks: wholly of the part, and the spread beyond
_SKIN_DISTANCE = 0.07  # mean-face units from eyes, brows and lips


@cache
def memberships() -> NDArray[np.float64]:
    """(468, 3) how far each vertex belongs to each of :data:`REGIONS`; each row sums to 1."""
    parts = [_near(list(points)) for points in (_EYES, _MOUTH)]
    inner = np.stack([np.exp(-0.5 * (np.maximum(part - _CORE, 0) / _FADE) ** 2) for part in parts], axis=1)
    weights = np.column_stack([inner, np.clip(1 - inner.sum(1), 0, 1)])
    return np.asarray(weights / weights.sum(1, keepdims=True))


@cache
def skin() -> NDArray[np.bool_]:
    """(468,) whether a vertex lies on plain skin, away from eyes, brows and lips."""
    return np.asarray(_near([*_BROWS, *_EYES, *_MOUTH]) > _SKIN_DISTANCE)


@cache
def kernel(spread: float) -> NDArray[np.float64]:
    """(468, 468) a Gaussian of ``spread`` mean-face units between the vertices at rest, with 1 on the diagonal."""
    return np.asarray(np.exp(-0.5 * (cdist(rest(), rest()) / spread) ** 2))


def _near(landmarks: list[int]) -> NDArray[np.float64]:
    return np.asarray(cdist(rest(), at_landmarks(rest())[landmarks]).min(1))
