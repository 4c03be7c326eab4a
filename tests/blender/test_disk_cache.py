"""Asking the disk while panels are drawn."""

from types import SimpleNamespace

import pytest


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def disk(extension, monkeypatch, clock):
    """The module as in a window."""
    from bl_ext.user_default.understudy.addon.images import disk_cache as disk

    monkeypatch.setattr(disk, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    monkeypatch.setattr(disk, "time", clock)
    monkeypatch.setattr(disk, "_answers", {})
    return disk


def test_the_disk_is_asked_once_a_moment(disk, clock, tmp_path):
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
    clock.now += disk.GOOD
    assert disk.told(ask, tmp_path / "a")


def test_a_slow_share_is_asked_less_often(disk, clock, tmp_path):
    asked = []

    def slow(path):
        asked.append(path)
        clock.now += 0.4

    for wait in (0.0, 19.0, 2.0):  # good for fifty times as long as it took
        clock.now += wait
        disk.told(slow, tmp_path)
    assert len(asked) == 2


def test_a_script_is_told_anew(extension, tmp_path):
    from bl_ext.user_default.understudy.addon.images import disk_cache as disk

    assert not disk.told(_is_file, tmp_path / "a")
    (tmp_path / "a").touch()
    assert disk.told(_is_file, tmp_path / "a")


def _is_file(path):
    return path.is_file()
