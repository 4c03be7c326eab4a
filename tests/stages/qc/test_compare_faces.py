"""What ``compare`` says of the faces, on rendered people: each picture gets the figures that it deserves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from scipy.ndimage import gaussian_filter, shift
from understudy.errors import ComponentError, FacesetError, UsageError
from understudy.events import Events, Recorder
from understudy.face.components import registry
from understudy.review import compared_faces
from understudy.settings import CompareSettings, ExtractSettings
from understudy.stages import _against_truth, extract
from understudy.stages._against_truth import measure_against_truth
from understudy.stages.qc.compare import run

SHARED = Path(__file__).parents[4] / "shared"
PEOPLE = SHARED / "data" / "synthetic" / "demo"
PACK = SHARED / "models" / "insightface" / "mini"
FRAMES = "1003-1004"
TRUTH, PLATE = (f"{PEOPLE.as_posix()}/{name}.%04d.exr" for name in ("truth", "plate"))

pytestmark = pytest.mark.skipif(
    not PEOPLE.is_dir(), reason="the synthetic people (../shared/data/synthetic) are not here"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people") / "source"
    plate = f"{PEOPLE.as_posix()}/source_B.%04d.exr"
    extract.run(ExtractSettings(plate=plate, out=out, frames="1001-1012x3"), Events())
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Writes the truth's frames, changed in linear light."""

    def make(name: str, change: Callable[[np.ndarray], np.ndarray], **told: Any) -> str:
        folder = tmp_path_factory.mktemp(name)
        for frame in range(1003, 1006):
            pixels = oiio.ImageBuf(TRUTH % frame).get_pixels(oiio.FLOAT)[..., :3]
            rgb = change(pixels).astype(np.float32)
            header = {"type": OpenEXR.scanlineimage, "colorInteropID": "lin_rec709_scene", **told}
            channels = {channel: np.ascontiguousarray(rgb[..., index]) for index, channel in enumerate("RGB")}
            OpenEXR.File(header, channels).write(str(folder / f"{name}.{frame}.exr"))
        return f"{folder.as_posix()}/{name}.%04d.exr"

    return make


def compare(a: str, source: Path | None = None, **options: Any) -> dict[str, Any]:
    options = {"matte": f"{TRUTH}:mask.face", "frames": FRAMES, **options}
    if source is not None:
        options = {"source": source, "plate": PLATE, **options}
    return run(CompareSettings(a=a, b=TRUTH, **options), Events())


@pytest.fixture(scope="module", params=["dlib", "insightface"])
def recogniser(request: pytest.FixtureRequest) -> dict[str, Any]:
    pytest.importorskip(request.param)
    if request.param == "dlib":
        return {"recogniser": "dlib"}
    if not PACK.is_dir():
        pytest.skip("the small model pack (../shared/models/insightface/mini) is not here")
    return {"recogniser": "insightface", "pack": str(PACK)}


def test_the_untouched_plate_has_gained_no_identity_and_its_landmarks_lie_apart(
    source: Path, recogniser: dict[str, Any]
) -> None:
    report = compare(PLATE, source, **recogniser)
    assert report["identity"]["gained"] == pytest.approx(0, abs=1e-6)
    assert report["identity"]["frames"] == 2
    assert report["recogniser"].startswith(recogniser["recogniser"])
    assert 1.0 < report["landmarks"]["pixels"] < 4.0
    assert report["shot"]["inside"]["detail_correlation"] < 0.6


def test_the_truth_has_gained_all_of_it(source: Path, recogniser: dict[str, Any]) -> None:
    report = compare(TRUTH, source, **recogniser)
    inside = report["shot"]["inside"]
    assert report["identity"]["gained"] == pytest.approx(1, abs=1e-6)
    assert report["landmarks"] == {"pixels": 0, "percent": 0, "frames": 2, "not_found": 0}
    assert (inside["light"], inside["features"], inside["detail"]) == (0, 0, 0)
    assert (inside["detail_correlation"], inside["gradient_correlation"]) == pytest.approx((1, 1))
    assert (inside["sharpness_ratio"], inside["flicker"], inside["residual"]) == pytest.approx((1, 1, 0))


