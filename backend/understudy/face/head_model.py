"""How heads differ, and how faces move: the statistics of synthetic people's geometry (a 3D morphable model).

Blanz and Vetter 1999, "A morphable model for the synthesis of 3D faces": a head is the mean plus a weighted sum of
principal components. Learnt by tools/head_model.py from the MakeHuman community's assets (CC0) alone, without any scan
of anybody; ``head_model.safetensors`` is dedicated to the public domain (CC0 1.0).

Units and axes are those of face/geometry: mean-face units, x right, y down, z away from the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

FILE = Path(__file__).with_name("head_model.safetensors")


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A head at rest is ``mean + (coefficients * shape_deviation) @ shape``; coefficients are 1 for a usual head."""

    mean: NDArray[np.float64]  # (468, 3) symmetric
    shape: NDArray[np.float64]  # (k, 468, 3) orthonormal, each symmetric or antisymmetric
    shape_deviation: NDArray[np.float64]  # (k,) in falling order
    expression: NDArray[np.float64]  # (e, 468, 3) orthonormal displacements from rest
    expression_deviation: NDArray[np.float64]  # (e,) in falling order
    habit: NDArray[np.float64]  # (468, 3) where MediaPipe's network sees its points, against the skin, on everybody
    habit_deviation: NDArray[np.float64]  # (k,) how much else it has wrong on one person, along ``shape``

    def head(self, coefficients: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(468, 3) the head of (k,) ``coefficients``."""
        return self.mean + np.tensordot(coefficients * self.shape_deviation, self.shape, 1)

    def coefficients(self, vertices: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(k,) of the head that comes nearest to (468, 3) ``vertices``."""
        return np.asarray(np.tensordot(self.shape, vertices - self.mean, 2) / self.shape_deviation)


@cache
def head_model() -> HeadModel:
    """The model that travels with the package."""
    parts = {name: np.asarray(value, np.float64) for name, value in load_file(FILE).items()}
    return HeadModel(**{name: parts[name] for name in HeadModel.__dataclass_fields__})
