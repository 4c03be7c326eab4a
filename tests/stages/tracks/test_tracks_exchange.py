from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_people import make_shot
from made_tracks import HEIGHT, WIDTH, alike, made_shot
from understudy.cli import main
from understudy.errors import ExitCode, FacesetError, OutputError, UsageError
from understudy.events import Events
from understudy.settings import TracksExportSettings, TracksImportSettings
from understudy.stages import run
from understudy.tracks.apply_corrections import applied_to_heads, applied_to_sightings
from understudy.tracks.corrections import load
from understudy.tracks.formats.json_tracks import tracks_to_json


@pytest.fixture
def faceset(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / "tracks.json").write_text(tracks_to_json(made_shot()), "utf-8")
    return folder


def _export(faceset: Path, form: str, out: Path, **options: object) -> dict[str, object]:
    settings = TracksExportSettings.model_validate({"faceset": faceset, "format": form, "out": out, **options})
    report = run(settings, Events())
    return json.loads(json.dumps(report, allow_nan=False))


def _import(file: Path, out: Path, **options: object) -> dict[str, object]:
    report = run(TracksImportSettings.model_validate({"file": file, "out": out, **options}), Events())
    return json.loads(json.dumps(report, allow_nan=False))


@pytest.mark.parametrize(
    ("form", "name", "begins"),
    [
        ("json", "t.json", '{"kind":"understudy tracks"'),
        ("csv", "t.csv", "frame,track,origin,"),
        ("cornerpin", "t.nk", "set cut_paste_input"),
        ("tracker", "t.nk", "set cut_paste_input"),
        ("tracker", "t.txt", "7\nright_eye_outer\n0\n5\n1003 "),
        ("chan", "t.chan", "1003 "),
        ("usd", "t.usda", "#usda 1.0"),
    ],
)
def test_every_format_is_written_and_reported(faceset: Path, tmp_path: Path, form: str, name: str, begins: str) -> None:
    if form == "usd":
        pytest.importorskip("pxr", reason="the package usd-core is not installed")
    out = tmp_path / "new" / name
    report = _export(faceset, form, out, track=3)
    assert out.read_text("utf-8").startswith(begins)
    assert report == {
        "file": str(out.resolve()),
        "format": form,
        "tracks": [3],
        "faces": 5,
        "frames": "1003-1004,1008-1010",
    }


def test_all_tracks_go_into_one_table_and_the_chosen_crop_into_the_pin(faceset: Path, tmp_path: Path) -> None:
    assert _export(faceset, "csv", tmp_path / "t.csv")["tracks"] == [0, 3]
    assert len((tmp_path / "t.csv").read_text("utf-8").splitlines()) == 1 + 12 + 5
    _export(faceset, "cornerpin", tmp_path / "t.nk", track=0, crop="head", crop_size=512)
    assert "head crop of 512 px" in (tmp_path / "t.nk").read_text("utf-8")
    _export(faceset, "tracker", tmp_path / "t.txt", track=0, points=["left_eye", "30"])
    assert (tmp_path / "t.txt").read_text("utf-8").startswith("7\nleft_eye_inner\n")


