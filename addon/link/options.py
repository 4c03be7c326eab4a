"""The backend's options, read from the schema that the add-on ships: what a panel must know of each to show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Kind = Literal["bool", "int", "float", "choice", "text", "path", "list"]
Value = bool | int | float | str

SCHEMA = Path(__file__).parents[1] / "schema.json"
"""What ``understudy schema`` printed when the add-on was made."""

_KINDS: dict[str, Kind] = {
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "string": "text",
    "array": "list",
}
_KEYS = "#/$defs/Keys"  # in place of a number: it changes over the shot
# Names and values that title case alone would not write as this interface does.
_WORDS = {
    "colour": "Color",
    "recogniser": "Recognizer",
    "min": "Minimum",
    # Zero is no limit, as it is in Blender's own settings of this name.
    "minutes": "Time Limit",
    "iterations": "Step Limit",
    "mediapipe": "MediaPipe",
    "insightface": "InsightFace",
    "monge-kantorovich": "Monge-Kantorovich",
    "dlib-hog": "Dlib HOG",
    "dlib-cnn": "Dlib CNN",
    **{name: name.upper() for name in ("cpu", "gpu", "ssim", "mse", "zip", "zips", "piz", "dwaa", "ocio", "idt")},
}
_UNITS = {"degrees": "°"}


@dataclass(frozen=True)
class Option:
    """One option of the backend.

    ``optional`` says that it may be left out (JSON null); ``required`` that it has no default; ``animates`` that it
    takes keys as well as a number, of the same range. ``minimum`` itself is not allowed where ``above`` is true.
    ``needs`` says when it does anything: of each list of conditions on other options one holds then.
    ``unit`` is "" or the backend's word for it, such as "px" or "min".
    """

    name: str
    kind: Kind
    description: str
    default: Value | None = None
    optional: bool = False
    required: bool = False
    animates: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    unit: str = ""
    choices: tuple[str, ...] = ()
    needs: tuple[tuple[Mapping[str, Any], ...], ...] = ()

    @property
    def label(self) -> str:
        """What a panel calls it: ``relight_reach`` is "Relight Reach", ``save_every`` in minutes "Save Every (min)".

        A name that says its unit is left alone, and so are pixels, which Blender writes beside the value.
        """
        name = words(self.name)
        told = self.unit in ("", "px") or name.lower().startswith(self.unit)
        return name if told else f"{name} ({_UNITS.get(self.unit, self.unit)})"


@dataclass(frozen=True)
class Options:
    """All options: those that stages share by ``groups`` (plate, analysis, ...), and all of each stage by ``stages``."""

    groups: Mapping[str, tuple[Option, ...]]
    stages: Mapping[str, tuple[Option, ...]]


def read(file: Path = SCHEMA) -> Options:
    """Read a schema's options, in its order. Raises :class:`ValueError` for one in a form that is not known here."""
    schema = json.loads(file.read_text(encoding="utf-8"))
    groups: dict[str, dict[str, Option]] = {}
    stages: dict[str, tuple[Option, ...]] = {}
    for stage, reference in schema["discriminator"]["mapping"].items():
        job = _definition(schema, reference)
        settings = _definition(schema, job["properties"]["settings"]["$ref"])
        required = settings.get("required", ())
        options = []
        for name, entry in settings["properties"].items():
            option = _option(name, entry, name in required)
            options.append(option)
            if (group := entry.get("group", "own")) != "own":
                groups.setdefault(group, {}).setdefault(name, option)
        stages[stage] = tuple(options)
    return Options({group: tuple(held.values()) for group, held in groups.items()}, stages)


@cache
def _shipped() -> Options:
    return read()


def taken(stage: str, settings: Mapping[str, Any], options: Options | None = None) -> dict[str, Any]:
    """What of ``settings`` a job document of ``stage`` has: what the stage knows, and what does something there.

    The backend refuses what would do nothing; in panels it stays, for when it does something again.
    """
    known = {option.name: option for option in (options or _shipped()).stages[stage]}
    kept = {name: value for name, value in settings.items() if name in known}
    while idle := [name for name in kept if not _does_something(known[name], kept, known)]:
        for name in idle:
            del kept[name]
    return kept


def _does_something(option: Option, settings: Mapping[str, Any], known: Mapping[str, Option]) -> bool:
    def holds(name: str, wanted: Any) -> bool:
        value = settings.get(name, known[name].default)
        return bool(value) is wanted if isinstance(wanted, bool) else value in wanted

    return all(
        any(all(holds(*condition) for condition in one.items()) for one in alternatives)
        for alternatives in option.needs
    )


def words(name: str) -> str:
    """A name of the schema in title case and the interface's spelling: ``colour_match`` is "Color Match"."""
    return _WORDS.get(name) or " ".join(
        _WORDS.get(word, word.capitalize()) for word in name.replace("-", "_").split("_")
    )


def _definition(schema: dict[str, Any], reference: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][reference.rsplit("/", 1)[-1]]
    return found


def _option(name: str, entry: dict[str, Any], required: bool) -> Option:
    """The option that one property of the schema describes."""
    branches = entry.get("anyOf", [entry])
    animates = {"$ref": _KEYS} in branches
    forms = [branch for branch in branches if branch.get("type") != "null" and branch != {"$ref": _KEYS}]
    if len(forms) != 1 or forms[0].get("type") not in _KINDS:
        raise ValueError(f"The schema's option {name} has a form that the panels do not know.")
    form = forms[0]
    kind = _KINDS[form["type"]]
    if "enum" in form:
        kind = "choice"
    elif form.get("format") == "path":
        kind = "path"
    above = "exclusiveMinimum" in form
    return Option(
        name,
        kind,
        entry["description"].removesuffix("."),
        default=entry.get("default") if kind != "list" else None,
        optional={"type": "null"} in branches,
        required=required,
        animates=animates,
        minimum=form.get("exclusiveMinimum" if above else "minimum"),
        maximum=form.get("maximum"),
        above=above,
        unit=entry.get("unit", ""),
        choices=tuple(form.get("enum", ())),
        needs=tuple(map(tuple, entry.get("needs", ()))),
    )
