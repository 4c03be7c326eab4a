from __future__ import annotations

import json
from pathlib import Path

import pytest
from understudy.cli.reports import show
from understudy.settings import (
    BackupsSettings,
    BenchSettings,
    CompareSettings,
    DoctorSettings,
    ExtractSettings,
    FacesetListSettings,
    FacesetReportSettings,
    FindSettings,
    InspectSettings,
    ModelPreviewSettings,
    ModelSettings,
    PeopleSettings,
)

FIGURES = {
    "pixels": 10.0,
    "not_finite": 2,
    "mse": 0.003,
    "psnr": 25.077,
    "ssim": 0.8337,
    "de2000": 3.617,
    "change_a": 0.02,
    "change_b": 0.01,
    "residual": 0.02,
    "flicker": None,
}
SAME = FIGURES | {"mse": 0.0, "psnr": None, "not_finite": 0, "psnr_shot": None, "psnr_mean": None}
COMPARED = {
    "a": "a.%04d.exr",
    "b": "b.%04d.exr",
    "shot": {"inside": FIGURES | {"psnr_shot": 24.9, "psnr_mean": 25.08}, "outside": SAME},
    "frames": [{"frame": 1001, "inside": FIGURES, "outside": SAME}],
    "files": [],
}


def test_a_comparison_is_a_table_that_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show(CompareSettings(a="a", b="b"), COMPARED)
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert rows["1001"] == ["25.08", "0.8337", "3.617", "-", "same", "0.8337", "3.617", "-"]
    assert rows["mean"][0] == "25.08" and rows["shot"][0] == "24.90"
    assert "2 pixels inside are Inf or NaN in A or B and were left out." in lines
    assert max(map(len, lines)) <= 80


def test_the_face_and_its_poses_are_told_below(capsys: pytest.CaptureFixture[str]) -> None:
    structure = {
        "light": 0.0219, "features": 0.0317, "detail": 0.0235, "detail_correlation": 0.3295,
        "gradient_correlation": 0.6488, "sharpness_ratio": 0.9564,
    }  # fmt: skip
    inside = COMPARED["shot"]["inside"] | structure
    faces = {
        "landmarks": {"pixels": 2.03, "percent": 2.614, "frames": 15, "not_found": 1},
        "identity": {"gained": 0.667, "a": 0.7, "b": 0.8, "plate": 0.5, "frames": 15},
    }
    poses = {"frontal": {"frames": 13, **inside, **faces}, "profile": {"frames": 7, **inside, **faces}}
    show(CompareSettings(a="a", b="b"), COMPARED | {"shot": {"inside": inside}, "poses": poses, **faces})
    lines = capsys.readouterr().out.splitlines()
    told = {" ".join(line.split()[:2]): line for line in lines}
    assert "0.0219" in next(line for line in lines if "error of the light" in line)
    assert "0.330" in told["detail correlation"] and "0.956" in told["sharpness ratio"]
    assert "2.61" in told["landmarks of"] and "2.03 px" in told["landmarks of"]
    assert "of 16" in told["not found"]
    assert "0.667" in told["identity gained"]
    assert "plate 0.500, B 0.800" in told["likeness to"]
    row = next(line for line in lines if "frontal" in line)
    assert all(value in row for value in ("13", "25.08", "0.8337", "3.617", "0.330", "0.956"))
    assert max(map(len, lines)) <= 80


def test_a_faceset_as_json_is_an_array_with_a_record_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    faces = [{"frame": 1, "file": "a.exr"}, {"frame": 2, "file": "b.exr"}]
    show(FacesetListSettings(faceset=Path("f"), as_json=True), {"faceset": "f", "faces": faces})
    told = capsys.readouterr().out
    assert json.loads(told) == faces
    assert len(told.splitlines()) == 2


