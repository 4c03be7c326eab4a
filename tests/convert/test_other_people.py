"""One person passing before another: nobody's new face is painted over somebody who stands in front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_people import ANNE, BERT, bits, channel, describe, draw, make_model, stand, write_exr
from understudy.convert.other_people import who_is_before
from understudy.errors import FacesetError
from understudy.events import Events
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import Shot, prepare
from understudy.faceset.journal import NAME, Entry, Journal, Sighting
from understudy.faceset.store import Faceset
from understudy.plate.reader import read_frame
from understudy.settings import ConvertSettings, PlateOptions
from understudy.stages import convert

SIZE = (180, 96)
FRAMES = range(1001, 1008)
LOST = (1003, 1004, 1005)  # where nobody finds the one behind
HIDDEN = {"origin": "bridged", "confidence": 0.15}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def marks(tmp_path_factory) -> tuple[Shot, dict[int, list[np.ndarray]]]:
    """A plate on which Anne (0) walks to the right before Bert (1), who walks to the left; their landmarks by frame."""
    folder, points = tmp_path_factory.mktemp("crossing"), {}
    for index, number in enumerate(FRAMES):
        image = np.full((SIZE[1], SIZE[0], 3), 0.1, np.float32)
        bert = draw(image, BERT, stand(138 - 16 * index, 46, 22))
        anne = draw(image, ANNE, stand(42 + 16 * index, 50, 25))
        points[number] = [anne, bert]
        write_exr(folder / f"shot.{number}.exr", image.astype(np.float16))
    return prepare(PlateOptions(plate=f"{folder.as_posix()}/shot.%04d.exr"), Events()), points


def faceset(folder: Path, marks: Any, tracks: Sequence[int]) -> Faceset:
    shot, points = marks
    made = Faceset.create(folder, {})
    for number, both in points.items():
        for track in tracks:
            known = HIDDEN if track == 1 and number in LOST else {}
            face = describe(both[track], number, shot.key, "whole", 64, track=track, **known)
            made.add(face, cut(shot, read_frame(shot.plate, number), face.matrix, 64))
    return made


def seen_by_the_extraction(made: Faceset, marks: Any) -> None:
    """Its journal: all that was found on each frame, whoever was kept."""
    shot, points = marks
    journal = Journal(made.folder)
    for number, both in points.items():
        found = [both[0]] if number in LOST else both
        sightings = tuple(
            Sighting(np.concatenate([one.min(0), one.max(0)]), True, 0.95, one, None, 0.9, None, None) for one in found
        )
        journal.append(Entry(shot.key, number, np.zeros((4, 4), np.uint8), sightings))


def covered(points: np.ndarray) -> np.ndarray:
    hull = cv2.convexHull(points.astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(SIZE[::-1], np.uint8), hull, 1) > 0


def converted(made: Faceset, marks: Any, model: Path, out: Path, track: int) -> Path:
    convert.run(
        ConvertSettings(
            plate=marks[0].plate.pattern, model=model, faceset=made.folder, face=f"track:{track}", device="cpu",
            out=f"{out.as_posix()}/out.####.exr", convert_batch=2, occlusion="none",
        ),
        Events(),
    )  # fmt: skip
    return out


@pytest.mark.parametrize("known", ["both in the faceset", "one in the journal"])
def test_who_is_hidden_is_not_painted_over_whoever_hides_them(tmp_path, marks, model, known):
    shot, points = marks
    if known == "both in the faceset":
        made = faceset(tmp_path / "faces", marks, (0, 1))
    else:
        made = faceset(tmp_path / "faces", marks, (1,))
        seen_by_the_extraction(made, marks)
    out = converted(made, marks, model, tmp_path / "out", 1)
    for number in FRAMES:
        path, front = out / f"out.{number}.exr", covered(points[number][0])
        matte, occlusion = channel(path, "matte.A"), channel(path, "occlusion.A")
        if number in (1001, 1007):  # apart
            assert matte.max() == 1 and occlusion.max() == 0
        if number not in LOST:
            continue
        assert matte[front].mean() < 0.02
        both = front & covered(points[number][1])
        assert both.any() and occlusion[both].mean() > 0.95
        inner = cv2.erode(front.astype(np.uint8), np.ones((5, 5))) > 0
        for name in "RGB":
            plate = channel(Path(shot.plate.pattern % number), name)
            np.testing.assert_array_equal(bits(channel(path, name)[inner]), bits(plate[inner]))
    assert channel(out / "out.1004.exr", "matte.A").max() < 1e-5  # in the middle of it nothing is seen of who is behind


def test_whoever_is_in_front_is_swapped_whole(tmp_path, marks, model):
    made = faceset(tmp_path / "faces", marks, (0, 1))
    out = converted(made, marks, model, tmp_path / "out", 0)
    alone = converted(faceset(tmp_path / "alone", marks, (0,)), marks, model, tmp_path / "alone_out", 0)
    for number in FRAMES:
        assert channel(out / f"out.{number}.exr", "occlusion.A").max() == 0
        for name in ("R", "matte.A"):
            np.testing.assert_array_equal(
                bits(channel(out / f"out.{number}.exr", name)), bits(channel(alone / f"out.{number}.exr", name))
            )


def test_somebody_alone_has_nobody_before_them_and_a_damaged_journal_is_told_where_it_matters(tmp_path, marks):
    made = faceset(tmp_path / "faces", marks, (0,))
    own = {face.frame: face for face in made.faces()}
    assert who_is_before(marks[0], made, own) == {}
    seen_by_the_extraction(made, marks)
    assert who_is_before(marks[0], made, own) == {}
    text = (made.folder / NAME).read_text()
    (made.folder / NAME).write_text(text.replace('"trust"', '"trusted"'))
    with pytest.raises(FacesetError, match=f"Line 1 of {NAME}"):
        who_is_before(marks[0], made, own)


def test_pixels_that_are_not_square_change_nothing(tmp_path, marks):
    square = faceset(tmp_path / "square", marks, (0, 1))
    squeezed = Faceset.create(tmp_path / "squeezed", {})
    for face in square.faces():
        squeezed.add(face.in_plate((2.0, 1.0)), square.read(face))
    seen = []
    for made in (square, squeezed):
        own = {face.frame: face.square for face in made.faces() if face.track == 1}
        seen.append(who_is_before(marks[0], made, own))
    assert seen[0].keys() == seen[1].keys() and set(LOST) <= set(seen[0])
    for frame, one in seen[0].items():
        assert one.hidden == pytest.approx(seen[1][frame].hidden, abs=0.02)
        for name in ("faces", "heads"):
            np.testing.assert_allclose(getattr(one, name), getattr(seen[1][frame], name), rtol=1e-5)
