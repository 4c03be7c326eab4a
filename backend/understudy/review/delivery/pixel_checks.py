"""What can be said of one delivered frame by its pixels: nothing strange in them, and a composite that adds up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.review.delivery.delivered import COLOUR, Box, Delivered, Finding, UnderFrame

MATTE, SWAP, DELTA, CONFIDENCE = "matte.A", "swap", "delta", "confidence.Y"

_SHARES = (MATTE, "occlusion.A", CONFIDENCE)  # channels that are parts of one
_HALF_STEP = 2.0**-11  # the largest error, as a part of the value, that rounding to half makes
_HALF_MAX = 65504.0


def check_pixels(frame: Delivered, plate: UnderFrame | None) -> Iterator[Finding]:
    """Findings on the pixels of ``frame``; those that need the ``plate`` or a layer that is not there are left out."""
    matte = frame.plane(MATTE)
    under = plate.over(frame.window) if plate else None
    yield from _finite(frame, matte, None if under is None else under[0])
    yield from _shares(frame)
    if matte is None:
        return
    if under is not None and frame.has_colour:
        yield from _untouched(frame, matte, *under)
    yield from _premultiplied(frame, matte)
    yield from _composite(frame, matte, None if under is None else under[0])
    confidence = frame.plane(CONFIDENCE)
    if confidence is not None and not matte.any() and confidence.any():
        trusted = float(np.nanmax(confidence))
        yield Finding(
            "empty", frame.number, trusted, f"its matte is empty, but its confidence {trusted:.2f}", warns=True
        )


def box_of(mask: NDArray[Any], margin: int = 0) -> Box | None:
    """The rows and columns that hold all of ``mask`` (H, W) that is not 0, and a ``margin`` of pixels; None of nothing."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, left = (max(int(one[0]) - margin, 0) for one in (rows, columns))
    bottom, right = (
        min(int(one[-1]) + 1 + margin, size) for one, size in zip((rows, columns), mask.shape, strict=True)
    )
    return slice(top, bottom), slice(left, right)


def _finite(frame: Delivered, matte: NDArray[Any] | None, under: NDArray[Any] | None) -> Iterator[Finding]:
    excused: NDArray[np.bool_] | None = None
    for name in frame.types:
        plane = frame.plane(name)
        strange = _not_finite(plane) if plane is not None else np.zeros((1, 1), np.bool_)
        if plane is None or not strange.any():
            continue
        if under is not None:
            excused = _not_finite(under).any(axis=2) if excused is None else excused
            strange &= ~excused
        elif matte is not None and name in (*COLOUR, "A") and not (strange & (matte != 0)).any():
            yield _pixel(frame, "finite", strange, name, plane, ", which only the plate can explain", warns=True)
            continue
        if strange.any():
            yield _pixel(frame, "finite", strange, name, plane)


def _shares(frame: Delivered) -> Iterator[Finding]:
    for name in _SHARES:
        plane = frame.plane(name)
        if plane is not None and (outside := (plane < 0) | (plane > 1)).any():
            yield _pixel(frame, "matte", outside, name, plane, ", not within 0 and 1")


def _untouched(
    frame: Delivered, matte: NDArray[Any], under: NDArray[Any], under_alpha: NDArray[Any]
) -> Iterator[Finding]:
    free = matte == 0
    for name, plate in (*zip(COLOUR, np.moveaxis(under, 2, 0), strict=True), ("A", under_alpha)):
        plane = frame.plane(name)
        if plane is None:
            continue
        wanted = plate.astype(plane.dtype)  # other types are another check's matter
        differ = free & (_bits(plane) != _bits(wanted))
        if differ.any():
            differ &= ~(np.isnan(plane) & np.isnan(wanted))  # a converter may quieten a NaN
        if differ.any():
            x, y = _first(differ)
            why = f", outside the matte, and {wanted[y, x]:.6g} in the plate"
            yield _pixel(frame, "untouched", differ, name, plane, why)
            return