def test_a_faceset_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    face = {
        "frame": 1001,
        "track": 3,
        "box": [1.2, 2.0, 30.0, 44.6],
        "pose": [12.3, 0.0, -4.0],
        "confidence": 0.987,
        "sharpness": 0.0012,
        "file": "p.exr",
    }
    show(FacesetListSettings(faceset=Path("f")), {"faceset": "f", "faces": [face]})
    told = capsys.readouterr().out
    assert all(part in told for part in ("1001", "p.exr", "0.99", "12"))


def test_doctor_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(DoctorSettings(as_json=True), {"packages": []})
    assert json.loads(capsys.readouterr().out) == {"packages": []}


def test_any_report_is_told_with_its_groups(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ExtractSettings(plate="p", out=Path("f"))
    show(settings, {"new_faces": 7, "shares": {"reading": {"mean": 0.123456}}, "left": None, "at": [1, 2]})
    told = capsys.readouterr().out
    assert "new faces" in told and "reading mean" in told and "0.1235" in told and "1, 2" in told
    assert "left" not in told


def told_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]


def test_faces_on_a_frame_are_a_table_and_one_without_landmarks_has_no_angles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    faces = [
        {"box": [1.2, 2.0, 30.0, 44.6], "landmarks": [], "confidence": 0.987, "pose": [12.3, 0.0, -4.0]},
        {"box": [50.0, 2.0, 90.0, 44.0], "landmarks": None, "confidence": 0.5, "pose": None},
    ]
    report = {"frame": 1010, "width": 512, "height": 288, "faces": faces}
    show(FindSettings(plate="p", frame=1010), report)
    lines = told_lines(capsys)
    assert "Faces on frame 1010 of 512 x 288 px" in lines
    assert "0 1 2 30 45 12 0 -4 0.99" in lines
    assert "1 50 2 90 44 - - - 0.50" in lines


def test_a_plate_is_told_with_its_gaps_and_rate(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        InspectSettings(plate="p"),
        {"frames": "1-3,12", "missing": "4-11", "fps": [24000, 1001], "layers": ["beauty", "depth"], "views": []},
    )
    lines = told_lines(capsys)
    assert "missing 4-11" in lines
    assert "fps 23.976" in lines
    assert "layers beauty, depth" in lines
    show(InspectSettings(plate="p"), {"frames": "1-3", "missing": "", "fps": None, "layers": [], "views": []})
    assert "missing none" in told_lines(capsys)


def a_model() -> dict[str, object]:
    footage = {"faceset": "a", "plate": "/shots/a.%04d.exr", "faces": 7, "sha256": "0123456789abcdef" * 4}
    detector = {"detector": "finder (sha256 99; CC0-1.0)"}
    return {
        "model": "m",
        "family": "quick",
        "weights": 3140000,
        "steps": 300,
        "minutes": 150.0,
        "training_memory": 3 << 29,
        "tflop_per_step": 0.0123456,
        "gflop_per_face": 0.117,
        "validation": {"psnr": 25.1, "ssim": 0.9, "loss": 0.25, "source_psnr": 27.126, "source_ssim": 0.91236},
        "trained_on": {"source": [footage | detector, {"faceset": "b", "faces": 9}], "target": [footage | detector]},
        "preview": None,
    }


def test_a_model_is_told_with_what_it_was_trained_on(capsys: pytest.CaptureFixture[str]) -> None:
    show(ModelSettings(model=Path("m")), a_model())
    lines = told_lines(capsys)
    for line in ("family quick", "weights 3.14 million", "steps 300", "trained for 2.5 h", "TFLOP per step 0.01235"):
        assert line in lines
    assert "source 27.13 0.9124 -" in lines and "mean 25.10 0.9000 0.2500" in lines
    assert "source a a.%04d.exr 7 0123456789abcdef" in lines and "source b 9" in lines
    assert lines.count("The detector: finder (sha256 99; CC0-1.0)") == 1
    assert "training memory 1.50 GiB, and what the batch takes" in lines
    assert not any("preview" in line for line in lines)


