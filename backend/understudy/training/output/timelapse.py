"""How the swap came to be: a small picture at each preview, and a movie of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from understudy.errors import ModelError, cannot_write
from understudy.events import Events
from understudy.plate.files import remove_leftovers
from understudy.plate.movies.movie_writer import write_movie
from understudy.plate.sheet import contact_sheet, write_png

FOLDER = "timelapse"

MOST = 300
"""Pictures that are kept, however long a training takes."""

RATE = 12
"""Pictures of the movie a second."""


def keep_frame(folder: Path, step: int, picture: NDArray[Any]) -> None:
    """Keep the ``picture`` (H, W, 3) of ``step`` in the model's ``folder``, as an 8-bit PNG.

    Pictures of later steps belong to a training that was taken back and go. Where there are more than :data:`MOST`,
    they are thinned out evenly; the first and the newest stay. Raises :class:`OutputError`.
    """
    place = folder / FOLDER
    remove_leftovers(place)
    write_png(place / f"{step:06d}.png", picture)
    there = _pictures(folder)
    gone = [there.pop(one) for one in sorted(there) if one > step]
    steps = sorted(there)
    while len(steps) > MOST:
        # The one between the two nearest neighbours, the first of equals: gaps are never more than twice one another.
        inner = min(range(1, len(steps) - 1), key=lambda index: steps[index + 1] - steps[index - 1])
        gone.append(there[steps.pop(inner)])
    for path in gone:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error


def write_timelapse(folder: Path, out: Path, events: Events) -> int:
    """Write the pictures kept in the model's ``folder`` as a movie, each with its step; returns how many there are.

    Raises :class:`ModelError` when there are none, and what :func:`write_movie` raises.
    """
    pictures = _pictures(folder)
    if not pictures:
        raise ModelError(
            f"There is no time-lapse in {folder}.",
            "Training keeps a picture at each preview: let it go on for a while.",
        )

    def titled() -> Iterator[NDArray[np.uint8]]:
        for index, (step, path) in enumerate(sorted(pictures.items())):
            events.raise_if_stopping()
            with Image.open(path) as image:
                picture = np.asarray(image.convert("RGB"))
            yield contact_sheet([picture], [""], columns=1, tile_height=len(picture), title=f"step {step}")
            events.progress(index + 1, len(pictures), "pictures")

    write_movie(out, titled(), RATE)
    return len(pictures)


def _pictures(folder: Path) -> dict[int, Path]:
    """Step to picture."""
    return {int(path.stem): path for path in (folder / FOLDER).glob("*.png") if path.stem.isdecimal()}
