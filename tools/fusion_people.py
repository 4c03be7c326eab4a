"""Render pairs of people with exact truth for the fusion network, one after the other, in Blender's Python (``bpy``).

    python tools/fusion_people.py PEOPLE OUT [--pairs 72] [--people 18] [--seconds N]

PEOPLE is a folder with ``render.py``, ``people.py``, ``config.json`` and ``data`` (MakeHuman community's MPFB assets, CC0).
OUT gets ``source_*`` (a person's footage with every pose), ``p*_plate`` (six frames of another one in any light) and
``p*_truth`` (the same six frames with the first one's face). All of it follows from the seeds below. What is there already
is not rendered again, and whoever stops early has a varied part: people join one by one.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20261130
FIRST, STEP = 9000, 37
"""Seed of the first person, and from one to the next: far from those of anybody on whom something is measured."""

DISTANCES = (1, 2, 5, 7, 9)
"""How far apart two people stand in a ring of them all who are made a pair."""

FRAMES, WINDOW, SOURCE_FRAMES, LIGHTS, HARD_LIGHTS = 24, 6, 22, 40, 12
HARD_FROM = 32
"""Every second pair from this one on stands in hard light from the side."""

_COMMON = {"samples": 5, "texture": 1024, "width": 256, "height": 256, "hairs": 5000}


def main(arguments: list[str]) -> None:
    """Do what ``arguments`` ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=72)
    parser.add_argument("--people", dest="count", type=int, default=18)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    asked = parser.parse_args(arguments)
    rng, start = np.random.default_rng(SEED), time.monotonic()
    tool = Tool(asked.people)
    people, hard = make_people(rng, asked.count), make_hard_lights(rng, HARD_LIGHTS)
    tool.config["people"].update(people)
    tool.config["lights"].update(make_lights(rng, LIGHTS))
    lights = list(tool.config["lights"])
    tool.config["lights"].update(hard)
    for name, options in jobs(rng, list(people), lights, list(hard), asked.pairs):
        folder = asked.out / name
        if (folder / "set.json").is_file() and (folder / "done").is_file():
            continue
        if time.monotonic() - start > asked.seconds:
            break
        tool.render(folder, options)
        (folder / "done").touch()
        print(name, flush=True)


def make_people(rng: np.random.Generator, count: int) -> dict[str, dict[str, Any]]:
    """Traits of ``count`` people, by name: every skin, half of them with beards."""
    skins, hair = rng.permutation(np.linspace(0.05, 0.95, count)), ("short", "crop", "back", "bald")
    return {
        f"T{index:02d}": {
            "seed": FIRST + STEP * index,
            "male": float(index % 2 if index % 5 else rng.integers(0, 2)),
            "melanin": float(skins[index]),
            "race": rng.dirichlet([0.6] * 3).tolist(),
            "beard": (0, 0.3, 0.6, 0.9)[index % 4] if index % 2 else 0.0,
            "hair": hair[rng.integers(0, 4 if index % 6 == 3 else 3)],
            "freckles": float(rng.random() ** 2),
        }
        for index in range(count)
    }


def make_lights(rng: np.random.Generator, count: int) -> dict[str, dict[str, Any]]:
    """``count`` sets of lights, by name: a key from anywhere before the face, a fill, one from behind, and a sky."""

    def colour(spread: float, brightness: float = 1.0) -> list[float]:
        warmth = rng.normal(0, spread) * np.array([1, 0.1, -1])
        return [float(value) for value in brightness * np.clip(1 + warmth + rng.normal(0, 0.04, 3), 0.5, 1.4)]

    def rig() -> dict[str, Any]:
        side, power = float(rng.uniform(-85, 85)), float(np.exp(rng.uniform(np.log(14), np.log(42))))
        key = [side, float(rng.uniform(5, 50)), float(rng.uniform(1.5, 2.5)), float(rng.uniform(0.2, 1.4)), power]
        fill = [-side * float(rng.uniform(0.6, 1.2)), float(rng.uniform(-5, 25)), 2.3, float(rng.uniform(0.8, 1.4))]
        back = [float(rng.choice([140, -140])), 30, 2.0, 0.8, float(rng.uniform(4, 16))]
        fill.append(power * float(rng.uniform(0.08, 0.4)))
        lamps = [[*lamp, colour(spread)] for lamp, spread in ((key, 0.16), (fill, 0.2), (back, 0.15))]
        sky = {"sky_top": colour(0.18), "sky_bottom": colour(0.15, 0.5), "world": float(rng.uniform(0.1, 0.6))}
        return {**sky, "backdrop": float(rng.uniform(0.05, 0.4)), "lights_az_el_dist_size_watt_rgb": lamps}

    return {f"r{index:02d}": rig() for index in range(count)}


