from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated_nuke import RGB, RGBA, Picture, evaluate, inputs, parsed
from made_people import bits
from understudy.convert.inverse_warp import PlacedFace, Placer
from understudy.convert.layers.compose import compose
from understudy.imaging.region import Region
from understudy.nuke.comp import NEEDED, ReadSequence, nuke_comp
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, LayerWriter

WIDTH, HEIGHT, FRAME = 40, 30, 1007
DISPLAY = Window(0, 0, WIDTH, HEIGHT)


def placed(matrix: np.ndarray | None = None, size: int = 16) -> PlacedFace:
    """A face at the place that ``matrix`` (plate -> crop) says, with a matte of all shades."""
    matrix = np.array([[0.9, 0.3, -14.0], [-0.3, 0.9, 2.0]]) if matrix is None else matrix
    region = Region(4, 3, 26, 20) if size == 16 else Region(0, 0, size, size)
    shape = (region.height, region.width)
    rng = np.random.default_rng(2)
    placer = Placer(matrix, size, region)
    matte = np.clip(rng.uniform(-0.3, 1.3, shape), 0, 1).astype(np.float32) * placer.inside
    swap, raw = (rng.uniform(-0.2, 70, (*shape, 3)).astype(np.float32) for _ in range(2))
    return PlacedFace(region, swap, raw, matte, np.zeros(shape, np.float32), placer.st, placer.inside, 0.5)


def plate(dtype: type, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """With negatives, highlights, and numbers that are none where the face does not come."""
    pixels = np.random.default_rng(1).uniform(-0.5, 90, (height, width, 3)).astype(dtype)
    pixels[0, 0], pixels[-1, -1] = np.nan, np.inf
    return pixels


def written(folder: Path, pixels: np.ndarray, layers: list[Layer], profile: Any = "parts", **header: Any) -> Header:
    """The result and its plate, and the header of both."""
    data = Window(0, 0, pixels.shape[1], pixels.shape[0])
    told = Header(**{"data": data, "display": data, "fps": (24000, 1001), **header})
    with LayerWriter() as writer:
        writer.submit(folder / f"out.{FRAME}.exr", layers, told, profile=profile, interop_id="lin_ap1_scene")
        main = [Layer("", ("R", "G", "B"), pixels)]
        writer.submit(folder / f"plate.{FRAME}.exr", main, told, profile="flat", interop_id="lin_ap1_scene")
    return told


def comp(header: Header, *, plate: bool = True, layers: tuple[str, ...] = NEEDED, space: str | None = "ACEScg") -> str:
    footage = [ReadSequence(f"{name}.%04d.exr", 1001, 1010) for name in ("out", "plate")]
    return nuke_comp("comp", footage[0], footage[1] if plate else None, header, space=space, layers=layers)


def stacked(picture: Picture, names: tuple[str, ...] = RGB) -> np.ndarray:
    return np.stack([picture[name] for name in names], axis=-1)


def assert_half_near(found: np.ndarray, wanted: np.ndarray, *terms: np.ndarray) -> None:
    """Equal but for the roundings to half floats of ``wanted`` and of the ``terms`` that it is the sum of."""
    allowed = 2.0**-10 * sum((np.abs(term) for term in terms), np.abs(wanted)) + 1e-6
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isfinite(found), finite)
    assert (np.abs(found[finite] - wanted[finite]) <= allowed[finite]).all()


