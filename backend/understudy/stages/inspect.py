"""What a plate is, before anything is done with it."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.extraction.shot import prepare
from understudy.plate.movies.timecode import format_timecode
from understudy.plate.ranges import format_range, gaps, parse_range, runs_of, runs_told
from understudy.settings import InspectSettings, PlateOptions, RangeOptions

_MOST = 200  # ranges that are told


def run(settings: InspectSettings, events: Events) -> dict[str, Any]:
    """Describe the plate from the header of its first frame; frames that are not there are told, not complained about.

    Returns the report: ``plate`` (absolute printf pattern or file), ``movie``, ``first``, ``last``, ``frames`` (range),
    ``count``, ``missing`` (ranges, empty for none), ``width`` and ``height`` of the display window, ``data_window`` as [x0, y0,
    x1, y1] in pixels from the display window's top left, ``dtype``, ``fps`` as a fraction or None, ``timecode`` as text
    or None, ``pixel_aspect`` (a pixel's width over its height), ``encoding`` (what the file says of transfer and primaries)
    or None, ``colour_space``, ``colour_reason``, ``scene_linear``, ``working_space``, ``layer`` and ``view`` that are taken of
    ``layers`` and ``views`` (names), and ``notes`` (sentences).
    Raises MissingInputError when no frame is there, UnreadableError, UsageError and ColourError.
    """
    pictures = {name: getattr(settings, name) for name in RangeOptions.model_fields}
    shot = prepare(PlateOptions(**pictures, missing="skip"), events, mixed=True)
    frames, header = shot.plate.frames, shot.header
    if settings.frames is None:
        absent = gaps(frames, frames[0], frames[-1])
    else:
        absent = runs_of(set(parse_range(settings.frames)) - set(frames))
    data, display = header.data, header.display
    x0, y0 = data.x - display.x, data.y - display.y
    return {
        "plate": shot.key,
        "movie": shot.plate.kind == "movie",
        "first": frames[0],
        "last": frames[-1],
        "frames": format_range(frames),
        "count": len(frames),
        "missing": runs_told(absent, most=_MOST),
        "width": display.width,
        "height": display.height,
        "data_window": [x0, y0, x0 + data.width, y0 + data.height],
        "dtype": header.dtype,
        "fps": list(header.fps) if header.fps else None,
        "timecode": format_timecode(header.timecode) if header.timecode else None,
        "pixel_aspect": round(header.pixel_aspect, 6),
        "encoding": header.encoding.said if header.encoding else None,
        "colour_space": shot.space.name,
        "colour_reason": shot.space.reason,
        "scene_linear": shot.space.scene_linear,
        "working_space": shot.colour.working,
        "layer": header.layer or "rgba",
        "layers": list(header.layers),
        "view": header.view or None,
        "views": list(header.views),
        "notes": list(header.notes),
    }
