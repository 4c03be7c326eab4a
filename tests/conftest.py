"""What all tests share; what they make and measure with lies in ``support``, on the path by pyproject.toml."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):  # Blender's tests go without it
    from hypothesis import HealthCheck, settings

    # An example may take long because the machine is busy with other things, which says nothing about the code.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")

ROOT = Path(__file__).resolve().parents[1]


class PlainRoot:
    """Keeps pytest from taking the checkout for a package, and importing it: it is one to Blender alone."""

    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        return pytest.Dir.from_parent(parent, path=path) if path == ROOT else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(PlainRoot())


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with a code, and returns the one sentence that it says."""

    def run(code: int, *arguments: object) -> str:
        from understudy.cli import main  # Blender's tests go without it

        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == code, capsys.readouterr().err
        told = capsys.readouterr().err
        assert "Traceback" not in told and "defect" not in told
        (sentence,) = [line for line in told.splitlines() if line.startswith("understudy: ")]
        assert sentence.endswith("."), sentence
        return sentence

    return run
