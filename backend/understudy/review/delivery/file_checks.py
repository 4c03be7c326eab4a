"""What can be said of a delivered frame without looking at its pixels: layers, types, windows, tags, compression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from understudy.plate.frame import Header, Window
from understudy.plate.movies.timecode import advance, format_timecode
from understudy.review.delivery.delivered import Contract, Delivered, Finding

LOSSLESS = frozenset({"none", "rle", "zip", "zips", "piz", "htj2k", "htj2k32", "htj2k256"})
"""EXR compressions that keep every bit of every type; pxr24 cuts floats short."""

_NAMED = 4  # channels that a sentence names


def check_file(frame: Delivered, first: Delivered, plate: Header | None, contract: Contract) -> Iterator[Finding]:
    """Findings on the header of ``frame``, beside that of the ``first`` frame and of the ``plate``'s same frame.

    The ``interop_id`` of the plate is to be that of what is written, which for a plate that is not linear is another.
    """
    for check, found in (
        ("layers", _layers(frame, first, contract)),
        ("types", _types(frame, first, plate, contract)),
        ("windows", _windows(frame, first, plate, contract)),
        ("rate", _rate(frame, first, plate)),
        ("timecode", _timecode(frame, first, plate)),
        ("colour tag", _tags(frame, first, plate)),
        ("linear", _linear(frame)),
        ("lossless", _lossless(frame)),
        ("half", _half(frame)),
    ):
        for told, warns in found:
            yield Finding(check, frame.number, 1.0, told, warns)


def check_width(frame: Delivered, least: int) -> Iterator[Finding]:
    """A finding where the display window of ``frame`` is narrower than ``least`` pixels."""
    width = frame.main.header.display.width
    if width < least:
        yield Finding("width", frame.number, float(least - width), f"it is {width} pixels wide, not {least}")


_Told = Iterator[tuple[str, bool]]
"""Clauses, and whether each is only a warning."""


def _layers(frame: Delivered, first: Delivered, contract: Contract) -> _Told:
    if missing := [name for name in contract if name not in frame.types]:
        yield f"{_names(missing)} {'is' if len(missing) == 1 else 'are'} missing", False
    elif gone := first.types.keys() - frame.types.keys():
        yield f"{_names(sorted(gone))} of frame {first.number} {'is' if len(gone) == 1 else 'are'} missing", False
    elif more := frame.types.keys() - first.types.keys():
        yield f"it has {_names(sorted(more))}, which frame {first.number} has not", False


def _types(frame: Delivered, first: Delivered, plate: Header | None, contract: Contract) -> _Told:
    for name, kind in frame.types.items():
        own = plate.dtype if plate else first.types.get(name, kind)
        wanted = contract.get(name, first.types.get(name, kind)) or own
        if kind != wanted:
            of = " as in the plate" if plate and contract.get(name) == "" else ""
            yield f"{name} is {kind}, not {wanted}{of}", False
            return


def _windows(frame: Delivered, first: Delivered, plate: Header | None, contract: Contract) -> _Told:
    main = frame.main.header
    # A layer that was asked for beside the usual ones may have a size of its own, as st_inv has.
    for part in (part for part in frame.parts if part.types.keys() & contract.keys()):
        for what, own, wanted in (
            ("data", part.header.data, main.data),
            ("display", part.header.display, main.display),
        ):
            if own != wanted:
                name = part.name or next(iter(part.types))
                yield f"the {what} window of {name} is {_window(own)}, that of the composite {_window(wanted)}", False
                return
    if plate:
        # A flat file covers the display window too, for hosts that ignore it.
        if main.display != plate.display:
            yield f"its display window is {_window(main.display)}, the plate's {_window(plate.display)}", False
        elif main.data not in (plate.data, plate.data.union(plate.display)):
            yield f"its data window is {_window(main.data)}, the plate's {_window(plate.data)}", False
    # A plate may have a data window of its own on every frame, but one display window.
    elif main.display != first.main.header.display:
        yield _differs("display window", _window(main.display), first, _window(first.main.header.display)), False
    elif main.data != first.main.header.data:
        yield _differs("data window", _window(main.data), first, _window(first.main.header.data)), True


def _rate(frame: Delivered, first: Delivered, plate: Header | None) -> _Told:
    own = frame.header.fps
    if own is None:
        yield "it does not tell its frame rate", not (plate and plate.fps)
    elif plate and plate.fps and not _same_rate(own, plate.fps):
        yield f"its rate is {_fraction(own)}, the plate's {_fraction(plate.fps)}", False
    elif first.header.fps and not _same_rate(own, first.header.fps):
        yield _differs("rate", _fraction(own), first, _fraction(first.header.fps)), False


def _timecode(frame: Delivered, first: Delivered, plate: Header | None) -> _Told:
    own, start = frame.header.timecode, first.header.timecode
    if own is None:
        # A plate without timecode has none to hand on.
        if not plate or plate.timecode:
            yield "it has no timecode", not plate
        return
    if plate:
        if plate.timecode and own != plate.timecode:
            yield f"its timecode is {format_timecode(own)}, the plate's {format_timecode(plate.timecode)}", False
        return
    if start and frame.header.fps:
        due = advance(start, frame.number - first.number, frame.header.fps)
        if own[0] != due[0]:
            yield (
                f"its timecode is {format_timecode(own)}, after frame {first.number} it is {format_timecode(due)}",
                True,
            )


def _tags(frame: Delivered, first: Delivered, plate: Header | None) -> _Told:
    own = frame.header.interop_id
    if own is None:
        yield "it does not tell its colour space (colorInteropID)", not (plate and plate.interop_id)
    elif own != first.header.interop_id:
        yield _differs("colour space", own, first, first.header.interop_id or "not told"), False
    elif plate and plate.interop_id and own != plate.interop_id:
        yield f"its colour space is tagged {own}, but for this plate it is {plate.interop_id}", False
    else:
        for part in frame.parts[1:]:
            colour = any(name.rpartition(".")[2] == "R" for name in part.types)
            tag = part.header.interop_id
            if tag and colour != (tag != "data"):
                yield f"the part {part.name} is tagged {tag}, but holds {'colour' if colour else 'data'}", False
                return


def _linear(frame: Delivered) -> _Told:
    tag = frame.header.interop_id
    if tag and tag != "unknown" and not tag.rpartition(":")[2].startswith("lin_"):
        yield f"its colour space is tagged {tag}, which is not linear", False


def _lossless(frame: Delivered) -> _Told:
    for part in frame.parts:
        kind = part.compression.partition(":")[0]
        if kind not in LOSSLESS and not (kind == "pxr24" and set(part.types.values()) == {"half"}):
            yield f"its compression {kind} is lossy", False
            return


def _half(frame: Delivered) -> _Told:
    kinds = {frame.main.types[name] for name in ("R", "G", "B", "A") if name in frame.main.types}
    if wrong := kinds - {"half"}:
        yield f"the composite is {min(wrong)}, not 16-bit half", False


def _differs(what: str, own: str, first: Delivered, other: str) -> str:
    return f"its {what} is {own}, that of frame {first.number} {other}"


def _same_rate(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] * other[1] == other[0] * one[1]


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(listed[:_NAMED])
    return shown if len(listed) <= _NAMED else f"{shown} and {len(listed) - _NAMED} more"


def _fraction(rate: tuple[int, int]) -> str:
    return f"{rate[0]}/{rate[1]}" if rate[1] != 1 else f"{rate[0]}"


def _window(window: Window) -> str:
    return f"{window.width} x {window.height} at ({window.x}, {window.y})"
