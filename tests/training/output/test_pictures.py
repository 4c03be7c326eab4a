from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from understudy.model.log_curve import encode
from understudy.model.normalisation import ColourStats
from understudy.plate.colour import ColourManager
from understudy.training.output.curve import phases, write_curve
from understudy.training.output.preview import (
    ROWS,
    TILE,
    ask_preview,
    preview_title,
    preview_wanted,
    swap_strip,
    write_preview,
)

LIGHTS = {
    "source": ColourStats(torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.2, 0.2])),
    "target": ColourStats(torch.tensor([0.3, 0.4, 0.6]), torch.tensor([0.1, 0.1, 0.1])),
}


@pytest.fixture(scope="module")
def colour() -> ColourManager:
    return ColourManager.discover()


def flat(light: ColourStats, linear: tuple[float, float, float], count: int = 8) -> torch.Tensor:
    """Pictures of one scene-linear colour as the network sees them under ``light``."""
    codes = encode(torch.tensor(linear)).view(1, 3, 1, 1).expand(count, 3, 16, 16)
    return light.normalise(codes)


def a_row(name: str, number: int) -> torch.Tensor:
    shade = 0.05 + 0.08 * number
    if "mask" in name:
        return torch.full((8, 1, 16, 16), shade)
    return flat(LIGHTS["source" if name.startswith("source") else "target"], (shade, 0.5 * shade, 0.2))


def tiles(sheet: np.ndarray, rows: int) -> list[np.ndarray]:
    """The colour in the middle of each row's first tile, from the bottom of the sheet upwards, whatever the title."""
    pitch = TILE + 28
    return [sheet[sheet.shape[0] - 36 - TILE // 2 - pitch * (rows - 1 - row), 8 + TILE // 2] for row in range(rows)]


@pytest.mark.parametrize("left_out", [(), ("source mask rebuilt", "target mask rebuilt", "target mask", "source mask")])
def test_a_sheet_shows_each_row_in_its_own_light(tmp_path, colour, left_out):
    names = [name for name in ROWS if name not in left_out]
    rows = {name: a_row(name, number) for number, name in enumerate(names)}
    write_preview(tmp_path / "p.png", rows, LIGHTS, colour, "step 200")
    sheet = np.asarray(Image.open(tmp_path / "p.png"))
    assert sheet.shape[1] == 8 + 8 * (TILE + 8)
    for number, (name, seen) in enumerate(zip(names, tiles(sheet, len(names)), strict=True)):
        shade = 0.05 + 0.08 * number
        if "mask" in name:
            wanted = np.full(3, shade)
        else:
            wanted = colour.to_display(np.array([[[shade, 0.5 * shade, 0.2]]], np.float32))[0, 0]
        assert np.abs(seen / 255 - wanted).max() < 0.01, name


def test_the_strip_of_a_time_lapse_shows_four_swapped_faces_from_first_to_last(colour):
    rows = {"swap": torch.cat([flat(LIGHTS["target"], (0.1 * (n + 1), 0.1, 0.1), 1) for n in range(8)])}
    strip = swap_strip(rows, LIGHTS, colour)
    assert strip.dtype == np.uint8 and strip.shape[1] == 8 + 4 * (TILE + 8)
    seen = [int(strip[strip.shape[0] // 2, 8 + TILE // 2 + place * (TILE + 8), 0]) for place in range(4)]
    first, last = (colour.to_display(np.array([[[red, 0.1, 0.1]]], np.float32))[0, 0, 0] * 255 for red in (0.1, 0.8))
    assert seen == sorted(seen) and abs(seen[0] - first) < 2 and abs(seen[-1] - last) < 2


def test_the_title_tells_what_was_measured():
    assert preview_title(200) == "step 200"
    told = preview_title(1200, 27.349, 0.91236)
    assert "step 1200" in told and "27.35 dB" in told and "0.9124" in told


def test_a_preview_is_asked_for_once(tmp_path):
    assert not preview_wanted(tmp_path)
    ask_preview(tmp_path)
    ask_preview(tmp_path)
    assert preview_wanted(tmp_path)
    assert not preview_wanted(tmp_path) and not list(tmp_path.iterdir())


RECORDS = [
    {"step": 20, "source": 1.0, "target": 1.1, "pairs": 0.5, "phase": "warped"},
    {"step": 40, "source": 0.8, "target": 0.9, "pairs": 0.0, "phase": "warped"},
    {"step": 40, "validation": 0.7, "validation_psnr": 20.0, "validation_ssim": 0.8},
    {"step": 60, "source": 0.5, "target": 0.6, "pairs": 0.2, "identity critic": 0.3, "loss": 9, "phase": "unwarped"},
    {"step": 60, "validation": 0.6, "validation_psnr": 22.0, "validation_ssim": 0.85},
]


def test_the_phases_begin_where_they_are_first_measured():
    assert list(phases(RECORDS)) == [(20, "warped"), (60, "unwarped")]
    assert list(phases([{"step": 20}])) == []


def test_the_curve_is_drawn_with_figures_and_phases(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *given, **named: (drawn.append(self), save(self, *given, **named))
    )
    write_curve(tmp_path / "c.png", RECORDS)
    assert Image.open(tmp_path / "c.png").size == (990, 770)
    losses, psnr, ssim = drawn[0].axes
    told = {line.get_label(): line.get_xydata().tolist() for line in losses.lines}
    assert {name for name in told if not name.startswith("_")} == {
        "source", "target", "pairs", "identity critic", "held-out faces"
    }  # fmt: skip
    assert told["pairs"] == [[20, 0.5], [60, 0.2]]  # a logarithm shows no zero
    assert told["held-out faces"] == [[40, 0.7], [60, 0.6]]
    assert psnr.lines[0].get_xydata().tolist() == [[40, 20.0], [60, 22.0]]
    assert ssim.lines[0].get_xydata().tolist() == [[40, 0.8], [60, 0.85]]
    assert [text.get_text() for text in losses.texts] == ["warped", "unwarped"]
    assert [line.get_xdata()[0] for line in losses.lines[-2:]] == [20, 60]


@pytest.mark.parametrize("records", [[], [{"step": 20, "loss": 1.0}], [{"step": 20, "source": math.nan}]])
def test_a_curve_of_little_is_a_picture_all_the_same(tmp_path, records):
    write_curve(tmp_path / "c.png", records)
    assert Image.open(tmp_path / "c.png").size == (990, 550)
