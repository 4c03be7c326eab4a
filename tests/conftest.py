"""Being here, this file puts ``made_people`` within reach of every room's tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


class PlainRoot:
    """Keeps pytest from taking the checkout for a package, and importing it: it is one to Blender alone."""

    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        return pytest.Dir.from_parent(parent, path=path) if path == ROOT else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(PlainRoot())