def test_a_model_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(ModelSettings(model=Path("m"), as_json=True), a_model())
    assert json.loads(capsys.readouterr().out) == a_model()


def test_backups_are_a_table_with_what_is_wrong_below(capsys: pytest.CaptureFixture[str]) -> None:
    sound = {"step": 200, "age": 5400, "minutes": 3.5, "validation": {"psnr": 25.1}, "size": 45_100_000, "problem": ""}
    torn = {"step": 900, "age": None, "minutes": None, "validation": None, "size": None, "problem": "it is torn"}
    show(BackupsSettings(model=Path("m")), {"model": "m", "backups": [sound, torn]})
    lines = told_lines(capsys)
    assert "200 90.0 min 3.5 min 25.10 - - 45.1 MB" in lines
    assert "900 damaged" in lines and "Step 900 cannot be restored: it is torn." in lines
    show(BackupsSettings(model=Path("m")), {"model": "m", "backups": []})
    assert told_lines(capsys) == ["There are no backups of m yet."]


def test_it_is_told_where_a_preview_will_be(capsys: pytest.CaptureFixture[str]) -> None:
    show(ModelPreviewSettings(model=Path("m")), {"model": "m", "preview": "m/preview.png"})
    assert told_lines(capsys) == ["The sheet will be m/preview.png"]


@pytest.mark.parametrize(
    ("target", "lacks", "said"),
    [
        ("t", ["The target looks up.", "And down."], ["The target looks up.", "And down."]),
        ("t", [], ["The source has every pose and expression that the target asks for."]),
        (None, [], []),
    ],
    ids=["lacking", "complete", "alone"],
)
def test_the_report_on_a_faceset_says_what_lacks_and_where_the_page_is(
    target: str | None, lacks: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"faceset": "f[1]", "target": target, "faces": 24, "doubtful": 3, "lacks": lacks, "pictures": 9}
    show(FacesetReportSettings(faceset=Path("f[1]")), report | {"page": "f[1]/report.html"})
    assert told_lines(capsys) == ["24 faces in f[1], 3 of them doubtful", *said, "Written: f[1]/report.html"]


def test_people_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    person = {"track": 2, "frames": 24, "first": 1001, "last": 1024, "weakest": 1009, "weakest_confidence": 0.61}
    report = {"faceset": "f", "people": [person | {"confidence": 0.954, "picture": "p/f.02.png"}]}
    show(PeopleSettings(faceset=Path("f"), pictures=Path("p")), report)
    lines = told_lines(capsys)
    assert "2 24 1001 1024 1009 0.61 0.95" in lines and "Track 2: p/f.02.png" in lines


def test_the_bench_tells_errors_by_yaw_and_what_was_found(capsys) -> None:
    error = {"frames": 7, "landmarked": 1, "raw": 9.514, "refined": 4.256, "final": None}
    told = {
        "error": {"60-90": error},
        "corners": {"raw": 3.5, "final": 1.25, "ratio": 0.357},
        "jitter": {"raw": 3.3, "final": 0.55, "ratio": 0.1667},
        "lag": 0,
        "confidence_rank": 0.661,
        "scale_spread": 1.94,
    }
    faces = {
        "shots": {"plate": {"mediapipe": told}},
        "extremes": {"tiny": {"found": 3, "of": 4}},
        "people": {"swaps": 0},
    }
    show(BenchSettings(), {"machine": {"cores": 2}, "faces": faces})
    lines = [
        line for line in capsys.readouterr().out.splitlines() if "plate" in line or "tiny" in line or "swaps" in line
    ]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert cells == [
        ["plate", "mediapipe", "60-90", "7 (1 raw)", "9.51", "4.26", "-"],
        ["plate", "mediapipe", "3.50 to 1.25", "3.30 to 0.55", "0.17", "0", "0.66", "1.9 %"],
        ["tiny", "3 of 4"],
        ["swaps", "0"],
    ]
