from __future__ import annotations

import pytest
from understudy.cli.reports import show
from understudy.settings import BenchSettings

ON_CPU = {
    "family": "quick",
    "resolution": 64,
    "batch": 8,
    "weights": 2_801_136,
    "examples_per_second": 207.43,
    "outside_networks": 0.04667,
    "peak_memory": 84_934_212,
    "tflop_per_step": 0.008428,
}
ON_GPU = {"plain_examples_per_second": 50.0, "fast_ratio": 4.1486, "product_share": 0.1234}
PEERS = {
    "family": "df",
    "resolution": 128,
    "batch": 4,
    "examples_per_second": 3.659,
    "peers_examples_per_second": 1.3216,
    "ratio": 2.7685,
    "peers_waiting": 0.0116,
}


def rows(capsys: pytest.CaptureFixture[str], *families: str) -> list[list[str]]:
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    return [row for row in cells if row[0] in families]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_training_is_told_by_family_and_size(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = [{"family": "df", "resolution": 256, "batch": 4, "why": "a step would take about 12 s"}]
    train = {"product_rate": None, "families": [ON_CPU], "left_out": left_out, "peers": [PEERS]}
    show(BenchSettings(), {"train": train})
    text = capsys.readouterr().out
    assert "df at 256 px and above is left out: a step would take about 12 s." in text
    assert "float32" not in text
    show(BenchSettings(), {"train": train})
    assert rows(capsys, "quick", "df") == [
        ["quick", "64", "8", "2.8 M", "207.4", "4.7 %", "0.08 GiB", "0.00843"],
        ["df", "128", "4", "3.659", "1.322", "2.77 x", "1.2 %"],
    ]


def test_on_a_gpu_the_fast_path_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    families = [ON_CPU | ON_GPU, ON_CPU | ON_GPU | {"resolution": 128, "peak_memory": None}]
    show(BenchSettings(), {"train": {"product_rate": 612.3, "families": families, "left_out": [], "peers": []}})
    assert [row[-5:] for row in rows(capsys, "quick")] == [
        ["0.08 GiB", "0.00843", "50", "4.15 x", "12.3 %"],
        ["-", "0.00843", "50", "4.15 x", "12.3 %"],
    ]
