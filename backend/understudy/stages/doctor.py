"""What is installed, which devices and models there are, what is missing and how to get it."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from understudy import __version__
from understudy.errors import ColourError, UsageError
from understudy.events import Events
from understudy.settings import DoctorSettings
from understudy.training.distributed.process_rank import place_of_process

PACKAGES = {
    "av": "movies",
    "filelock": "one command at a time in a folder",
    "fileseq": "frame sequences",
    "matplotlib": "plots",
    "mediapipe": "face analysis, the embedded default",
    "mmh3": "Cryptomatte",
    "numpy": "arrays",
    "opencv-contrib-python": "geometry",
    "OpenImageIO": "picture files and colour",
    "pillow": "contact sheets",
    "pydantic": "settings",
    "rich": "the terminal",
    "safetensors": "weights",
    "scikit-image": "figures of quality",
    "scipy": "assignment and interpolation",
    "torch": "networks",
    "tyro": "the command line",
}
"""The distributions that everything needs, and what for."""

EXTRAS = {
    "insightface": "insightface",
    "onnxruntime": "insightface",
    "dlib-bin": "dlib",
    "face_recognition_models": "dlib",
    "onnx": "export",
    "tensorboard": "tensorboard",
    "usd-core": "usd",
}
"""Distributions that only an extra of ours brings."""


def run(settings: DoctorSettings, events: Events) -> dict[str, Any]:  # noqa: ARG001 - every stage is called alike
    """A report of this machine; never fails because of what it finds.

    ``packages`` and ``components`` list what there could be, with ``version`` null or ``missing`` filled where it is
    not; ``missing`` lists what to do. Memory is in bytes. ``processes`` says in a sentence how many would train together,
    and which port that opens.
    """
    packages = _packages()
    absent = {package["name"] for package in packages if package["version"] is None}
    events.note("Looking at the devices and models...")
    components = _components() if not absent & {"numpy", "opencv-contrib-python"} else []
    return {
        "understudy": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "devices": devices(),
        "processes": _processes(),
        "colour": _colour(),
        "components": components,
        "missing": _missing(absent, components),
    }


def _packages() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"name": name, "purpose": purpose} for name, purpose in PACKAGES.items()]
    rows += [{"name": name, "purpose": f"the extra {extra}"} for name, extra in EXTRAS.items()]
    for row in rows:
        try:
            row["version"] = version(row["name"])
        except PackageNotFoundError:
            row["version"] = None
    return rows


def devices() -> list[dict[str, Any]]:
    """Where networks can run, with ``name``, ``what`` it is and ``memory`` in bytes: the CPU, then what is faster."""
    found: list[dict[str, Any]] = [{"name": "cpu", "what": f"{os.cpu_count()} cores", "memory": _host_memory()}]
    try:
        import torch
    except ImportError:
        return found
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append({"name": f"cuda:{index}", "what": properties.name, "memory": properties.total_memory})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "what": "Apple GPU", "memory": torch.mps.recommended_max_memory()})
    return found


def _processes() -> str:
    """How many processes would train one model together, by the environment, and who could reach them."""
    try:
        place = place_of_process()
    except UsageError as error:
        return error.message
    if place.size == 1:
        return "Training runs in one process and opens no port."
    where = f"{place.address}:{place.port}"
    all_of_them = os.name == "nt" or place.hosted
    return (
        f"Training runs in {place.size} processes, this one being number {place.rank}. They meet at {where}, "
        f"{'on every network of that host' if all_of_them else 'at that address alone'}, and nobody who reaches it is asked "
        "who they are: keep it within a network that you trust."
    )


def _host_memory() -> int:
    """Bytes of memory that this machine has."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)  # MEMORYSTATUSEX: its own size, then from the second word on the counts
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _colour() -> dict[str, Any]:
    try:
        from understudy.plate.colour import ColourManager

        colours = ColourManager.discover()
    except (ColourError, ImportError) as error:
        return {"config": None, "source": None, "working": None, "problem": str(error)}
    return {"config": colours.config, "source": colours.source, "working": colours.working, "problem": ""}


def _components() -> list[dict[str, Any]]:
    from understudy.face.components.registry import cards

    rows = []
    for offer in cards():
        card = offer.card
        rows.append(
            {
                "name": offer.name,
                "role": offer.role,
                "licence": card.licence if card else None,
                "commercial": card.commercial if card else None,
                "sha256": card.sha256 if card else None,
                "origin": card.origin if card else None,
                "missing": offer.missing,
                "cure": offer.cure,
            }
        )
    return rows


def _missing(absent: set[str], components: list[dict[str, Any]]) -> list[dict[str, str]]:
    gaps = []
    if needed := sorted(absent & PACKAGES.keys()):
        gaps.append({"what": f"{', '.join(needed)}.", "cure": "Install: pip install understudy-vfx"})
    # What an extra would bring is told by the components that want it, several of them often with the same words.
    reasons = dict.fromkeys((part["missing"], part["cure"]) for part in components if part["missing"])
    return gaps + [{"what": what, "cure": cure} for what, cure in reasons]