def test_half_way_between_plate_and_truth_some_is_gained(
    source: Path, recogniser: dict[str, Any], made: Callable[..., str]
) -> None:
    plates = iter([oiio.ImageBuf(PLATE % frame).get_pixels(oiio.FLOAT)[..., :3] for frame in range(1003, 1006)])
    mixed = made("mixed", lambda rgb: 0.5 * rgb + 0.5 * next(plates))
    assert 0.2 < compare(mixed, source, **recogniser)["identity"]["gained"] < 0.9


def test_a_blurred_truth_is_soft_where_it_should_be(made: Callable[..., str]) -> None:
    report = compare(made("blurred", lambda rgb: gaussian_filter(rgb, (2, 2, 0))))
    inside = report["shot"]["inside"]
    assert inside["sharpness_ratio"] < 0.6
    assert inside["detail"] > 3 * inside["light"]
    assert inside["detail_correlation"] > 0.6
    assert report["landmarks"]["pixels"] < 1.5


def test_landmarks_of_a_shifted_truth_lie_as_far_away_as_it_was_shifted(made: Callable[..., str]) -> None:
    report = compare(made("shifted", lambda rgb: shift(rgb, (0, 3, 0), order=1, mode="nearest")))
    inside = report["shot"]["inside"]
    assert report["landmarks"]["pixels"] == pytest.approx(3.0, abs=0.3)
    assert inside["sharpness_ratio"] == pytest.approx(1, abs=0.1)
    assert inside["detail_correlation"] < 0.6


def test_a_squeezed_face_is_looked_at_with_square_pixels(made: Callable[..., str]) -> None:
    def squeezed(rgb: np.ndarray) -> np.ndarray:
        return rgb.reshape(rgb.shape[0], -1, 2, 3).mean(2)

    moved = made("moved", lambda rgb: squeezed(shift(rgb, (0, 4, 0), order=1, mode="nearest")), pixelAspectRatio=2.0)
    still = made("still", squeezed, pixelAspectRatio=2.0)
    report = run(CompareSettings(a=moved, b=still, frames=FRAMES, landmarks="yes"), Events())
    assert report["landmarks"]["pixels"] == pytest.approx(4.0, abs=0.5)


def test_another_light_is_an_error_of_the_light(made: Callable[..., str]) -> None:
    inside = compare(made("brighter", lambda rgb: rgb * 1.3))["shot"]["inside"]
    assert inside["light"] > 5 * max(inside["features"], inside["detail"])
    assert inside["detail_correlation"] > 0.98


def test_a_face_behind_something_is_not_measured() -> None:
    """A hand covers the face on 1011."""
    report = compare(PLATE, frames="1010-1011")
    assert [frame["landmarks"] is not None for frame in report["frames"]] == [True, False]
    assert report["landmarks"]["frames"] == 1


def test_poses_are_told_apart_by_the_yaw_of_the_truth() -> None:
    truth = {one["frame"]: one["yaw_deg"] for one in json.loads((PEOPLE / "truth.truth.json").read_text())["frames"]}
    report = compare(PLATE, frames="1012,1014,1018", landmarks="no")
    assert [frame["yaw"] for frame in report["frames"]] == pytest.approx(
        [truth[1012], truth[1014], truth[1018]], abs=4.0
    )
    assert {pose: one["frames"] for pose, one in report["poses"].items()} == {
        "frontal": 1, "three_quarter": 1, "profile": 1,
    }  # fmt: skip
    for frame, pose in zip(report["frames"], report["poses"].values(), strict=True):
        assert pose["psnr_mean"] == frame["inside"]["psnr"]
        assert pose["detail_correlation"] == frame["inside"]["detail_correlation"]