@pytest.mark.parametrize("named", [True, False], ids=["plate file", "plate of the result"])
@pytest.mark.parametrize("layers", [NEEDED, (*NEEDED, "st_inv", "occlusion")], ids=["few", "all"])
def test_the_script_parses_and_is_linked_as_it_should_be(named: bool, layers: tuple[str, ...]) -> None:
    header = Header(DISPLAY, Window(0, 0, 1920, 1080), fps=(24000, 1001), pixel_aspect=2.0)
    script = parsed(comp(header, plate=named, layers=layers))
    root = script.root()
    assert float(root.get("fps")) == pytest.approx(24000 / 1001, abs=1e-7)
    assert root.get_string("format").split() == ["1920", "1080", "0", "0", "1920", "1080", "2"]
    assert [root.get(name) for name in ("first_frame", "last_frame", "lock_range")] == ["1001", "1010", "true"]
    links = {node.name: [one.name for one in inputs(node)] for node in script.all_nodes() if node.inputs}
    assert links["rebuild"] == ["plate", "face"]
    assert links["check"] == ["rebuild", "result"]
    assert links["face"] == ["swap_layer", "premult_swap", "premult_raw"]
    assert links["aligned_to_plate"] == ["aligned_picture", "result_data"]
    assert links.get("plate") == (None if named else ["result", "delta_layer"])
    assert links.get("plate_to_aligned") == (["plate", "result_data"] if "st_inv" in layers else None)
    reads = {node.name: node for node in script.query().of_class("Read").all()}
    assert set(reads) == {"result", "result_data"} | ({"plate"} if named else set())
    assert all(read.get("raw") == "true" for read in reads.values())
    assert {name for name, read in reads.items() if read.knob("colorspace")} == set(reads) - {"result_data"}
    declared = {line.split()[0]: line.split()[1:] for line in script.add_layer_declarations}
    assert declared["swap"] == ["swap.red", "swap.green", "swap.blue", "swap.alpha"]
    assert declared["st"] == ["st.u", "st.v"]


def test_no_two_nodes_lie_on_each_other_and_a_field_holds_its_nodes() -> None:
    script = parsed(comp(Header(DISPLAY, DISPLAY), plate=False, layers=(*NEEDED, "st_inv")))
    places = [
        (node.xpos, node.ypos)
        for node in script.all_nodes()
        if node.class_name not in ("Root", "BackdropNode", "StickyNote")
    ]
    for index, (x, y) in enumerate(places):
        assert all(abs(x - u) >= 100 or abs(y - v) >= 30 for u, v in places[:index]), (x, y)
    fields = [node for node in script.all_nodes() if node.class_name == "BackdropNode"]
    boxes = [(one.xpos, one.ypos, float(one.get("bdwidth")), float(one.get("bdheight"))) for one in fields]
    for index, (x, y, width, height) in enumerate(boxes):
        for u, v, w, h in boxes[:index]:
            assert x + width <= u or u + w <= x or y + height <= v or v + h <= y
        assert any(x < u < x + width and y < v < y + height for u, v in places)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("profile", ["flat", "parts"])
@pytest.mark.parametrize("named", [True, False], ids=["plate file", "plate of the result"])
def test_the_tree_rebuilds_the_composite_that_was_delivered(
    tmp_path: Path, profile: str, dtype: type, named: bool
) -> None:
    pixels, face = plate(dtype), placed()
    layers = compose(pixels, None, face)
    header = written(tmp_path, pixels, layers, profile)
    node = evaluate(comp(header, plate=named), tmp_path, FRAME)
    main, rebuilt = layers[0].pixels[..., :3].astype(np.float32), stacked(node("rebuild"))
    delta = np.abs(stacked(node("result"), ("delta.red", "delta.green", "delta.blue")))
    assert_half_near(rebuilt, main, stacked(node("swap_layer")), pixels, delta)
    outside = node("result")["matte.alpha"] == 0
    assert 100 < outside.sum() < outside.size - 100
    np.testing.assert_array_equal(bits(rebuilt[outside]), bits(main[outside]))
    np.testing.assert_array_equal(node("rebuild")["rgba.alpha"], node("result")["rgba.alpha"])
    finite = np.isfinite(main)
    np.testing.assert_array_equal(stacked(node("check"))[finite], np.abs(main[finite] - rebuilt[finite]))


def test_overscan_and_a_display_window_away_from_the_origin_change_nothing(tmp_path: Path) -> None:
    pixels = plate(np.float16)
    windows = {"data": Window(5, -3, WIDTH, HEIGHT), "display": Window(10, 0, 25, 40)}
    for profile in ("flat", "parts"):
        header = written(tmp_path, pixels, compose(pixels, None, placed()), profile, **windows)
        node = evaluate(comp(header), tmp_path, FRAME)
        main = stacked(node("result"))
        assert main.shape[:2] == (40, 25) and (node("result")["matte.alpha"] > 0).any()
        assert_half_near(stacked(node("rebuild")), main, stacked(node("swap_layer")), stacked(node("plate")))


