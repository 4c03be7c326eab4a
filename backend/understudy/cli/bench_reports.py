"""What is printed of measurements."""

from __future__ import annotations

from rich.table import Table

from understudy.cli.console import Terminal
from understudy.cli.convert_reports import bench_convert
from understudy.cli.render_reports import bench_render
from understudy.cli.tables import Report, figure, general, new_table


def bench(console: Terminal, report: Report) -> None:
    """All that was measured: the tables first, then the single figures."""
    faces = report.get("faces", {})
    if shots := [
        (shot, landmarks, told)
        for shot, by_landmarks in faces.get("shots", {}).items()
        for landmarks, told in by_landmarks.items()
    ]:
        console.print(_landmark_errors(shots))
        console.print(_steadiness(shots))
    if heads := faces.get("heads"):
        console.print(_heads(heads))
        console.print(_eyes(heads))
    if extremes := faces.get("extremes"):
        table = new_table("Faces where detectors lose them", "place", "found")
        for place, count in extremes.items():
            table.add_row(place, f"{count['found']} of {count['of']}")
        console.print(table)
    if train := report.get("train"):
        _training(console, train)
    if convert := report.get("convert"):
        bench_convert(console, convert)
    if render := report.get("render"):
        bench_render(console, render)
    for name, told in report.items():
        if name not in ("faces", "train", "convert", "render"):
            general(console, {name: told})
    general(console, {name: told for name, told in faces.items() if name not in ("shots", "heads", "extremes")})


def _landmark_errors(shots: list[tuple[str, str, Report]]) -> Table:
    title = "Landmark error, percent of the eye distance"
    table = new_table(title, *("shot", "landmarks", "yaw", "frames", "raw", "refined", "final"))
    for shot, landmarks, told in shots:
        for yaw, one in told["error"].items():
            frames = f"{one['frames']} ({one['landmarked']} raw)"
            errors = (figure(one[kind], 2) for kind in ("raw", "refined", "final"))
            table.add_row(shot, landmarks, yaw, frames, *errors)
    return table


def _heads(heads: Report) -> Table:
    title = "Tracked heads against the true ones: mean (largest)"
    table = new_table(title, *("sequence", "yaw", "frames", "off in yaw, degrees", "rigid points, px"))
    for sequence, told in heads.items():
        for yaw, one in told["heads"].items():
            degrees, pixels = (
                f"{figure(one[what], 2)} ({figure(one[f'most_{what}'], 2)})" for what in ("yaw", "pixels")
            )
            table.add_row(sequence, yaw, f"{one['tracked']} of {one['frames']}", degrees, pixels)
    return table


def _eyes(heads: Report) -> Table:
    title = "Eyes against the truth: rank correlations; openings as parts of the usual one"
    table = new_table(title, *("sequence", "frames", "opening", "gaze across", "told apart", "when shut", "when open"))
    for sequence, told in heads.items():
        if (eyes := told["eyes"]) is not None:
            ranks = (figure(eyes[what], 2) for what in ("opening_rank", "gaze_rank", "told_apart", "shut", "open"))
            table.add_row(sequence, str(eyes["frames"]), *ranks)
    return table


def _steadiness(shots: list[tuple[str, str, Report]]) -> Table:
    title = "The crop's corners against the truth: raw to final, percent of the crop's side"
    table = new_table(title, *("shot", "landmarks", "error", "jitter", "ratio", "lag", "rank", "scale"))
    for shot, landmarks, told in shots:
        error, jitter = (
            f"{figure(told[what]['raw'], 2)} to {figure(told[what]['final'], 2)}" for what in ("corners", "jitter")
        )
        figures = figure(told["jitter"]["ratio"], 2), str(told["lag"]), figure(told["confidence_rank"], 2)
        table.add_row(shot, landmarks, error, jitter, *figures, f"{told['scale_spread']:.1f} %")
    return table


def _training(console: Terminal, report: Report) -> None:
    console.print(_learning(report["families"], report["product_rate"]))
    console.print(
        "Outside: part of the time in which the networks wait for faces to be chosen and varied, and for the log."
    )
    if rate := report["product_rate"]:
        console.print(f"Of products: operations a second as a part of those of bfloat16 matrices, {rate:.0f} TFLOP/s.")
    for one in report["left_out"]:
        console.print(f"{one['family']} at {one['resolution']} px and above is left out: {one['why']}.")
    if report["peers"]:
        console.print(_against_peers(report["peers"]))
        console.print("Ours and theirs in examples/s; waits: part of their time in which no samples were ready.")


def _learning(families: list[Report], product_rate: float | None) -> Table:
    on_gpu = ("float32", "fast path", "of products") if product_rate else ()
    headings = ("family", "px", "batch", "weights", "examples/s", "outside", "memory", "TFLOP a step")
    table = new_table("Training", *headings, *on_gpu)
    for one in families:
        memory = "-" if one["peak_memory"] is None else f"{one['peak_memory'] / 2**30:.2f} GiB"
        cells = [
            f"{one['weights'] / 1e6:.1f} M",
            f"{one['examples_per_second']:.4g}",
            _percent(one["outside_networks"]),
            memory,
            f"{one['tflop_per_step']:.3g}",
        ]
        if product_rate:
            cells += [
                f"{one['plain_examples_per_second']:.4g}",
                f"{one['fast_ratio']:.2f} x",
                _percent(one["product_share"]),
            ]
        table.add_row(*_which(one), *cells)
    return table


def _against_peers(peers: list[Report]) -> Table:
    title = "Against a loop as DeepFaceLab and faceswap build it"
    table = new_table(title, *("family", "px", "batch", "ours", "theirs", "ratio", "waits"))
    for one in peers:
        speeds = (f"{one[name]:.4g}" for name in ("examples_per_second", "peers_examples_per_second"))
        table.add_row(*_which(one), *speeds, f"{one['ratio']:.2f} x", _percent(one["peers_waiting"]))
    return table


def _which(one: Report) -> list[str]:
    return [str(one[name]) for name in ("family", "resolution", "batch")]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
