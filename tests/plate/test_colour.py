from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from understudy.errors import ColourError
from understudy.plate import colour
from understudy.plate.colour import BUILT_IN, ColourManager, encode_srgb
from understudy.plate.frame import Header, Typed, Window
from understudy.plate.sequence import Plate

WINDOW = Window(0, 0, 4, 4)

MINIMAL = """ocio_profile_version: 2
roles:
  scene_linear: house linear
  data: raw
file_rules:
  - !<Rule> {name: Default, colorspace: raw}
displays:
  screen:
    - !<View> {name: plain, colorspace: raw}
active_displays: [screen]
active_views: [plain]
colorspaces:
  - !<ColorSpace>
    name: house linear
  - !<ColorSpace>
    name: Linear Rec.709
    to_scene_reference: !<MatrixTransform> {matrix: [0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]}
  - !<ColorSpace>
    name: raw
    isdata: true
"""


@pytest.fixture(scope="module")
def manager() -> ColourManager:
    return ColourManager(BUILT_IN, "test")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    path = tmp_path / "house.ocio"
    path.write_text(MINIMAL)
    return path


def plate(name: str) -> Plate:
    return Plate("a", name, "movie" if name.endswith(".mov") else "sequence", (1,))


def header(dtype: Any = "half", interop_id: str | None = None, **attributes: Any) -> Header:
    named = {name.replace("__", ":"): value for name, value in attributes.items()}
    return Header(WINDOW, WINDOW, dtype=dtype, interop_id=interop_id, attributes=named)


def matrix_between(source: str, target: str) -> NDArray[np.float64]:
    """RGB to RGB by way of XYZ with Bradford adaptation (SMPTE RP 177), from OpenEXR's primaries."""

    def to_xyz(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        xy = np.array(OpenEXR.colorInteropIDToChromaticities(name)).reshape(4, 2)
        columns = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(1)) / xy[:, 1]])
        return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3]), columns[:, 3]

    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    (one, white_one), (two, white_two) = to_xyz(source), to_xyz(target)
    adapt = np.linalg.solve(bradford, np.diag((bradford @ white_two) / (bradford @ white_one)) @ bradford)
    return np.linalg.solve(two, adapt @ one)