@pytest.mark.parametrize(
    ("form", "options", "said"),
    [
        ("chan", {}, r"holds one track, and .* has 2"),
        ("cornerpin", {}, r"holds one track, and .* has 2"),
        ("csv", {"track": 9}, "has no track 9"),
        ("tracker", {"track": 0, "points": ["ear"]}, "no landmark called 'ear'"),
    ],
)
def test_what_cannot_be_exported_is_told(
    faceset: Path, tmp_path: Path, form: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as told:
        _export(faceset, form, tmp_path / "t", **options)
    assert told.value.hint and not (tmp_path / "t").exists()


def test_a_folder_without_solved_tracks_is_told(tmp_path: Path) -> None:
    with pytest.raises(FacesetError, match=r"has no tracks\.json"):
        _export(tmp_path, "json", tmp_path / "t.json")


@pytest.mark.parametrize("name", ["t.json", "t.csv"])
def test_exported_tracks_come_in_as_corrections_that_give_them_again(faceset: Path, tmp_path: Path, name: str) -> None:
    _export(faceset, name[2:], tmp_path / name)
    report = _import(tmp_path / name, tmp_path / "c.json")
    assert report == {"file": str((tmp_path / "c.json").resolve()), "faces": 2, "frames": "1001-1012"}
    corrections, shot = load(tmp_path / "c.json"), made_shot()
    corrections.check(shot.frames)
    # Nothing was detected: the corrections alone put the faces into the shot, and nobody into the gap.
    forced = applied_to_sightings(corrections, []).forced
    assert [(one.track, one.frame) for one in forced] == [
        (track, frame) for track, number in enumerate((0, 3)) for frame in _track(number).frames
    ]
    for one, was in zip(applied_to_heads(corrections, shot.tracks), shot.tracks, strict=True):
        for face, before in zip(one.frames.values(), was.frames.values(), strict=True):
            assert np.allclose(face.landmarks, before.landmarks, atol=1e-4)
            assert np.allclose(face.head.rotation, before.head.rotation, atol=1e-9)
            assert face.origin == "given" and face.confidence == 1
    chosen = _import(tmp_path / name, tmp_path / "one.json", track=3)
    assert (chosen["faces"], chosen["frames"]) == (1, "1003-1004,1008-1010")


def _track(number: int):
    return next(track for track in made_shot().tracks if track.number == number)


def test_points_and_poses_come_in(faceset: Path, tmp_path: Path) -> None:
    _export(faceset, "tracker", tmp_path / "t.txt", track=3)
    _export(faceset, "chan", tmp_path / "t.chan", track=3)
    assert _import(tmp_path / "t.txt", tmp_path / "p.json", height=HEIGHT)["frames"] == "1003-1004,1008-1010"
    assert _import(tmp_path / "t.chan", tmp_path / "h.json", width=WIDTH, height=HEIGHT, lens=35)["faces"] == 1
    for name in ("p.json", "h.json"):
        one, two = applied_to_heads(load(tmp_path / name), made_shot().tracks)
        assert alike(one, _track(0)) and all(face.origin == "given" for face in two.frames.values())
    _import(tmp_path / "t.txt", tmp_path / "n.json", height=HEIGHT, track=0)
    assert load(tmp_path / "n.json").faces[0].track == 0


@pytest.mark.parametrize(
    ("name", "text", "options", "said"),
    [
        ("t.txt", "1 2 3", {}, "t.txt does not tell the plate's height"),
        ("t.chan", "1 2 3", {"height": 9}, "t.chan does not tell the plate's width"),
        ("t.fbx", "1 2 3", {}, "ends in none of"),
        ("t.json", None, {}, "t.json has no faces"),
    ],
)
def test_what_cannot_be_imported_is_told(
    tmp_path: Path, name: str, text: str | None, options: dict[str, object], said: str
) -> None:
    empty = tracks_to_json(type(made_shot())("p", 8, 8, (1,), (), ()))
    (tmp_path / name).write_text(text or empty, "utf-8")
    with pytest.raises(UsageError, match=said) as told:
        _import(tmp_path / name, tmp_path / "c.json", **options)
    assert told.value.hint and not (tmp_path / "c.json").exists()


def test_handwork_is_not_overwritten(faceset: Path, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="is there already"):
        _import(faceset / "tracks.json", tmp_path / "c.json")
    assert (tmp_path / "c.json").read_text("utf-8") == "mine"


def test_a_scene_runs_at_the_plates_rate(tmp_path: Path) -> None:
    pytest.importorskip("pxr", reason="the package usd-core is not installed")
    made = make_shot(tmp_path / "shot", 2, framesPerSecond=Fraction(30000, 1001))

    def rate(plate: str, **options: object) -> float:
        (made.faceset / "tracks.json").write_text(tracks_to_json(replace(made_shot(), plate=plate)), "utf-8")
        _export(made.faceset, "usd", tmp_path / "t.usda", **options)
        text = (tmp_path / "t.usda").read_text("utf-8")
        return float(text.partition("timeCodesPerSecond = ")[2].split()[0])

    assert rate(made.pattern) == pytest.approx(30000 / 1001)
    assert rate(made.pattern, fps=25) == 25
    assert rate(str(tmp_path / "gone.%04d.exr")) == 24


@pytest.mark.parametrize(
    ("name", "said"), [("t.fbx", "not the name of a USD file"), ("t.usda", "no track with a face")]
)
def test_a_scene_that_cannot_be_is_told(tmp_path: Path, name: str, said: str) -> None:
    pytest.importorskip("pxr", reason="the package usd-core is not installed")
    (tmp_path / "tracks.json").write_text(tracks_to_json(replace(made_shot(), tracks=())), "utf-8")
    with pytest.raises(UsageError, match=said) as told:
        _export(tmp_path, "usd", tmp_path / name)
    assert told.value.hint and not (tmp_path / name).exists()


def test_the_commands_work(faceset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, corrections = str(tmp_path / "t.csv"), str(tmp_path / "c.json")
    assert main(["tracks", "export", str(faceset), "--format", "csv", "--out", table]) == ExitCode.OK
    assert main(["export", "tracks", str(faceset), "--format", "csv", "--out", str(tmp_path / "u.csv")]) == ExitCode.OK
    assert (tmp_path / "u.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()
    assert main(["tracks", "import", table, "--out", corrections]) == ExitCode.OK
    assert len(load(corrections).faces) == 2
    assert main(["tracks", "import", str(tmp_path / "no.csv"), "--out", "x.json"]) == ExitCode.MISSING_INPUT
    assert "There is no file of tracks" in capsys.readouterr().err


def test_a_squeezed_plate_s_tracks_go_out_and_come_in_at_the_same_place(tmp_path: Path) -> None:
    shot = made_shot().in_plate((2.0, 1.0))
    (tmp_path / "tracks.json").write_text(tracks_to_json(shot), "utf-8")
    first = shot.tracks[0].frames[1001]
    for name, options in (
        ("t.json", {}),
        ("t.csv", {}),
        ("t.chan", {"width": shot.width, "height": HEIGHT, "pixel_aspect": 2}),
    ):
        _export(tmp_path, name[2:], tmp_path / name, track=0)
        _import(tmp_path / name, tmp_path / f"{name}.c.json", **options)
        said = load(tmp_path / f"{name}.c.json").faces[0]
        np.testing.assert_allclose(said.head[0].keys[0].at, first.head.seen_at, rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(said.head[0].keys[0].size, first.head.scale, rtol=1e-4, err_msg=name)
    with pytest.raises(UsageError, match="own pixels"):
        _import(tmp_path / "t.csv", tmp_path / "no.json", pixel_aspect=2)


def test_the_exported_camera_of_a_squeezed_plate_has_square_pixels(tmp_path: Path) -> None:
    usd = pytest.importorskip("pxr.Usd", reason="the package usd-core is not installed")
    geometry = pytest.importorskip("pxr.UsdGeom")
    cameras = []
    for name, stretch in (("square", (1.0, 1.0)), ("squeezed", (2.0, 1.0))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "tracks.json").write_text(tracks_to_json(made_shot().in_plate(stretch)), "utf-8")
        _export(folder, "usd", folder / "t.usda", track=0)
        stage = usd.Stage.Open(str(folder / "t.usda"))  # which must outlive its prims
        camera = geometry.Camera(stage.GetPrimAtPath("/shot/camera"))
        asked = camera.GetFocalLengthAttr(), camera.GetHorizontalApertureAttr(), camera.GetVerticalApertureAttr()
        cameras.append([one.Get(1001) for one in asked])
    np.testing.assert_allclose(cameras[1], cameras[0], rtol=1e-4)
