"""Every command that writes, killed at random moments and given again, until it has done what an undisturbed run does.

By hand, for as many kills as there is time for:  python tests/end_to_end/killed_commands.py --kills 1000 [--only sort trash]

A command runs in a process of its own, forked (spawned, where there is no fork) from one that has loaded everything, is
killed without warning, and is given again; up to three times, then it may finish. What it leaves is compared with what it
leaves undisturbed in the same place, hidden files included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
for room in ("backend", "tests/support"):
    sys.path.insert(0, str(HERE.parents[2] / room))

from understudy.errors import FacesetError, OutputError  # noqa: E402
from understudy.events import Events  # noqa: E402
from understudy.settings import (  # noqa: E402
    ConvertSettings,
    DedupeSettings,
    ExtractSettings,
    Options,
    PackSettings,
    QcSettings,
    RecropSettings,
    RestoreSettings,
    SelectSettings,
    SortSettings,
    TrainSettings,
    TrashSettings,
    UnpackSettings,
)

PATIENCE = 600.0
_SPAWNING = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
_PASSING = {"seconds", "when", "number", "minutes", "time", "created", "bytes"}
"""What is another each time: in JSON documents, and in the lines of a record."""


@dataclass(frozen=True)
class Command:
    """One that writes: what it needs of the template, its settings in a place, and how its end is known to be reached."""

    needs: tuple[str, ...]
    settings: Callable[[Path], Options]
    writes: tuple[str, ...]
    done: tuple[type[Exception], str] | None = None  # what it says when it is given again although it had finished


def _extract(at: Path) -> Options:
    return ExtractSettings(plate=f"{at}/plate/shot.####.exr", out=at / "faces", crop_size=64)


def _train(at: Path) -> Options:
    return TrainSettings(
        source=[at / "people" / "bert"], target=[at / "people" / "anne"], model=at / "model", device="cpu",
        batch=1, iterations=4, save_every=0.0001, preset="cpu", resolution=64,
    )  # fmt: skip


def _convert(at: Path) -> Options:
    return ConvertSettings(
        plate=f"{at}/shot/shot.####.exr", model=at / "net", faceset=at / "shot" / "faces", out=f"{at}/out/o.####.exr",
        device="cpu", occlusion="none", convert_batch=1,
    )  # fmt: skip


COMMANDS = {
    "extract": Command(("plate",), _extract, ("faces",)),
    "recrop": Command(
        ("plate", "faces"), lambda at: RecropSettings(faceset=at / "faces", out=at / "new", crop_size=96), ("new",)
    ),
    "sort": Command(("set",), lambda at: SortSettings(faceset=at / "set", by="sharpness", rename=True), ("set",)),
    "trash": Command(("set",), lambda at: TrashSettings(faceset=at / "set", below=["sharpness=0.35"]), ("set",)),
    "dedupe": Command(("set",), lambda at: DedupeSettings(faceset=at / "set"), ("set",)),
    "select": Command(("set",), lambda at: SelectSettings(faceset=at / "set", count=3), ("set",)),
    "restore": Command(
        ("trashed",),
        lambda at: RestoreSettings(faceset=at / "trashed"),
        ("trashed",),
        (FacesetError, "nothing to restore"),
    ),
    "pack": Command(
        ("set",),
        lambda at: PackSettings(faceset=at / "set", out=at / "set.pack"),
        (".",),
        (OutputError, "is there already"),
    ),
    "unpack": Command(
        ("pack",), lambda at: UnpackSettings(pack=at / "pack", out=at / "un"), (".",), (FacesetError, "is not empty")
    ),
    "train": Command(("people",), _train, ("model",)),
    "convert": Command(("shot", "net"), _convert, ("out",)),
    "qc": Command(("converted",), lambda at: QcSettings(sequence=f"{at}/converted/o.####.exr", out=at / "qc"), ("qc",)),
}


def load(names: Sequence[str]) -> None:
    """Load what the commands ``names`` need, and put networks that see squares in the place of the real ones."""
    import importlib

    import cv2
    import torch
    from made_people import tiny_preset
    from made_shots import register
    from understudy.stages.registry import MODULES
    from understudy.training.presets import PRESETS

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    for name in names:
        importlib.import_module(MODULES[type(COMMANDS[name].settings(Path()))])
    register(dict.__setitem__)
    PRESETS["cpu"] = tiny_preset()


def make_template(folder: Path, name: str) -> None:
    """What the commands start from, under its ``name``."""
    from made_curation import made
    from made_people import ANNE, BERT, make_faceset, make_model, make_shot
    from made_shots import walk, write_shot
    from understudy.stages import run

    match name:
        case "plate":
            write_shot(folder / "plate", walk(6))
        case "faces":
            run(_extract(folder), Events())
        case "set" | "trashed":
            made(folder / name, like=True)
            if name == "trashed":
                run(TrashSettings(faceset=folder / name, below=["sharpness=0.35"]), Events())
        case "pack":
            run(PackSettings(faceset=folder / "set", out=folder / "pack"), Events())
        case "people":
            for who, person, seed in (("bert", BERT, 1), ("anne", ANNE, 2)):
                make_faceset(folder / "people" / who, person, 4, seed=seed)
        case "shot":
            make_shot(folder / "shot", 5)
        case "net":
            make_model(folder / "net")
        case "converted":
            run(_convert(folder), Events())
            (folder / "out").rename(folder / "converted")


NEEDS = {"faces": ("plate",), "pack": ("set",), "converted": ("shot", "net")}
"""What of the template is made of what else."""


def _child(work: Callable[..., Any], arguments: tuple[Any, ...], pipe: Any, told: str | None) -> None:
    if told:
        sys.stdout = sys.stderr = Path(told).open("w", encoding="utf-8")  # noqa: SIM115 - it ends with the process
    import OpenImageIO as oiio

    oiio.attribute("threads", 1)
    try:
        pipe.send((True, work(*arguments)))
    except BaseException as error:
        pipe.send((False, (type(error), str(error), traceback.format_exc())))
    pipe.close()
    os._exit(0)


def start(work: Callable[..., Any], *arguments: Any, told: str | None = None) -> tuple[Any, Any]:
    """The process that does ``work``, and the pipe on which it tells its outcome."""
    here, there = _SPAWNING.Pipe(duplex=False)
    process = _SPAWNING.Process(target=_child, args=(work, arguments, there, told))
    process.start()
    there.close()
    return process, here


def outcome(process: Any, pipe: Any) -> tuple[bool, Any]:
    """What the process came to: whether it ended well, and what it returned or raised."""
    if not pipe.poll(PATIENCE):
        process.kill()
        process.join()
        raise AssertionError(f"no end within {PATIENCE:g} s")
    try:
        result: tuple[bool, Any] = pipe.recv()
    except EOFError:
        result = False, (ChildProcessError, "it died", "")
    process.join()
    return result


def run_command(name: str, at: Path) -> None:
    from understudy.stages import run

    run(COMMANDS[name].settings(at), Events())


def content(at: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """What lies under the ``names``: of crops what they say and show, of documents what stays the same from run to run."""
    found: dict[str, Any] = {}
    for name in names:
        for path in sorted((at / name).rglob("*")):
            if path.is_file():
                found.update(_told(path, path.relative_to(at).as_posix()))
    return found


def _told(path: Path, name: str) -> dict[str, Any]:
    parts = name.split("/")
    # What saves opening the faces, in how many operations something was done, what is kept by the time of day.
    if path.name in ("index.npz", "log.json") or "tensorboard" in parts or "backups" in parts:
        return {}
    if "trash" in parts:
        name = "/".join(part for part in parts if not part.isdecimal())
    return {name: _said(path, parts[0])} if not zipfile.is_zipfile(path) else _packed(path, name)


def _said(path: Path, room: str) -> Any:
    if path.suffix in (".png", ".html"):
        return "there"
    if path.suffix == ".exr" and room not in ("out", "converted", "shot", "plate"):
        return _crop(path)
    if path.suffix in (".json", ".jsonl"):
        documents = path.read_text("utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text("utf-8")]
        return [_steady(json.loads(document)) for document in documents]
    if path.suffix == ".safetensors":
        return _tensors(path)
    return path.read_bytes()


def _packed(path: Path, name: str) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return {f"{name}/{one}": archive.read(one) for one in archive.namelist() if one != "index.npz"}


def _crop(path: Path) -> Any:
    """What it says and shows, without the time of day in its header."""
    from understudy.faceset.crop import read_pixels, read_record

    return read_record(path).to_json(), read_pixels(path).tobytes()


def _tensors(path: Path) -> dict[str, bytes]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return {key: file.get_tensor(key).tobytes() for key in file.keys()}  # noqa: SIM118 - no mapping


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(inner) for key, inner in value.items() if key not in _PASSING}
    return [_steady(inner) for inner in value] if isinstance(value, list) else value


def lay_out(template: Path, at: Path, command: Command) -> None:
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir()
    for name in command.needs:
        source = template / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, at / name)


class Killer:
    """Kills, and compares."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._random = folder, random.Random(seed)
        self._template, self._at = folder / "template", folder / "work"
        self._through: dict[str, tuple[dict[str, Any], float]] = {}
        self.kills: Counter[str] = Counter()
        self.trials: Counter[str] = Counter()

    def _prepare(self, name: str) -> None:
        for needed in NEEDS.get(name, ()):
            self._prepare(needed)
        if not (self._template / name).exists():
            good, told = outcome(*start(make_template, self._template, name))
            assert good, told[2]

    def trial(self, name: str) -> None:
        """One command killed up to three times and then left alone. Raises AssertionError where its end is another."""
        command = COMMANDS[name]
        expected, usual = self._undisturbed(name)
        lay_out(self._template, self._at, command)
        moments = []
        for _ in range(self._random.randint(1, 3)):
            process, pipe = start(run_command, name, self._at, told=str(self._folder / "told.txt"))
            moments.append(self._random.uniform(0, 1.05 * usual))
            process.join(moments[-1])
            if process.exitcode is None:
                self.kills[name] += 1
            process.kill()
            process.join()
            pipe.close()
        good, told = outcome(*start(run_command, name, self._at, told=str(self._folder / "told.txt")))
        where = f"{name} after kills at {', '.join(f'{moment:.3f}' for moment in moments)} of {usual:.3f} s"
        if not good and not (command.done and issubclass(told[0], command.done[0]) and command.done[1] in told[1]):
            raise AssertionError(f"{where}: {told[2]}")
        good, found = outcome(*start(content, self._at, command.writes))
        assert good, f"{where}: {found[2]}"
        self.trials[name] += 1
        odd = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        assert not odd, f"{where}: {', '.join(f'{key} {_how(expected, found, key)}' for key in odd[:8])}"

    def _undisturbed(self, name: str) -> tuple[dict[str, Any], float]:
        if name not in self._through:
            for needed in COMMANDS[name].needs:
                self._prepare(needed)
            lay_out(self._template, self._at, COMMANDS[name])
            before = time.monotonic()
            good, told = outcome(*start(run_command, name, self._at, told=str(self._folder / "told.txt")))
            seconds = time.monotonic() - before
            assert good, f"{name}: {told[2]}"
            good, found = outcome(*start(content, self._at, COMMANDS[name].writes))
            assert good, f"{name}: {found[2]}"
            self._through[name] = found, seconds
        return self._through[name]


def _how(expected: dict[str, Any], found: dict[str, Any], key: str) -> str:
    return "is missing" if key not in found else "is left over" if key not in expected else "differs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--only", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9)
    asked = parser.parse_args()
    load(asked.only)
    failures = 0
    end = time.monotonic() + 60 * asked.minutes
    with tempfile.TemporaryDirectory(prefix="understudy-kills-") as folder:
        killer = Killer(Path(folder), asked.seed)
        while killer.kills.total() < asked.kills and time.monotonic() < end:
            name = min(asked.only, key=lambda one: (killer.kills[one], killer.trials[one]))
            try:
                killer.trial(name)
            except AssertionError as error:
                failures += 1
                killer.trials[name] += 1
                print(error, flush=True)
            if killer.trials.total() % 20 == 0:
                print(f"{killer.kills.total()} kills", dict(killer.kills), flush=True)
    print(
        f"{killer.kills.total()} kills in {killer.trials.total()} runs, {failures} ended otherwise: {dict(killer.kills)}"
    )
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