def test_the_plates_alpha_stays_what_it_was(tmp_path: Path) -> None:
    pixels = plate(np.float16)
    alpha = np.random.default_rng(4).uniform(0, 1, pixels.shape[:2]).astype(np.float16)
    header = written(tmp_path, pixels, compose(pixels, alpha, placed()))
    node = evaluate(comp(header, plate=False), tmp_path, FRAME)
    np.testing.assert_array_equal(node("rebuild")["rgba.alpha"], alpha)


def test_the_switch_leads_through_grades_and_the_changed_matte(tmp_path: Path) -> None:
    pixels, face = plate(np.float32), placed()
    pixels[0, 0] = pixels[-1, -1] = 1
    header = written(tmp_path, pixels, compose(pixels, None, face))
    text = comp(header)
    under = pixels.copy()
    rows, columns = face.region.rows, face.region.columns
    matte = face.matte.astype(np.float16).astype(np.float32)[..., None]

    def over(picture: np.ndarray) -> np.ndarray:
        whole = under.copy()
        whole[rows, columns] = under[rows, columns] * (1 - matte) + picture * matte
        return whole

    adjusted = text.replace(" which 0\n", " which 1\n")
    node = evaluate(adjusted, tmp_path, FRAME)
    assert_half_near(stacked(node("rebuild")), over(face.swap), over(face.swap), under)
    node = evaluate(adjusted.replace(" name grade_swap\n", " white 2\n name grade_swap\n"), tmp_path, FRAME)
    assert_half_near(stacked(node("rebuild")), over(2 * face.swap), over(2 * face.swap), under)
    raw = text.replace(" which 0\n", " which 2\n")
    node = evaluate(raw.replace(" name grade_raw\n", " white 0.5\n name grade_raw\n"), tmp_path, FRAME)
    assert_half_near(stacked(node("rebuild")), over(face.raw / 2), over(face.raw / 2), under)


def test_a_frame_without_a_face_is_the_plate(tmp_path: Path) -> None:
    pixels = plate(np.float16)
    header = written(tmp_path, pixels, compose(pixels, None, None))
    for named in (True, False):
        node = evaluate(comp(header, plate=named), tmp_path, FRAME)
        np.testing.assert_array_equal(bits(stacked(node("rebuild"))), bits(pixels.astype(np.float32)))


def checkerboard(size: int) -> Picture:
    y, x = np.mgrid[:size, :size]
    board = np.random.default_rng(0).uniform(0.5, 1, (size, size)) * ((x // 3 + y // 3) % 2)
    return {name: board.astype(np.float32) for name in RGBA}


def test_an_identity_map_leaves_a_checkerboard_as_it_is(tmp_path: Path) -> None:
    size, board = 48, checkerboard(48)
    face = placed(np.array([[1.0, 0, 0], [0, 1.0, 0]]), size)
    pixels = plate(np.float16, size, size)
    header = written(tmp_path, pixels, compose(pixels, None, face))
    node = evaluate(comp(header), tmp_path, FRAME, aligned_picture=board)
    np.testing.assert_allclose(node("aligned_to_plate")["rgba.red"], board["rgba.red"], atol=1e-4)
    np.testing.assert_array_equal(np.round(node("aligned_to_plate")["rgba.red"], 3), np.round(board["rgba.red"], 3))


def test_a_retouch_painted_on_the_aligned_face_lands_where_the_matrix_says(tmp_path: Path) -> None:
    turned = np.array([[0.9, 0.3, -14.0], [-0.3, 0.9, 2.0]])
    pixels, face = plate(np.float16), placed(turned)
    header = written(tmp_path, pixels, compose(pixels, None, face))
    y, x = (axis + 0.5 for axis in np.mgrid[:64, :64].astype(np.float32))
    ramp = {"rgba.red": x / 4, "rgba.green": y / 4, "rgba.blue": 0 * x, "rgba.alpha": 0 * x + 1}
    node = evaluate(comp(header).replace(" disable true\n", ""), tmp_path, FRAME, aligned_picture=ramp)
    laid = node("aligned_to_plate")
    rows, columns = np.nonzero(node("result")["matte.alpha"] > 0)
    centres = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))])
    wanted = turned @ centres
    inner = ((wanted > 0.2) & (wanted < 15.8)).all(0)  # the ramp ends half a pixel inside the crop
    assert inner.sum() > 100
    found = np.stack([laid["rgba.red"][rows, columns], laid["rgba.green"][rows, columns]])
    np.testing.assert_allclose(found[:, inner], wanted[:, inner], atol=0.02)
    matte = node("result")["matte.alpha"][rows, columns]
    retouched = stacked(node("retouch"))[rows, columns]
    rebuilt = stacked(node("rebuild"))[rows, columns]
    np.testing.assert_allclose(retouched[:, 0], found[0] * matte + rebuilt[:, 0] * (1 - matte), rtol=1e-4, atol=1e-4)