def test_the_configuration_is_the_setting_then_the_environment_then_the_built_in(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OCIO", raising=False)
    monkeypatch.delenv("BLENDER_OCIO", raising=False)
    built_in = ColourManager.discover()
    assert (built_in.config, built_in.source, built_in.working) == (BUILT_IN, "built-in", "ACEScg")
    monkeypatch.setenv("BLENDER_OCIO", str(house))
    assert (ColourManager.discover().source, ColourManager.discover().working) == ("$BLENDER_OCIO", "house linear")
    monkeypatch.setenv("OCIO", BUILT_IN)
    assert ColourManager.discover().source == "$OCIO"
    chosen = ColourManager.discover(str(house))
    assert (chosen.source, chosen.config) == ("setting", str(house))


@pytest.mark.parametrize("content", [None, "not a configuration\n", MINIMAL.replace("scene_linear", "other")])
def test_a_configuration_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken.ocio"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ColourError, match=r"broken\.ocio \(setting\)"):
        ColourManager.discover(str(path))


@pytest.mark.parametrize("name", ["lin_rec709_scene", "lin_ap0_scene", "lin_p3d65_scene", "lin_rec2020_scene"])
def test_linear_spaces_convert_by_their_primaries(manager: ColourManager, rng: np.random.Generator, name: str) -> None:
    rgb = (rng.standard_normal((5, 6, 3)) * 10).astype(np.float32)
    expected = rgb @ matrix_between(name, "lin_ap1_scene").T
    working = manager.to_working(rgb, name)
    assert working.dtype == np.float32
    np.testing.assert_allclose(working, expected, atol=2e-3)
    np.testing.assert_allclose(manager.from_working(working, name), rgb, atol=2e-4)


def test_the_working_space_itself_is_left_alone(manager: ColourManager, rng: np.random.Generator) -> None:
    half = rng.standard_normal((4, 4, 3)).astype(np.float16)
    same = manager.to_working(half, "ACEScg")
    np.testing.assert_array_equal(same, half.astype(np.float32))
    linear = half.astype(np.float32)
    manager.to_working(linear, "scene_linear")[:] = 0
    np.testing.assert_array_equal(linear, half.astype(np.float32))


def test_log_and_display_encodings_follow_their_formulas(manager: ColourManager) -> None:
    linear = np.array([-0.01, 0.0, 0.0078125, 0.18, 1.0, 16.0, 1000.0], np.float32).repeat(3).reshape(1, -1, 3)
    # AMPAS S-2016-001: ACEScct.
    log = np.where(linear <= 0.0078125, 10.5402377416545 * linear + 0.0729055341958355, 0)
    log = np.where(linear > 0.0078125, (np.log2(np.maximum(linear, 1e-9)) + 9.72) / 17.52, log)
    np.testing.assert_allclose(manager.from_working(linear, "ACEScct"), log, atol=2e-5)
    np.testing.assert_allclose(manager.to_working(log, "acescct"), linear, rtol=2e-4, atol=1e-5)
    grey = np.linspace(0, 1, 50, dtype=np.float32).repeat(3).reshape(1, -1, 3)
    decoded = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(manager.to_working(grey, "srgb_rec709_scene"), decoded, rtol=5e-4, atol=2e-5)


def test_nothing_finite_is_harmed_by_nan_and_inf_beside_it(manager: ColourManager, rng: np.random.Generator) -> None:
    clean = rng.random((16, 17, 3)).astype(np.float32)
    dirty = clean.copy()
    strange = rng.random((16, 17)) < 0.2
    dirty[strange] = np.array([np.nan, np.inf, -np.inf], np.float32)
    for space in ("lin_rec709_scene", "ACEScct", "srgb_rec709_scene"):
        for convert in (manager.to_working, manager.from_working):
            np.testing.assert_array_equal(convert(dirty, space)[~strange], convert(clean, space)[~strange])
    shown = manager.to_display(dirty)
    assert np.isfinite(shown).all()
    np.testing.assert_array_equal(shown[~strange], manager.to_display(clean)[~strange])


def test_the_plain_picture_is_srgb_without_tone_mapping(manager: ColourManager, rng: np.random.Generator) -> None:
    working = (rng.standard_normal((8, 9, 3)) * 0.8).astype(np.float32)
    linear = np.clip(working @ matrix_between("lin_ap1_scene", "lin_rec709_scene").T, 0, 1)
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(manager.to_display(working), expected, atol=1e-4)
    white = manager.to_display(np.array([[[5, 5, 5], [np.inf, np.inf, np.inf], [-1, -1, -1]]], np.float32))
    np.testing.assert_allclose(white[0, :, 0], [1, 1, 0], atol=1e-6)


def test_a_view_of_the_configuration_is_used_by_name(manager: ColourManager) -> None:
    grey = np.full((1, 1, 3), 0.18, np.float32)
    plain = manager.to_display(grey)
    untoned = manager.to_display(grey, "sRGB - Display/Un-tone-mapped")
    np.testing.assert_allclose(untoned, plain, atol=1e-3)
    toned = manager.to_display(grey, "sRGB - Display/ACES 1.0 - SDR Video")
    assert abs(float(toned.mean() - plain.mean())) > 0.03
    with pytest.raises(ColourError, match="no view 'sRGB/Nice'") as caught:
        manager.to_display(grey, "sRGB/Nice")
    assert "sRGB - Display/" in caught.value.hint


AP0 = Typed("float[8]", (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767))
BT709 = Typed("float[8]", (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))
ODD = Typed("float[8]", (0.6, 0.3, 0.3, 0.6, 0.1, 0.1, 0.3, 0.3))
ACES = ("ACES2065-1", True, "lin_ap0_scene")
REC709 = ("Linear Rec.709 (sRGB)", True, "lin_rec709_scene")
WORKING = ("ACEScg", True, "lin_ap1_scene")
ENCODED = ("sRGB Encoded Rec.709 (sRGB)", False, "srgb_rec709_scene")
LOG = ("ACEScct", False, None)


@pytest.mark.parametrize(
    ("name", "head", "expected", "reason"),
    [
        ("a.exr", header(interop_id="lin_ap1_scene", acesImageContainerFlag=1), ACES, "ACES container"),
        ("a.exr", header(interop_id="lin_rec709_scene", chromaticities=AP0), REC709, "colorInteropID"),
        ("a.exr", header(interop_id="studio:lin_ap0_scene"), (*ACES[:2], "studio:lin_ap0_scene"), "colorInteropID"),
        ("a.exr", header(interop_id="unknown", chromaticities=AP0), ACES, "chromaticities"),
        ("a.exr", header(chromaticities=BT709), REC709, "chromaticities"),
        ("a.exr", header(chromaticities=ODD), WORKING, "does not know its chromaticities"),
        ("a.exr", header(interop_id="martian"), WORKING, "does not know its colorInteropID martian"),
        ("a.exr", header(), WORKING, "default for .exr"),
        ("a.TIF", header("float"), WORKING, "default for .tif"),
        ("a.tif", header(), ENCODED, "default for .tif"),
        ("a.png", header(), ENCODED, "default for .png"),
        ("a.mov", header(), ENCODED, "default for .mov"),
        ("a.dpx", header(), LOG, "compositing_log"),
        ("a.dpx", header(dpx__Transfer="Logarithmic"), LOG, "compositing_log"),
        ("a.dpx", header(dpx__Transfer="Linear"), WORKING, "linear by its header"),
        ("a.dpx", header(dpx__Transfer="Rec709"), ENCODED, "default for .dpx"),
    ],
)
def test_the_input_space_and_why(
    manager: ColourManager, name: str, head: Header, expected: tuple[str, bool, str | None], reason: str
) -> None:
    found = manager.input_space(plate(name), head, None)
    assert (found.name, found.scene_linear, found.interop_id) == expected
    assert reason in found.reason


@pytest.mark.parametrize(
    ("setting", "expected"), [("LIN_rec709", REC709), ("compositing_log", LOG), ("scene_linear", WORKING)]
)
def test_a_setting_comes_before_all_else(
    manager: ColourManager, setting: str, expected: tuple[str, bool, str | None]
) -> None:
    found = manager.input_space(plate("a.png"), header(interop_id="lin_ap0_scene"), setting)
    assert (found.name, found.scene_linear, found.interop_id, found.reason) == (*expected, "setting")


def test_an_unknown_space_comes_with_near_names(manager: ColourManager) -> None:
    with pytest.raises(ColourError, match="no colour space 'ACESgc'") as caught:
        manager.input_space(plate("a.exr"), header(), "ACESgc")
    assert "ACEScg" in caught.value.hint
    with pytest.raises(ColourError, match="zzz"):
        manager.to_working(np.zeros((1, 1, 3), np.float32), "zzz")


def test_a_house_configuration_works_with_what_it_has(house: Path) -> None:
    manager = ColourManager.discover(str(house))
    space = manager.input_space(plate("a.exr"), header(interop_id="lin_rec709_scene"), None)
    assert (space.name, space.scene_linear) == ("Linear Rec.709", True)
    np.testing.assert_allclose(manager.to_working(np.ones((1, 1, 3), np.float32), space.name)[0, 0], [0.5, 0.25, 2.0])
    assert manager.interop_id_of("house linear") is None
    assert manager.interop_id_of("raw") == "data"
    assert manager.interop_id_of("linear rec.709") == "lin_rec709_scene"
    with pytest.raises(ColourError, match="no sRGB texture space"):
        manager.input_space(plate("a.png"), header(), None)
    with pytest.raises(ColourError, match="compositing_log"):
        manager.input_space(plate("a.dpx"), header(), None)


def test_what_the_library_holds_itself_is_read_once_and_a_file_whenever_it_is_asked_for(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    straight = oiio.ColorConfig
    monkeypatch.setattr(colour.oiio, "ColorConfig", lambda config: read.append(config) or straight(config))
    monkeypatch.setattr(colour, "_loaded", functools.cache(colour._load))
    white = np.ones((1, 1, 3), np.float32)
    built_in = [ColourManager(BUILT_IN, "test").to_working(white, "lin_rec709_scene") for _ in range(2)]
    np.testing.assert_array_equal(*built_in)
    ColourManager.discover(str(house)).to_working(white, "Linear Rec.709")
    house.write_text(MINIMAL.replace("0.25", "0.75"))
    assert ColourManager.discover(str(house)).to_working(white, "Linear Rec.709")[0, 0, 1] == pytest.approx(0.75)
    assert read == [BUILT_IN, str(house), str(house)]
    for _ in range(2):  # what is wrong is told each time
        with pytest.raises(ColourError, match="nothing-of-the-kind"):
            ColourManager("ocio://nothing-of-the-kind", "test")


def test_threads_may_share_a_manager(rng: np.random.Generator) -> None:
    shared = ColourManager(BUILT_IN, "test")
    pictures = [rng.random((20, 20, 3)).astype(np.float32) for _ in range(12)]
    spaces = ["lin_rec709_scene", "ACEScct", "lin_ap0_scene"] * 4
    alone = [ColourManager(BUILT_IN, "test").to_working(*job) for job in zip(pictures[:3], spaces[:3], strict=True)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(shared.to_working, pictures, spaces))
    for one, other in zip(alone, together, strict=False):
        np.testing.assert_array_equal(one, other)


def test_the_srgb_curve_takes_anything() -> None:
    values = np.array([-1, 0, 0.0031308, 0.5, 1, 2, np.inf, np.nan], np.float32)
    expected = [0, 0, 0.04045, 0.7353569, 1, 1, 1, 0]
    np.testing.assert_allclose(encode_srgb(values), expected, atol=2e-6)
