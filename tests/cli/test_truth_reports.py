from __future__ import annotations

from typing import Any

import pytest
from understudy.cli.reports import show
from understudy.settings import BenchSettings, DemoSettings

PLATE = {
    "psnr": 25.077, "ssim": 0.8337, "de2000": 3.617, "identity": None, "detail_correlation": 0.33,
    "gradient_correlation": 0.65, "sharpness_ratio": 0.96, "landmark_distance": 2.6, "light": 0.0219,
    "features": 0.0317, "detail": 0.0235, "flicker_ratio": 0.98, "error_change": 0.0357,
}  # fmt: skip
RESULT = PLATE | {"psnr": 26.66, "sharpness_ratio": 0.8}


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("network", [None, PLATE | {"psnr": 25.5, "minutes": 7.0, "steps": 4941}])
def test_the_demo_tells_every_measure_and_a_network_where_there_is_one(
    network: dict[str, Any] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"untouched": PLATE, "result": RESULT, "network": network, "first": 1001, "last": 1024, "seconds": 61.2}
    show(DemoSettings(), report | {"frames_without_face": 0, "sheet": "build/demo/sheet.png"})
    lines = told(capsys)
    third = " 25.50" if network else ""
    assert f"PSNR 25.08 26.66{third} dB; more is nearer" in lines
    assert any(line.startswith("identity gained - -") for line in lines)
    assert sum(key in " ".join(lines) for key in ("SSIM", "dE2000", "landmarks", "flicker ratio")) == 4
    assert any("61 s, without training" in line for line in lines)
    assert any("7.0 min, 4941 steps" in line for line in lines) is bool(network)
    assert "Look at build/demo/sheet.png" in lines


def test_the_bench_of_rendering_marks_what_is_worse_than_the_plate(capsys: pytest.CaptureFixture[str]) -> None:
    by_pose = ({"by_pose": {"profile": one | {"frames": 7}}} for one in (PLATE, RESULT))
    ranks = {"lids": 0.64, "mouth": 0.92, "gaze": None, "frames": {"lids": 13, "mouth": 15, "gaze": 3}, "blinks": True}
    cost = {"size": [512, 288], "rendering": 0.19, "whole": 0.3, "preparation": 8.9, "face": 400}
    pair = {
        "untouched": PLATE | next(by_pose),
        "result": RESULT | next(by_pose),
        "worse": {"profile": ["sharpness_ratio"]},
        "performance": {"untouched": ranks | {"lids": 0.95}, "result": ranks},
        "still": 1.11,
        "cost": cost,
    }
    limits = {"number": 1, "pair": "full", "what": "psnr", "measured": 26.66, "low": 26.7, "high": None, "met": False}
    counted = limits | {"number": 3, "what": "profile: worse", "measured": 1.0, "low": None, "high": 0.0}
    ratio = limits | {"what": "sharpness_ratio", "measured": 0.87, "low": 0.85, "high": 1.1, "met": True}
    lacks = limits | {"what": "identity", "measured": None, "low": 0.9, "met": None}
    memory = {"frames": [24, 72], "peak": [186 << 20, 225 << 20], "growth": 1.0}
    criteria = [limits, counted, ratio, lacks]
    show(BenchSettings(), {"render": {"pairs": {"full": pair}, "hd": cost, "memory": memory, "criteria": criteria}})
    lines = told(capsys)
    assert "PSNR 25.08 26.66" in lines and "sharpness ratio 0.96 0.80 !" in lines
    assert "1 full PSNR 26.66 at least 26.70 NO" in lines
    assert "3 full profile: worse 1 at most 0 NO" in lines
    assert "1 full sharpness ratio 0.87 0.85 to 1.10 yes" in lines
    assert "1 full identity gained - at least 0.90 -" in lines
    text = " ".join(lines)
    assert "lids 0.64 (plate 0.95, 13 frames)" in text and "gaze - (plate -, 3 frames)" in text
    assert "186 MiB over 24 frames, 225 MiB over 72" in text
