"""Asking the disk while panels are drawn."""

import time
from types import SimpleNamespace

import pytest


@pytest.fixture
def disk(extension, monkeypatch):
    """The module as in a window."""
    from bl_ext.user_default.understudy.addon import disk

    monkeypatch.setattr(disk, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    monkeypatch.setattr(disk, "_answers", {})
    return disk


def test_the_disk_is_asked_once_a_moment(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "GOOD", 0.1)
    asked = []
    for _ in range(5):
        assert disk.told(lambda path: asked.append(path) or path.name, tmp_path / "a") == "a"
    assert len(asked) == 5, "each is a question of its own"

    def ask(path):
        asked.append(path)
        return path.is_file()

    asked.clear()
    assert [disk.told(ask, tmp_path / "a") for _ in range(5)] == [False] * 5
    assert len(asked) == 1
    (tmp_path / "a").touch()
    time.sleep(0.11)
    assert disk.told(ask, tmp_path / "a")


def test_a_slow_share_is_asked_less_often(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "GOOD", 0.0)
    asked = []

    def slow(path):
        asked.append(path)
        time.sleep(0.02)

    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        disk.told(slow, tmp_path)
    assert len(asked) == 1


def test_a_script_is_told_anew(extension, tmp_path):
    from bl_ext.user_default.understudy.addon import disk

    assert not disk.told(_is_file, tmp_path / "a")
    (tmp_path / "a").touch()
    assert disk.told(_is_file, tmp_path / "a")


def _is_file(path):
    return path.is_file()
