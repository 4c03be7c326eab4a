"""A stage's report as a person reads it, or as JSON where ``--json`` asked for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from understudy.cli import bench_reports, compare_reports, model_reports, qc_reports, truth_reports
from understudy.cli.console import Terminal
from understudy.cli.streams import quiet_when_unread
from understudy.cli.tables import Report, general, new_table, shown
from understudy.settings import (
    BackupsSettings,
    BenchSettings,
    ClusterSettings,
    CompareSettings,
    DemoSettings,
    DoctorSettings,
    FacesetListSettings,
    FacesetReportSettings,
    FindSettings,
    InspectSettings,
    ModelPreviewSettings,
    ModelSettings,
    Options,
    PeopleSettings,
    QcSettings,
    SchemaSettings,
)


def show(settings: Options, report: Report) -> None:
    """Print the ``report`` of the stage that ``settings`` are made for on stdout."""
    with quiet_when_unread(sys.stdout):
        match settings:
            case DoctorSettings(as_json=True) | ModelSettings(as_json=True) | SchemaSettings():
                print(json.dumps(report, indent=2))
            case FacesetListSettings(as_json=True):
                # One record a line, and the whole still one JSON array.
                print("[" + ",\n".join(json.dumps(face) for face in report["faces"]) + "]")
            case _:
                _TABLES.get(type(settings), general)(Terminal(), shown(report))


def _doctor(console: Terminal, report: Report) -> None:
    console.print(f"understudy {report['understudy']}, Python {report['python']}, {report['platform']}")
    packages = new_table("Packages", "package", "version", "for")
    for package in report["packages"]:
        packages.add_row(package["name"], package["version"] or "missing", package["purpose"])
    devices = new_table("Devices", "device", "what", "memory")
    for device in report["devices"]:
        memory = f"{device['memory'] / 2**30:.1f} GiB" if device["memory"] else ""
        devices.add_row(device["name"], device["what"], memory)
    models = new_table("Face analysis", "name", "role", "licence", "commercial use", "weights (sha256)")
    uses = {True: "yes", False: "no, unless licensed", None: "not known"}
    for part in report["components"]:
        if part["missing"]:
            models.add_row(part["name"], part["role"], "missing", "", "")
        else:
            models.add_row(part["name"], part["role"], part["licence"], uses[part["commercial"]], part["sha256"][:16])
    for table in (packages, devices, models):
        console.print(table)
    colour = report["colour"]
    console.print(f"Colour: {colour['problem'] or '{config} ({source}), working in {working}'.format(**colour)}")
    console.print(report["processes"], soft_wrap=True)
    if not report["missing"]:
        console.print("Nothing is missing.")
    for gap in report["missing"]:
        console.print(f"Missing: {gap['what']}\n   {gap['cure']}", markup=False)


def _faceset_list(console: Terminal, report: Report) -> None:
    console.print(f"{len(report['faces'])} faces in {report['faceset']}", markup=False, soft_wrap=True)
    # Not one of rich's tables, which take seconds for ten thousand rows.
    form = "{:>7} {:>5}  {:>23} {:>5} {:>5} {:>5} {:>10} {:>9}  {}"
    headings = ("frame", "track", "box", "yaw", "pitch", "roll", "confidence", "sharpness", "file")
    print(form.format(*headings), file=console.file)
    for face in report["faces"]:
        angles = (f"{angle:.0f}" for angle in face["pose"])
        measured = f"{face['confidence']:.2f}", f"{face['sharpness']:.2g}"
        row = form.format(face["frame"], face["track"], _box(face), *angles, *measured, face["file"])
        print(row, file=console.file)


def _faceset_report(console: Terminal, report: Report) -> None:
    told = f"{report['faces']} faces in {report['faceset']}, {report['doubtful']} of them doubtful"
    console.print(told, markup=False, soft_wrap=True)
    for lack in report["lacks"]:
        console.print(lack, markup=False, soft_wrap=True)
    if report["target"] and not report["lacks"]:
        console.print("The source has every pose and expression that the target asks for.")
    console.print(f"Written: {report['page']}", markup=False, soft_wrap=True)


def _find(console: Terminal, report: Report) -> None:
    table = new_table(f"Faces on frame {report['frame']} of {report['width']} x {report['height']} px")
    for heading in ("index", "box", "yaw", "pitch", "roll", "confidence"):
        table.add_column(heading, justify="right")
    for index, face in enumerate(report["faces"]):
        angles = [f"{angle:.0f}" for angle in face["pose"]] if face["pose"] else ["-"] * 3
        table.add_row(str(index), _box(face), *angles, f"{face['confidence']:.2f}")
    console.print(table)


def _inspect(console: Terminal, report: Report) -> None:
    missing = report["missing"] or "none"
    rate = f"{report['fps'][0] / report['fps'][1]:.6g}" if report["fps"] else None
    left_out = ("movie", "first", "last", "scene_linear", "notes")
    told = {name: value for name, value in report.items() if name not in left_out}
    names = {name: ", ".join(report[name]) or None for name in ("layers", "views")}
    general(console, told | {"missing": missing, "fps": rate} | names)


def _people(console: Terminal, report: Report) -> None:
    table = new_table(f"People in {report['faceset']}")
    for heading in ("track", "frames", "first", "last", "weakest", "its confidence", "confidence"):
        table.add_column(heading, justify="right")
    for one in report["people"]:
        numbers = (one["track"], one["frames"], one["first"], one["last"], one["weakest"])
        shares = (one["weakest_confidence"], one["confidence"])
        table.add_row(*map(str, numbers), *(f"{share:.2f}" for share in shares))
    console.print(table)
    for one in report["people"]:
        console.print(f"Track {one['track']}: {one['picture']}", markup=False, soft_wrap=True)


def _clusters(console: Terminal, report: Report) -> None:
    table = new_table(f"People in {report['faceset']}")
    for heading in ("person", "faces", "tracks", "likeness"):
        table.add_column(heading, justify="right")
    for one in report["people"]:
        table.add_row(str(one["person"]), str(one["faces"]), str(len(one["tracks"])), f"{one['likeness']:.2f}")
    console.print(table)
    told = {name: value for name, value in report.items() if name not in ("people", "faceset", "sheets")}
    general(console, told)
    for sheet in report["sheets"]:
        console.print(f"Written: {sheet}", markup=False, soft_wrap=True)


def _box(face: Report) -> str:
    return " ".join(f"{edge:.0f}" for edge in face["box"])


_TABLES: dict[type[Options], Callable[[Terminal, Report], None]] = {
    BackupsSettings: model_reports.backups,
    BenchSettings: bench_reports.bench,
    ClusterSettings: _clusters,
    CompareSettings: compare_reports.comparison,
    DemoSettings: truth_reports.demo,
    DoctorSettings: _doctor,
    FacesetListSettings: _faceset_list,
    FacesetReportSettings: _faceset_report,
    FindSettings: _find,
    InspectSettings: _inspect,
    ModelPreviewSettings: model_reports.requested,
    ModelSettings: model_reports.model,
    PeopleSettings: _people,
    QcSettings: qc_reports.quality,
}