def make_hard_lights(rng: np.random.Generator, count: int) -> dict[str, dict[str, Any]]:
    """``count`` sets of lights, by name: a small key from the side, and next to no fill."""

    def rig() -> dict[str, Any]:
        side = float(rng.uniform(58, 90) * rng.choice([-1, 1]))
        power, warmth = float(rng.uniform(20, 38)), float(rng.normal(0, 0.08))
        warm, cool = [1 + warmth, 1.0, 1 - warmth], [0.8 - warmth, 0.85, 0.95]
        key = [side, float(rng.uniform(0, 40)), 1.6, float(rng.uniform(0.12, 0.36)), power, warm]
        fill = [-0.8 * side, float(rng.uniform(-5, 10)), 2.4, 1.2, power * float(rng.uniform(0.05, 0.12)), cool]
        back = [float(rng.choice([140, -140])), 30, 2.0, 0.8, float(rng.uniform(2, 10)), [1.0, 1.0, 1.0]]
        sky = {"sky_top": [0.5, 0.6, 0.8], "sky_bottom": [0.3, 0.3, 0.3], "world": float(rng.uniform(0.03, 0.12))}
        return {**sky, "backdrop": float(rng.uniform(0.05, 0.2)), "lights_az_el_dist_size_watt_rgb": [key, fill, back]}

    return {f"h{index:02d}": rig() for index in range(count)}


def jobs(
    rng: np.random.Generator, people: list[str], lights: list[str], hard: list[str], pairs: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and options of all that is rendered, each person's footage before the first pair that needs it."""
    ring, filmed = [people[index] for index in rng.permutation(len(people))], set()
    met = [(ring[at], ring[(at + far) % len(ring)]) for far in DISTANCES for at in range(len(ring))]
    met.sort(key=lambda pair: max(ring.index(one) for one in pair))
    for number, (target, source) in enumerate(met[:pairs]):
        if source not in filmed:
            filmed.add(source)
            yield f"source_{source}", _footage(rng, source, people.index(source))
        is_hard = number >= HARD_FROM and number % 2 == 0
        options = _shot(rng, number, hard if is_hard else lights)
        yield f"p{number:02d}_{target}_{source}_plate", {**options, "who": target}
        yield f"p{number:02d}_{target}_{source}_truth", {**options, "who": f"{target}+{source}"}


def _footage(rng: np.random.Generator, who: str, number: int) -> dict[str, Any]:
    light, distance = str(rng.choice(["day", "warm_key", "cool_key"])), round(float(rng.uniform(1.0, 1.3)), 2)
    moment = {"kind": "train", "stride": 6, "frames": SOURCE_FRAMES, "seed": 500 + number}
    return {**_COMMON, **moment, "who": who, "light": light, "lens": 115, "distance": distance}


def _shot(rng: np.random.Generator, number: int, lights: list[str]) -> dict[str, Any]:
    """Six consecutive frames out of a second or three: every second shot turns to profile."""
    is_turning = number % 2 == 1
    first = int(rng.integers(0, FRAMES - WINDOW))
    moment = {"kind": "shot", "stride": 3} if is_turning else {"kind": "train", "stride": 2}
    view = {"lens": int(rng.integers(92, 122)), "distance": round(float(rng.uniform(0.98, 1.2)), 2)}
    camera, grain = str(rng.choice(["static", "handheld"])), float(rng.choice([0, 0, 0.01, 0.02, 0.03]))
    window = {"frames": FRAMES, "only": f"{first}-{first + WINDOW - 1}", "seed": 3000 + number}
    return {**_COMMON, **moment, **view, **window, "light": str(rng.choice(lights)), "camera": camera, "grain": grain}


class Tool:
    """``render.py``, run again and again in one process: what a person needs is made once."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder))
        spec = importlib.util.spec_from_file_location("people", folder / "people.py")
        if spec is None or spec.loader is None:
            raise SystemExit(f"There is no people.py in {folder}.")
        people = importlib.util.module_from_spec(spec)
        sys.modules["people"] = people
        spec.loader.exec_module(people)
        self.config, self._folder = people.CFG, folder
        people.Base, people.Person = kept(people.Base), kept(people.Person)
        people.scalp_hair, people.skin_maps = kept(people.scalp_hair), kept(people.skin_maps, most=6)
        self._code = compile((folder / "render.py").read_text(encoding="utf-8"), str(folder / "render.py"), "exec")

    def render(self, out: Path, options: dict[str, Any]) -> None:
        """Render one set into ``out``."""
        given = {"data": self._folder / "data", "out": out, **options}
        sys.argv = ["render.py", *(str(part) for name, value in given.items() for part in (f"--{name}", value))]
        module = types.ModuleType("__render__")
        module.__file__ = str(self._folder / "render.py")
        exec(self._code, module.__dict__)


def kept(make: Callable[..., Any], most: int = 1000) -> Callable[..., Any]:
    """``make``, which remembers the last ``most`` things it made and of what."""
    made: dict[str, tuple[Any, Any]] = {}

    def remembered(*given: Any, **named: Any) -> Any:
        key = json.dumps([given, named], sort_keys=True, default=lambda thing: f"{type(thing).__name__} {id(thing)}")
        if key not in made:
            if len(made) >= most:
                made.clear()
            made[key] = (make(*given, **named), given)  # what was given lives on, so that no other gets its id
        return made[key][0]

    return remembered


if __name__ == "__main__":
    main(sys.argv[1:])
