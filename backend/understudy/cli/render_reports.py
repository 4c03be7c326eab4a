"""What is printed of measurements of new faces from footage."""

from __future__ import annotations

from rich.table import Table

from understudy.cli.console import Terminal
from understudy.cli.tables import Report, figure, new_table
from understudy.cli.truth_reports import MEASURES, truth_table

_DIGITS = {key: digits for _, key, digits, _ in MEASURES}
_NAMES = {key: name for name, key, *_ in MEASURES}
_BY_POSE = 3  # the promise that counts measures
_COUNTED = 2  # digits of figures that are no measure of a shot against its truth


def bench_render(console: Terminal, report: Report) -> None:
    """Each pair by all measures, also by pose; then what is promised and whether it is kept."""
    for name, pair in report["pairs"].items():
        shots = {"plate": pair["untouched"], "Understudy": pair["result"]}
        console.print(truth_table(f"The new face on {name}", shots))
        if pair["result"]["by_pose"]:
            console.print(_by_pose(name, pair))
        _performance(console, pair)
    cost, memory = report["hd"], report["memory"]
    console.print(
        f"1920 x 1080, a face of {cost['face']} px: {cost['rendering']:.2f} s of rendering a frame,"
        f" {cost['whole']:.2f} s with files; {cost['preparation']:.1f} s once a shot."
    )
    short, long = memory["peak"]
    console.print(
        f"Memory at its peak: {short / 2**20:.0f} MiB over {memory['frames'][0]} frames,"
        f" {long / 2**20:.0f} MiB over {memory['frames'][1]}."
    )
    console.print(_criteria(report["criteria"]))


def _by_pose(name: str, pair: Report) -> Table:
    """Plate and result by pose, a mark at what is worse than the plate."""
    poses = pair["result"]["by_pose"]
    table = new_table(f"{name} by pose: plate, Understudy; ! is worse than the untouched plate", "to the truth")
    for pose, told in poses.items():
        table.add_column(f"{pose.replace('_', ' ')}\n{told['frames']} frames", justify="right")
    for title, key, digits, _ in MEASURES:
        cells = []
        for pose, told in poses.items():
            before, after = (figure(one, digits) for one in (pair["untouched"]["by_pose"][pose][key], told[key]))
            cells.append(f"{before}  {after} {'!' if key in pair['worse'][pose] else ' '}")
        table.add_row(title, *cells)
    return table


def _performance(console: Terminal, pair: Report) -> None:
    told, plate = pair["performance"]["result"], pair["performance"]["untouched"]
    ranks = ", ".join(
        f"{name} {figure(told[name], _COUNTED)} (plate {figure(plate[name], _COUNTED)}, {told['frames'][name]} frames)"
        for name in ("lids", "mouth", "gaze")
    )
    console.print(f"Rank correlation with the truth's: {ranks}{'' if told['blinks'] else '; no blink is seen'}.")
    console.print(f"A still plate with grain is as restless as {figure(pair['still'], _COUNTED)} times the grain.")
    cost = pair["cost"]
    width, height = cost["size"]
    console.print(
        f"{width} x {height}: {cost['rendering']:.2f} s of rendering a frame, {cost['whole']:.2f} s with files;"
        f" {cost['preparation']:.1f} s once a shot.\n"
    )


def _criteria(criteria: list[Report]) -> Table:
    table = new_table("What new faces from footage promise", "", "pair", "what", "measured", "limit", "met")
    for one in criteria:
        digits = 0 if one["number"] == _BY_POSE else _DIGITS.get(one["what"], _COUNTED)
        low, high = (figure(one[end], digits) for end in ("low", "high"))
        limit = (
            f"{low} to {high}" if "-" not in (low, high) else f"at least {low}" if high == "-" else f"at most {high}"
        )
        met = {True: "yes", False: "NO", None: "-"}[one["met"]]
        what = _NAMES.get(one["what"], one["what"].replace("_", " "))
        table.add_row(str(one["number"]), one["pair"], what, figure(one["measured"], digits), limit, met)
    return table
