from __future__ import annotations

import pytest
from understudy.cli.reports import show
from understudy.settings import BenchSettings


def test_promises_come_first_and_those_not_kept_catch_the_eye(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    told = [
        {"number": 1, "what": "perfect prediction", "measured": 0.00281, "limit": 0.005, "met": True},
        {"number": 3, "what": "flicker", "measured": None, "limit": 1.2, "met": False},
    ]
    show(BenchSettings(), {"convert": {"criteria": told, "fidelity": {"worst": 0.00281}}})
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert ["1", "perfect prediction", "0.00281", "0.005", "yes"] in rows
    assert ["3", "flicker", "-", "1.2", "NO"] in rows
    assert rows.index(["fidelity"]) > rows.index(["3", "flicker", "-", "1.2", "NO"])
    assert ["worst", "0.00281"] in rows
