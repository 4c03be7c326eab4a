from __future__ import annotations

import json
from pathlib import Path

import pytest
from understudy.errors import MissingInputError, UnderstudyError, UnreadableError, UsageError
from understudy.tracks.corrections import Corrections, load, parse, save

DOCUMENT = {
    "kind": "understudy corrections",
    "version": 1,
    "cuts": {"add": [1024], "remove": [1031]},
    "faces": [
        {
            "point": [1002, 640.5, 360],
            "reject": "1005-1007",
            "split": [1040],
            "join": [{"track": 3}],
            "boxes": [{"keys": [{"frame": 1010, "box": [500, 200, 700, 440]}]}],
            "head": [{"interpolation": "smooth", "keys": [{"frame": 1001, "turn": [5, 0, 0], "size": 90}]}],
            "landmarks": [
                {"points": ["left_eye", 30], "hold": True, "keys": [{"frame": 1003, "move": [2, -1]}]},
                {"points": ["chin"], "keys": [{"frame": 1003, "at": [[2, -1]]}, {"frame": 1009, "at": [[3, 0]]}]},
            ],
        }
    ],
}


def _changed(*path: str | int, to: object) -> str:
    document = json.loads(json.dumps(DOCUMENT))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(document)


def test_a_saved_document_comes_back_and_needs_no_faceset(tmp_path: Path) -> None:
    corrections = parse(json.dumps(DOCUMENT))
    save(tmp_path / "new" / "c.json", corrections)
    assert load(tmp_path / "new" / "c.json") == corrections
    written = json.loads((tmp_path / "new" / "c.json").read_text("utf-8"))
    assert written["faces"][0]["landmarks"] == DOCUMENT["faces"][0]["landmarks"]
    save(tmp_path / "none.json", Corrections())
    assert load(tmp_path / "none.json") == Corrections()


def test_a_key_takes_one_line_of_the_file() -> None:
    lines = [line.strip().rstrip(",") for line in parse(json.dumps(DOCUMENT)).to_json().splitlines()]
    assert '{"frame": 1003, "at": [[2.0, -1.0]]}' in lines


LANDMARKS = ("faces", 0, "landmarks", 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Invalid JSON"),
        ("[1]", "object"),
        ("{}", '"kind"'),
        (_changed("version", to=2), "version: this version reads 1"),
        (_changed("kind", to="understudy tracks"), "kind"),
        (_changed("faces", 0, "lift", to=1), "faces.0.lift: Extra"),
        (_changed(*LANDMARKS, "points", to=["lefty"]), "no landmark called 'lefty'"),
        (_changed(*LANDMARKS, "points", to=[68]), "no landmark called 68"),
        (_changed(*LANDMARKS, "points", to=["mouth"]), "1 places for 20 points"),
        (_changed(*LANDMARKS, "keys", 1, "frame", to=1003), "two keys on frame 1003"),
        (_changed(*LANDMARKS, "keys", 1, "frame", to=1002), "key on frame 1002 comes after that on frame 1003"),
        (_changed(*LANDMARKS, "keys", to=[]), "at least one key"),
        (_changed(*LANDMARKS, "keys", 0, "move", to=[1, 1]), "frame 1003 has more than one of move, at"),
        (_changed(*LANDMARKS, "keys", 0, to={"frame": 1003}), "frame 1003 sets none of move, at"),
        (_changed(*LANDMARKS, "keys", 1, to={"frame": 1009, "move": [1, 1]}), "frame 1009 does not set what the first"),
        (_changed("faces", 0, "boxes", 0, "keys", 0, "box", to=[9, 0, 3, 4]), "x1 > x0"),
        (_changed("faces", 0, "boxes", 0, "hold", to=True), "hold"),
        (_changed("faces", 0, "head", 0, "keys", 0, "size", to=0), "size"),
        (_changed("faces", 0, "reject", to="yes"), "'yes' is not a frame range"),
        (_changed("faces", 0, "track", to=1), "either track or point"),
        (_changed("faces", to=[{"track": 1}, {"track": 1}]), "two entries for track 1"),
        (_changed("cuts", "add", to=[float("nan")]), "cuts.add.0"),
    ],
)
def test_what_is_wrong_with_a_document_is_told_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.json").write_text(text, "utf-8")
    with pytest.raises(UsageError) as told:
        load(tmp_path / "c.json")
    assert said in told.value.message
    assert "c.json" in told.value.message and told.value.message.endswith(".") and "\n" not in told.value.message
    assert told.value.hint


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (None, MissingInputError, "There is no corrections file"),
        (b"", UnreadableError, "is empty"),
        (b" \n", UnreadableError, "is empty"),
        (b"\xff\xfe\x00x", UnreadableError, "no text"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, content: bytes | None, kind: type[UnderstudyError], said: str
) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=said) as told:
        load(path)
    assert "c.json" in told.value.message


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (1003, 1050, "a point on frame 1002, outside the shot's frames 1003-1050"),
        (1001, 1004, "a cut on frame 1024"),
        (1001, 1035, "a split on frame 1040"),
    ],
)
def test_what_is_said_of_frames_outside_the_shot_is_refused(first: int, last: int, said: str) -> None:
    corrections = parse(json.dumps(DOCUMENT))
    corrections.check(range(1001, 1041))
    with pytest.raises(UsageError, match=said):
        corrections.check(range(first, last + 1))


@pytest.mark.parametrize(
    ("face", "said"),
    [
        ({"head": DOCUMENT["faces"][0]["head"]}, "a head key on frame 1001"),
        ({"landmarks": DOCUMENT["faces"][0]["landmarks"]}, "a landmark key on frame 1003"),
        ({"boxes": DOCUMENT["faces"][0]["boxes"]}, "a box key on frame 1010"),
        ({"reject": "1005-1007"}, "a rejection on frame 1005"),
        ({"join": [{"point": [1006, 0, 0]}]}, "a point on frame 1006"),
    ],
)
def test_the_key_outside_the_shot_is_named(face: dict[str, object], said: str) -> None:
    corrections = Corrections.model_validate_json(json.dumps({"faces": [{"track": 0, **face}]}))
    with pytest.raises(UsageError, match=f"{said}, outside the shot's frames 1100-1200"):
        corrections.check(range(1100, 1201))