def test_without_a_truth_document_the_faceset_tells_the_poses(tmp_path: Path, made: Callable[..., str]) -> None:
    copied = made("copy", lambda rgb: rgb)
    settings = {"a": copied, "b": copied, "frames": "1004"}
    assert run(CompareSettings(**settings), Events())["poses"] is None
    faces = tmp_path / "faces"
    extract.run(ExtractSettings(plate=PLATE, out=faces, frames="1003-1005"), Events())
    report = run(CompareSettings(**settings, faceset=faces), Events())
    assert list(report["poses"]) == ["frontal"]
    assert report["landmarks"] is None


def test_a_faceset_that_is_not_needed_is_said(source: Path) -> None:
    watcher = Recorder()
    settings = CompareSettings(a=PLATE, b=TRUTH, frames="1004", landmarks="no", faceset=source)
    run(settings, Events(watcher))
    assert any("is not needed" in event["text"] for event in watcher.of("note"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": Path("faces"), "plate": None}, "without the untouched plate"),
        ({"recogniser": "dlib"}, "recogniser is of no use without a source"),
        ({"pack": "pack"}, "pack is named, but nothing"),
        ({"landmarks": "no", "landmarker": "dlib"}, "landmarker is named, but no landmarks"),
    ],
)
def test_options_of_which_nothing_comes_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compare(PLATE, **options)


def test_a_plate_without_a_source_is_refused(made: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match="no use without a source"):
        compare(PLATE, plate=made("lonely", lambda rgb: rgb))


def test_a_plate_of_another_size_is_told(source: Path, made: Callable[..., str]) -> None:
    small = made("small", lambda rgb: rgb[:100, :120])
    pytest.importorskip("dlib")
    with pytest.raises(UsageError, match=r"but that of the plate is 120 x 100"):
        compare(PLATE, source, plate=small, recogniser="dlib")


def test_a_source_that_never_looks_into_the_camera_is_told(tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    extract.run(ExtractSettings(plate=PLATE, out=tmp_path / "side", frames="1015-1018"), Events())
    with pytest.raises(FacesetError, match="no landmarked face within 45 degrees"):
        compare(PLATE, tmp_path / "side", recogniser="dlib")


@pytest.fixture
def no_recogniser(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_pack: str | None) -> Any:
        raise ComponentError("The package is not installed.", "Run: pip install it")

    monkeypatch.setattr(compared_faces, "RECOGNISERS", dict.fromkeys(registry.RECOGNISERS, missing))
    monkeypatch.setattr(registry, "RECOGNISERS", dict.fromkeys(registry.RECOGNISERS, missing))


@pytest.mark.usefixtures("no_recogniser")
def test_without_a_recogniser_likeness_is_refused_in_a_sentence(source: Path) -> None:
    with pytest.raises(ComponentError, match="No recogniser is installed") as raised:
        compare(PLATE, source)
    assert raised.value.hint == "Run: pip install it"


@pytest.mark.usefixtures("no_recogniser")
def test_without_a_recogniser_the_judge_leaves_out_identity_and_says_so(source: Path) -> None:
    watcher = Recorder()
    told = measure_against_truth(PLATE, TRUTH, PLATE, source, Events(watcher), frames="1004")
    assert told["identity"] is None and told["psnr"] > 20
    assert any("Identity is not measured" in event["text"] for event in watcher.of("note"))


def test_the_judge_gives_every_measure_and_all_again_by_pose(source: Path, recogniser: dict[str, Any]) -> None:
    told = measure_against_truth(PLATE, TRUTH, PLATE, source, Events(), frames="1004-1005", **recogniser)
    names = {*_against_truth._NAMES, "landmark_distance", "identity"}
    assert set(told) == {*names, "by_pose"}
    assert all(isinstance(told[name], float) for name in names)
    assert set(told["by_pose"]) == {"frontal"} and set(told["by_pose"]["frontal"]) == {*names, "frames"}
    assert told["by_pose"]["frontal"]["psnr"] == told["psnr"]


def test_the_plot_shows_the_faces_too(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    report = compare(PLATE, source, out=tmp_path / "out", recogniser="dlib")
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == report
    plain = compare(PLATE, out=tmp_path / "plain", landmarks="no", matte=None)
    tall, short = (oiio.ImageBuf(one["files"][1]).spec().height for one in (report, plain))
    assert tall == short + 5 * 200
