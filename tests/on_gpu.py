"""What a machine with a CUDA GPU has to show: the tests that need one, the bench of training, and a model's quality.

    python tests/on_gpu.py pack FOLDER [--python 3.12]
    python tests/on_gpu.py tests OUT
    python tests/on_gpu.py bench OUT [--families liae quick]
    python tests/on_gpu.py model OUT [--minutes 30]

All four work where the project is installed. A machine with nothing but PyTorch and the usual libraries, which may reach
no network, is shown what it lacks by ``pack``: it cuts the faces here and collects wheels for that machine's Python.
There: ``python -m pip install --no-index --no-deps FOLDER/*.whl``, then the others with ``--faces FOLDER``.

``bench`` adds to OUT/bench.json family by family. ``model`` lets ``liae`` at 256 px learn the sample's two people for so
many minutes, in several calls where there is a ``--sitting``, converts the sample's shot, and compares that with the true
render; it leaves in OUT ``figures.json``, ``curve.png``, ``preview.png`` and ``metrics.jsonl``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "backend/understudy/sample"
FOOTAGE = {"source": ("source_B", "1001-1064"), "target": ("target_A", "1001-1064"), "plate": ("plate", "1001-1024")}
FAMILIES = ("liae", "quick", "df", "comb", "morph")
RESOLUTION = 256
LACKING = ("OpenImageIO==3.0.21.0", "OpenEXR", "fileseq", "mmh3", "pydantic", "tyro", "hypothesis")
MOVIES = ("av", "av.video", "av.video.frame", "av.video.reformatter", "av.video.stream")

# Here and not in main, because the workers of the peers' loop begin by importing this file.
sys.path.insert(0, str(ROOT / "backend"))
if importlib.util.find_spec("av") is None:
    # No movie is read here, and the library for them is larger than all else that would have to be brought.
    sys.modules.update({name: MagicMock() for name in MOVIES})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pack", "tests", "bench", "model"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--faces", type=Path, help="what pack left; cut anew when left out")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES, help="of the bench")
    parser.add_argument("--device", default="cuda", help="cpu to try this file itself")
    parser.add_argument("--minutes", type=float, default=30.0, help="that the model learns in all")
    parser.add_argument("--sitting", type=float, default=float("inf"), help="minutes of them in this call, if fewer")
    parser.add_argument("--python", default="3.12")
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.what == "pack":
        return pack(options.out, options.python)
    if options.what == "tests":
        return run_tests(options.out)
    from understudy.model.device import choose_device

    device, faces = choose_device(options.device), options.faces or options.out / "faces"
    if options.what == "bench":
        return bench(options.out, faces, options.families, device)
    return judge(options.out, faces, options.minutes, options.sitting, device)


def pack(folder: Path, python: str) -> int:
    """Cut the sample's faces into ``folder``, and bring the wheels there that a machine without network lacks."""
    cut_faces(folder, every=2)  # half of them: what is brought may have to be small
    download = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    platforms = [f"--platform=manylinux{tag}_x86_64" for tag in ("_2_28", "_2_17", "2014")]
    subprocess.run([*download, f"--python-version={python}", *platforms, *LACKING], check=True)
    # The newest pydantic names its core's one version, which only pip can tell.
    rest = [part for part in download if part != "--no-deps"]
    return subprocess.run([*rest, f"--python-version={python}", *platforms, "pydantic"], check=False).returncode


def cut_faces(folder: Path, names: Iterable[str] = FOOTAGE, every: int = 1) -> None:
    """The faces of the sample's footage, where they are not there yet; of the two people one in ``every`` frames."""
    from understudy.events import Events
    from understudy.settings import ExtractSettings
    from understudy.stages import extract

    for name in names:
        footage, frames = FOOTAGE[name]
        if not (folder / name).is_dir():
            plate = (SAMPLE / f"{footage}.%04d.exr").as_posix()
            some = frames if name == "plate" else f"{frames}x{every}"
            settings = ExtractSettings(plate=plate, frames=some, out=folder / name, crop_size=RESOLUTION)
            extract.run(settings, Events())


def run_tests(out: Path) -> int:
    import pytest

    code = pytest.main(["-m", "gpu", "-ra", f"--junitxml={out / 'tests.xml'}", "-p", "no:cacheprovider",
                        str(ROOT / "tests/test_gpu.py"), str(ROOT / "tests/training")])  # fmt: skip
    return int(code)


def bench(out: Path, faces: Path, families: list[str], device: torch.device) -> int:
    """Measure one family after the other, and keep each as soon as it is done."""
    import tempfile

    from understudy.bench.training.footage import BenchFootage
    from understudy.bench.training.train import measure_families
    from understudy.events import Events

    cut_faces(faces, ("source", "target"))
    kept = out / "bench.json"
    told: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for family in families:
        with tempfile.TemporaryDirectory() as temporary:
            footage = BenchFootage({side: faces / side for side in ("source", "target")}, Path(temporary), device)
            told[family] = measure_families([family], footage, Events())
        kept.write_text(json.dumps(told, indent=2), encoding="utf-8")
        print(json.dumps(told[family], indent=1), flush=True)
    return 0


def judge(out: Path, faces: Path, minutes: float, sitting: float, device: torch.device) -> int:
    """Train, convert, compare with the truth; what stands before the face is left out of the figures."""
    from understudy.errors import Interrupted
    from understudy.events import Events
    from understudy.settings import CompareSettings, ConvertSettings, TrainSettings
    from understudy.stages import convert, train
    from understudy.stages.qc import compare

    cut_faces(faces)
    model, shot = out / "work/model", (out / "work/shot.%04d.exr").as_posix()
    plate, truth = ((SAMPLE / f"{name}.%04d.exr").as_posix() for name in ("plate", "truth"))
    settings = TrainSettings(
        source=[faces / "source"], target=[faces / "target", faces / "plate"], model=model, preset="gpu", family="liae",
        resolution=RESOLUTION, minutes=minutes, device=str(device),
    )  # fmt: skip
    end = time.monotonic() + 60 * sitting
    try:
        report = train.run(settings, Events(stop=lambda: time.monotonic() > end))
    except Interrupted as stopped:
        print(stopped.message)
        return 0
    convert.run(
        ConvertSettings(plate=plate, model=model, faceset=faces / "plate", out=shot, occlusion="none", force=True),
        Events(),
    )
    figures: dict[str, Any] = {"training": report}
    for name, result in {"untouched": plate, "result": shot}.items():
        told = compare.run(
            CompareSettings(
                a=result, b=truth, matte=f"{truth}:mask.face", holdout=f"{truth}:mask.occluder",
                out=out / "work" / name,
            ),
            Events(),
        )  # fmt: skip
        figures[name] = {key: told["shot"]["inside"][key] for key in ("psnr_mean", "ssim", "de2000")}
    (out / "figures.json").write_text(json.dumps(figures, indent=2, default=str), encoding="utf-8")
    print(json.dumps(figures, indent=2, default=str))
    for name in ("curve.png", "preview.png", "metrics.jsonl"):
        shutil.copyfile(model / name, out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
