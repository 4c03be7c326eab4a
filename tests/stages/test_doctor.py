from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from understudy.events import Events
from understudy.settings import DoctorSettings
from understudy.stages import doctor

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def named(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", requirement).group() for requirement in requirements}


@pytest.fixture(scope="module")
def report() -> dict:
    return doctor.run(DoctorSettings(), Events())


def test_every_dependency_is_looked_at() -> None:
    assert set(doctor.PACKAGES) == named(PROJECT["dependencies"])
    for extra in set(doctor.EXTRAS.values()):
        assert {name for name, owner in doctor.EXTRAS.items() if owner == extra} == named(
            PROJECT["optional-dependencies"][extra]
        )


def test_versions_and_devices_are_told(report: dict) -> None:
    versions = {package["name"]: package["version"] for package in report["packages"]}
    assert versions["numpy"] == version("numpy")
    assert versions["torch"] == version("torch")
    cpu = report["devices"][0]
    assert (cpu["name"], cpu["what"]) == ("cpu", f"{os.cpu_count()} cores")
    json.dumps(report, allow_nan=False)


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="the kernel's own word on the memory is Linux's")
def test_the_memory_is_the_machine_s(report: dict) -> None:
    told = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    assert told and report["devices"][0]["memory"] == pytest.approx(int(told[1]) * 1024, rel=0.05)


def test_the_embedded_models_come_with_licence_and_weight_hash(report: dict) -> None:
    import mediapipe

    weights = Path(mediapipe.__file__).parent / "modules" / "face_landmark" / "face_landmark_with_attention.tflite"
    part = next(part for part in report["components"] if (part["name"], part["role"]) == ("mediapipe", "landmarker"))
    assert part["licence"] == "Apache-2.0"
    assert part["commercial"] is True
    assert part["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert part["missing"] == ""


def test_what_is_missing_comes_with_its_cure_once(report: dict) -> None:
    assert len({gap["what"] for gap in report["missing"]}) == len(report["missing"])
    lacking = {part["missing"] for part in report["components"] if part["missing"]}
    assert lacking <= {gap["what"] for gap in report["missing"]}
    assert all(gap["cure"] for gap in report["missing"])


def test_an_absent_package_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.PACKAGES, "understudy-no-such-thing", "nothing")
    report = doctor.run(DoctorSettings(), Events())
    assert next(p for p in report["packages"] if p["name"] == "understudy-no-such-thing")["version"] is None
    gap = {"what": "understudy-no-such-thing.", "cure": "Install: pip install understudy-vfx"}
    assert gap in report["missing"]


def test_the_configuration_is_told_and_a_bad_one_too(report: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)
    assert report["colour"]["config"] and report["colour"]["problem"] == ""
    monkeypatch.setenv("OCIO", "no-such.ocio")
    found = doctor.run(DoctorSettings(), Events())["colour"]
    assert "no-such.ocio" in found["problem"]


def test_it_tells_whether_training_would_open_a_port(report: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "opens no port" in report["processes"]
    for name, value in {"ADDR": "10.0.0.7", "PORT": "29500"}.items():
        monkeypatch.setenv(f"UNDERSTUDY_MAIN_{name}", value)
    monkeypatch.setenv("UNDERSTUDY_RANK", "0")
    monkeypatch.setenv("UNDERSTUDY_WORLD_SIZE", "4")
    assert "10.0.0.7:29500" in doctor._processes() and "trust" in doctor._processes()
    monkeypatch.setenv("UNDERSTUDY_RANK", "9")
    assert doctor._processes().startswith("UNDERSTUDY_RANK is 9")
