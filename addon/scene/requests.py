"""What is asked of the backend for a scene's shot, and what stands in the way of asking."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import bpy

from ..images import disk_cache
from . import paths
from .properties import GROUPS, absolute, settings_of

MODEL_FILE = "model.safetensors"

REFERENCES = ("reference_frames", "forbidden_frames")
"""Which frames of its footage a new face is made of; a network has none."""

OF_A_NETWORK = ("colour_encoding", "colour_window", "person", "morph")
"""Settings of the swap that mean nothing where the new face is made of footage, and are left out there."""


class ShotError(Exception):
    """The shot is not ready for what was asked; the message is one sentence for the artist."""


def folder(scene: bpy.types.Scene) -> Path:
    """Where everything of this shot goes: the shot folder, or beside the plate while the .blend is not saved.

    Raises ShotError when there is neither a .blend nor a plate.
    """
    shot = scene.understudy
    if not shot.folder.startswith("//") or bpy.data.filepath:
        return Path(absolute(shot.folder or "//understudy/"))
    if not shot.plate.plate:
        raise ShotError("Load a plate first, or save the file")
    return Path(absolute(shot.plate.plate)).parent / shot.folder.strip("/\\")


def lacks_plate(scene: bpy.types.Scene) -> str:
    """Why there is no plate to work on, or ``""``."""
    return "" if scene.understudy.plate.plate else "Load a plate first"


def lacks_footage(scene: bpy.types.Scene) -> str:
    """Why there is nothing to make a new face of, or to learn, or ``""``."""
    return lacks_plate(scene) or ("" if scene.understudy.source_footage else "Choose footage of the new face first")


def lacks_model(scene: bpy.types.Scene) -> str:
    """Why no network can be asked, or ``""``."""
    if reason := lacks_plate(scene):
        return reason
    return "" if has_model(scene) else "Choose or train a model first"


def lacks_new_face(scene: bpy.types.Scene) -> str:
    """Why nothing can be swapped, even once all faces are found, or ``""``."""
    return lacks_footage(scene) if renderer(scene) == "footage" else lacks_model(scene)


def lacks_faces(scene: bpy.types.Scene) -> str:
    """Whose faces have not been found of those that a swap needs, or ``""``. There must be a plate."""
    if not is_found(plate_extraction(scene)):
        return "Find faces first"
    if renderer(scene) == "footage" and not is_found(source_extraction(scene)):
        return "Find the faces of the new face first"
    return ""


def is_found(extraction: dict[str, Any]) -> bool:
    """Whether the faceset of ``extraction`` is there, as it was said a moment ago where that is drawn."""
    return disk_cache.told(paths.is_whole, Path(extraction["out"]))


def renderer(scene: bpy.types.Scene) -> Literal["footage", "network"]:
    """What makes the new face: left to the backend, footage wherever there is any."""
    own = scene.understudy
    if own.renderer == "auto":
        return "network" if own.model and not own.source_footage else "footage"
    return "network" if own.renderer == "network" else "footage"


def has_model(scene: bpy.types.Scene) -> bool:
    """Whether the shot's model folder holds a trained model."""
    path = scene.understudy.model
    return bool(path) and disk_cache.told(Path.is_file, Path(absolute(path), MODEL_FILE))


def plate_extraction(scene: bpy.types.Scene, *, chosen: bool = False) -> dict[str, Any]:
    """Settings of ``extract`` over the whole plate: everybody's faces, or the ``chosen`` person's alone.

    The whole plate, whatever range is converted: the light of the shot must not depend on that.
    """
    shot = scene.understudy
    settings = {**settings_of(shot, "plate", "analysis"), "frames": None}
    if not chosen and settings["reference"] is None:
        settings["face"] = "all"
    settings["out"] = str(paths.faceset(folder(scene), "plate", settings))
    return settings


def source_extraction(scene: bpy.types.Scene) -> dict[str, Any]:
    """Settings of ``extract`` over the footage of the new face, where one person is expected."""
    shot = scene.understudy
    settings = {
        **settings_of(shot, "plate", "analysis"),
        "plate": absolute(shot.source_footage),
        "frames": None,
        "colour_space": None,
        # What is said of the plate's faces is not said of these.
        "face": "one",
        "reference": None,
        "lens": None,
        "cuts": "auto",
        "corrections": None,
    }
    settings["out"] = str(paths.faceset(folder(scene), "source", settings))
    return settings


def target_extraction(scene: bpy.types.Scene) -> dict[str, Any]:
    """Settings of ``extract`` that give the faces to train on: of the chosen person where there are several."""
    own = scene.understudy
    return plate_extraction(scene, chosen=len(own.people) > 1 and own.analysis.face != "one")


def plate_frames(scene: bpy.types.Scene) -> range:
    """The plate's range as inspected, else the scene's: frame N of the scene is frame N of the plate."""
    own = scene.understudy
    return range(own.first, own.last + 1) if own.width else range(scene.frame_start, scene.frame_end + 1)


def conversion(scene: bpy.types.Scene, frames: range) -> dict[str, Any]:
    """What ``preview`` and ``convert`` share of ``frames``; ``convert`` adds ``out``, ``preview`` its frame and folder."""
    shot, made_of = scene.understudy, renderer(scene)
    settings = {
        **settings_of(shot, "plate", "analysis", "conversion", frames=frames),
        "reference": None,  # it chose the faces when they were extracted
        "renderer": made_of,
        "source": source_extraction(scene)["out"] if made_of == "footage" else None,
        **{name: getattr(shot, name) or None if made_of == "footage" else None for name in REFERENCES},
        "model": absolute(shot.model) if made_of == "network" else None,
        "faceset": plate_extraction(scene)["out"],
        "device": shot.training.device if made_of == "network" else "auto",
    }
    if made_of == "footage":
        settings |= {name: GROUPS["conversion"][name].default for name in OF_A_NETWORK}
    return settings


def facts(scene: bpy.types.Scene) -> tuple[str, str] | None:
    """The plate in a few words: ``1920 × 1080`` with its rate, and ``Frames 1001-1048``."""
    own = scene.understudy
    if not own.width:
        return None
    rate = f" at {own.fps:.6g} fps" if own.fps else ""
    return f"{own.width} × {own.height}{rate}", f"Frames {own.first}-{own.last}"
