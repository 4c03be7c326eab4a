"""Masks made into one matte: what was learned, what the landmarks outline, what the artist drew, what stays in front."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Way = Literal["learned", "learned-source", "learned-target", "learned-union", "hull", "both"]
Operation = Literal["intersect", "union", "subtract", "replace"]

Weights = NDArray[np.float32]


def combined(source: Weights, target: Weights, hull: Weights, way: Way) -> Weights:
    """The mask (h, w) float32 in 0..1 of the new face, of three such masks over the same pixels.

    ``source`` is learned from the new face, ``target`` from the face in the plate, ``hull`` is the landmarks' outline.
    ``learned`` is where both learned masks are (their product), ``learned-union`` where either is (the greater), ``both``
    where hull and ``learned`` agree (the lesser).
    """
    match way:
        case "learned":
            return source * target
        case "learned-source":
            return source
        case "learned-target":
            return target
        case "learned-union":
            return np.maximum(source, target)
        case "hull":
            return hull
        case "both":
            return np.minimum(hull, source * target)


def with_roto(matte: Weights, roto: Weights, operation: Operation) -> Weights:
    """``matte`` (h, w) float32 in 0..1 and an artist's ``roto`` of the same shape, made one.

    ``intersect`` keeps the face within the roto (the product), ``union`` adds the roto (the greater), ``subtract`` takes
    it away (the product with what is left), ``replace`` takes the roto alone.
    """
    match operation:
        case "intersect":
            return matte * roto
        case "union":
            return np.maximum(matte, roto)
        case "subtract":
            return matte * (1 - roto)
        case "replace":
            return roto


def held_out(matte: Weights, holdout: Weights) -> Weights:
    """``matte`` (h, w) float32 in 0..1 behind what ``holdout`` keeps in front: 0 where that is 1. It comes last."""
    return matte * (1 - holdout)