def _premultiplied(frame: Delivered, matte: NDArray[Any]) -> Iterator[Finding]:
    free = matte == 0
    for name in (f"{SWAP}.{channel}" for channel in COLOUR):
        plane = frame.plane(name)
        if plane is not None and (shown := free & (plane != 0)).any():
            yield _pixel(frame, "premultiplied", shown, name, plane, ", where the matte is 0")
            break
    alpha = frame.plane(f"{SWAP}.A")
    if alpha is not None and (differ := alpha != matte).any():
        x, y = _first(differ)
        yield _pixel(frame, "premultiplied", differ, f"{SWAP}.A", alpha, f", but {MATTE} {matte[y, x]:.6g}")


def _composite(frame: Delivered, matte: NDArray[Any], under: NDArray[Any] | None) -> Iterator[Finding]:
    """swap + (1 - matte) * plate against the composite, as near as the half floats of both allow.

    Without the plate it is what the composite is without its delta.
    """
    box = box_of(matte)
    if box is None:
        return
    main, swap, delta = (frame.colour(layer, box) for layer in ("", SWAP, DELTA))
    if main is None or swap is None or (under is None and delta is None):
        return
    result, face = main.astype(np.float32), swap.astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        allowed = _HALF_STEP * np.abs(result)
        if under is not None:
            plate = under[box].astype(np.float32)
        else:
            change = np.asarray(delta, np.float32)
            plate = result - change
            allowed = 2 * allowed + _HALF_STEP * np.abs(change)
        wanted = face + (1 - matte[box].astype(np.float32))[..., None] * plate
        # The rest is for the arithmetic in float32, and for the smallest halves.
        allowed += _HALF_STEP * np.abs(face) + 2.0**-21 * (np.abs(face) + np.abs(plate)) + 2.0**-23
        over = np.abs(result - wanted) / allowed
    known = np.isfinite(over) & (np.maximum(np.abs(face), np.abs(wanted)) < _HALF_MAX)
    over = np.where(known & (matte[box] > 0)[..., None], over, 0)
    if (over > 1).any():
        row, column, channel = np.unravel_index(int(over.argmax()), over.shape)
        wrong = int((over > 1).any(axis=2).sum())
        pixel = int(column) + box[1].start, int(row) + box[0].start
        told = (
            f"swap + (1 - matte) * plate is {wanted[row, column, channel]:.4g} in {COLOUR[channel]} at {_at(frame, pixel)}, "
            f"the composite {result[row, column, channel]:.4g}{_more(wrong)}"
        )
        yield Finding("composite", frame.number, float(over.max()), told, pixel=pixel)


def _pixel(
    frame: Delivered,
    check: str,
    wrong: NDArray[np.bool_],
    name: str,
    plane: NDArray[Any],
    why: str = "",
    *,
    warns: bool = False,
) -> Finding:
    """A finding on the first of the ``wrong`` pixels of the ``plane`` called ``name``; ``why`` follows its value and place."""
    x, y = pixel = _first(wrong)
    count = int(wrong.sum())
    value = "NaN" if np.isnan(plane[y, x]) else f"{plane[y, x]:.6g}"
    told = f"{name} is {value} at {_at(frame, pixel)}{why}{_more(count)}"
    return Finding(check, frame.number, float(count), told, warns, pixel)


def _at(frame: Delivered, pixel: tuple[int, int]) -> str:
    """Where a pixel of the array lies in the plate."""
    display = frame.main.header.display
    return f"pixel ({pixel[0] + frame.window.x - display.x}, {pixel[1] + frame.window.y - display.y})"


def _more(count: int) -> str:
    return f" (and {count - 1} more pixels)" if count > 2 else " (and one more pixel)" if count == 2 else ""


def _first(mask: NDArray[np.bool_]) -> tuple[int, int]:
    y, x = divmod(int(mask.argmax()), mask.shape[1])
    return x, y


def _bits(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(pixels).view(np.uint16 if pixels.dtype == np.float16 else np.uint32)


def _not_finite(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Inf and NaN have every bit of the exponent set: asked so, because numpy is slow at halves."""
    exponent = 0x7C00 if pixels.dtype == np.float16 else 0x7F800000
    found: NDArray[np.bool_] = (_bits(pixels) & exponent) == exponent
    return found