def test_the_reverse_map_brings_the_plate_into_the_aligned_face(tmp_path: Path) -> None:
    pixels, face = plate(np.float32), placed()
    y, x = (axis + 0.5 for axis in np.mgrid[:12, :12])
    inverse = np.stack([(x + 7) / WIDTH, 1 - (y + 5) / HEIGHT], axis=-1).astype(np.float32)
    layers = [*compose(pixels, None, face), Layer("st_inv", ("u", "v"), inverse)]
    header = written(tmp_path, pixels, layers)
    node = evaluate(comp(header, layers=(*NEEDED, "st_inv")), tmp_path, FRAME)
    np.testing.assert_allclose(stacked(node("plate_to_aligned"))[:12, :12], pixels[5:17, 7:19], atol=1e-3)


def test_names_with_blanks_quotes_and_brackets_come_through() -> None:
    odd = ReadSequence('my "shot" [v2] $x {a}/out.%04d.exr', 1, 2, gaps=True)
    script = parsed(nuke_comp("a b", odd, None, Header(DISPLAY, DISPLAY), space=None, layers=NEEDED))
    read = script.find("result")
    assert read.get("file") == r'"my \"shot\" \\\[v2] \\\$x \{a\}/out.%04d.exr"'
    assert read.get("on_error") == "black"
    assert not read.knob("colorspace")
    assert "the files do not say" in script.find("about").get("label")


@pytest.mark.parametrize(
    "name", ["s[exec touch pwned]", "$env(HOME)", "a\\nb\\[exit\\]", '{x}"y" ; exit', "%d [", "#[set argv]#"]
)
def test_a_name_is_never_run_by_nuke(name: str) -> None:
    """Tcl itself reads the script as Nuke does, and substitutes what Nuke does when a file or a label is used."""
    tkinter = pytest.importorskip("tkinter", reason="Python was built without Tcl")
    interpreter = tkinter.Tcl()
    found: dict[tuple[str, str], str] = {}
    interpreter.createcommand(
        "keep", lambda kind, node, knob, value: found.__setitem__((kind, f"{node}.{knob}"), value)
    )
    ran: list[str] = []
    interpreter.createcommand("unknown", lambda *words: ran.append(" ".join(words)) or "")
    interpreter.eval("rename exec {}; proc version args {}; proc push args {}; proc add_layer args {}")
    interpreter.eval("proc stack args {}; proc python args { return folder }")
    for kind in ("Root", "Read", "StickyNote", "BackdropNode"):
        interpreter.eval(
            f"proc {kind} body {{ array set knobs $body; if {{![info exists knobs(name)]}} {{ set knobs(name) root }}\\n"
            f"foreach knob {{file label name}} {{ if {{[info exists knobs($knob)]}} {{ "
            f"keep {kind} $knobs(name) $knob [subst $knobs($knob)] }} }} }}".replace("\\n", "\n")
        )
    for kind in ("Unpremult", "Grade", "Copy", "Premult", "Switch", "FilterErode", "Blur", "CheckerBoard2", "STMap"):
        interpreter.eval(f"proc {kind} body {{}}")
    interpreter.eval("proc Merge2 body {}; proc Shuffle2 body {}")
    footage = [ReadSequence(f"{name}/{part}.%04d.exr", 1001, 1010) for part in ("out", "plate")]
    data = Window(0, 0, WIDTH, HEIGHT)
    interpreter.eval(nuke_comp(name, *footage, Header(data=data, display=data), space=name, layers=NEEDED))
    assert ran == []
    assert found["Read", "plate.file"] == f"{name}/plate.%04d.exr"
    assert found["Read", "plate.label"] == name
    assert (
        f"Understudy: {name}\n" in found["StickyNote", "about.label"]
        and f"in {name}." in found["StickyNote", "about.label"]
    )
    assert f"{name}.nk" in {value for (kind, _), value in found.items() if kind == "Root"}
