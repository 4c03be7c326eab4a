"""What a machine with a CUDA GPU has to show: the tests that need one, the bench of training, and a model's quality.

    python tests/on_gpu.py OUT [--sample FOLDER] [--minutes 30] [--only tests bench model]

For the model, ``liae`` at 256 px learns the sample's two people for so many minutes, and the swap is compared with the true
render. Leaves in OUT: ``tests.txt``, ``bench.txt`` and ``bench.json``, ``figures.json``, ``curve.png``, ``preview.png``
and ``metrics.jsonl``. Run again with more minutes, it goes on; with facesets from elsewhere in OUT/work, as
``source``, ``target`` and ``plate``, it needs no face analysis.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "backend/understudy/sample"
UNDERSTUDY = [sys.executable, "-m", "understudy"]
PICTURES = ("curve.png", "preview.png", "metrics.jsonl")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sample", type=Path, default=SAMPLE)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--only", nargs="+", choices=("tests", "bench", "model"), default=("tests", "bench", "model"))
    options = parser.parse_args()
    out, sample = options.out.resolve(), options.sample.resolve()
    out.mkdir(parents=True, exist_ok=True)
    codes = []
    if "tests" in options.only:
        codes.append(tell([sys.executable, "-m", "pytest", "-m", "gpu", "-ra", "tests/test_gpu.py"], out / "tests.txt"))
    if "bench" in options.only:
        bench = [*UNDERSTUDY, "bench", "train", "--sample", str(sample), "--json", str(out / "bench.json")]
        codes.append(tell(bench, out / "bench.txt"))
    if "model" in options.only:
        codes.append(judge(sample, out, options.minutes))
    return max(codes)


def tell(command: list[str], log: Path | None = None) -> int:
    """Run ``command``, with its output here and in ``log``; returns its exit code."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if log:
        log.write_text("".join(lines), encoding="utf-8")
    return process.returncode


def judge(sample: Path, out: Path, minutes: float) -> int:
    """Train, convert, compare; returns the first exit code that is not 0."""
    work = out / "work"
    plate, truth = (str(sample / f"{name}.%04d.exr") for name in ("plate", "truth"))
    shot = str(work / "shot.%04d.exr")
    steps = [
        [*UNDERSTUDY, "extract", str(sample / f"{footage}.%04d.exr"), "--out", str(work / name)]
        for name, footage in (("source", "source_B"), ("target", "target_A"), ("plate", "plate"))
        if not (work / name).is_dir()
    ]
    people = ["--source", work / "source", "--target", work / "target", work / "plate", "--model", work / "model"]
    how = ["--device", "cuda", "--preset", "gpu", "--family", "liae", "--resolution", "256", "--minutes", str(minutes)]
    masks = ["--matte", f"{truth}:mask.face", "--holdout", f"{truth}:mask.occluder"]
    steps += [
        [*UNDERSTUDY, "train", *map(str, people), *how],
        [*UNDERSTUDY, "convert", plate, "--model", str(work / "model"), "--faceset", str(work / "plate"), "--out", shot,
         "--force"],
        [*UNDERSTUDY, "compare", plate, truth, *masks, "--out", str(work / "untouched")],
        [*UNDERSTUDY, "compare", shot, truth, *masks, "--out", str(work / "result")],
    ]  # fmt: skip
    for step in steps:
        if code := tell(step):
            return code
    for name in PICTURES:
        shutil.copyfile(work / "model" / name, out / name)
    figures = {name: inside(work / name) for name in ("untouched", "result")}
    (out / "figures.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return 0


def inside(comparison: Path) -> dict[str, float]:
    """Nearness to the truth over the face, of a folder that ``understudy compare`` wrote."""
    report = json.loads((comparison / "compare.json").read_text(encoding="utf-8"))
    told = report["shot"]["inside"]
    return {name: told[name] for name in ("psnr_mean", "ssim", "de2000")}


if __name__ == "__main__":
    sys.exit(main())
