"""A faceset on one page: what it shows, what it lacks beside another, and what in it is doubtful."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy import __version__
from understudy.faceset.choice import quality
from understudy.faceset.order import values_of
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.plate.ranges import format_range
from understudy.review.faceset.coverage import Gap, Grid, bins_of, counts_in, direction, gaps, grid_of
from understudy.review.faceset.expressions import ExpressionGap, expression_gaps
from understudy.review.faceset.suspects import JOLT, REASONS, SURE, UNUSUAL, TrackSuspects, followed
from understudy.review.pages import charts, page
from understudy.safe_text import markup
from understudy.settings import FaceMeasure

PICTURES = 180
"""Crops shown of each set at most: what the page may weigh."""

DRAWN = 8
"""Tracks whose curves are drawn."""

LISTED = 60
"""Tracks, and poses that lack, which are listed."""

_SIDE = 80  # pixels of a picture
_LONGEST = 600  # characters of a list of frames
_MARKS = 100  # marks of one kind on a curve: of more, every second, third...

_ORIGINS = {
    "seen": "seen: its own landmarks",
    "followed": "followed: keypoints and the pixels around",
    "bridged": "bridged: the frames around it",
    "given": "given: by the artist",
}


@dataclass(frozen=True)
class Subject:
    """A faceset to report on."""

    role: str  # source or target
    faceset: Faceset
    faces: Sequence[Face]  # at least one
    to_display: Callable[[NDArray[np.float32]], NDArray[Any]]  # linear crop to a display-encoded one in 0..1

    @property
    def poses(self) -> NDArray[np.float64]:
        """(N, 2) yaw and pitch in degrees; 0 where a face does not tell."""
        return np.nan_to_num(np.array([face.pose[:2] for face in self.faces], np.float64))


@dataclass(frozen=True)
class Findings:
    """What the page says, for those who read no page."""

    html: str
    lacks: list[str]  # what the source lacks, poses first, a sentence each
    doubtful: int  # faces of the source with any doubt
    pictures: int


def report_page(source: Subject, target: Subject | None, width: float) -> Findings:
    """The page on ``source``, beside a ``target`` where there is one, with bins of pose ``width`` degrees wide.

    Only the crops that are shown are read. Raises FacesetError naming a damaged crop, and ColourError.
    """
    both = [source] if target is None else [source, target]
    grid = grid_of(width, *(subject.poses for subject in both))
    poses = _gaps(source, target, width)
    expressions = [] if target is None else expression_gaps(source.faces, target.faces)
    title = f"Faceset {source.faceset.folder.resolve().name}"
    body = [f"<header><h1>{markup(title)}</h1>", page.paragraph(_made(), "quiet"), "</header>"]
    body.append(page.section("about", "About", '<div class="columns">', *map(_about, both), "</div>"))
    body.append(page.section("coverage", "Poses", *_coverage(grid, source, target, poses)))
    if target is not None:
        body.append(page.section("expressions", "Expressions", *_expressions(expressions)))
    body.append(page.section("spread", "Quality", *_spread(both)))
    tracks = {subject.role: followed(subject.faces) for subject in both}
    shown = 0
    for subject in both:
        own, count = _sheet(subject, grid_of(width, subject.poses))
        body.append(page.section(f"sheet-{subject.role}", f"Best faces of every pose: {subject.role}", *own))
        shown += count
    for subject in both:
        heading = f"Confidence over the shot: {subject.role}"
        body.append(page.section(f"shot-{subject.role}", heading, *_shot(subject.role, tracks[subject.role])))
    doubtful = sum(len(track.doubtful) for track in tracks[source.role])
    lacks = [*map(pose_sentence, poses), *map(expression_sentence, expressions)]
    return Findings(page.page(title, body), lacks, doubtful, shown)


def pose_sentence(gap: Gap) -> str:
    """A pose that a source lacks, in words."""
    return (
        f"The target looks {direction(gap)} on {_counted(gap.frames)}; the source has no such face. "
        f"Its nearest is up to {gap.nearest:.0f} degrees away."
    )


def expression_sentence(gap: ExpressionGap) -> str:
    """An expression that a source lacks, in words."""
    return (
        f"The target {gap.what} than the source ever does on {_counted(gap.frames)}: "
        f"{gap.farthest:.2f} against {gap.reached:.2f}."
    )


def _made() -> str:
    return f"Understudy {__version__}, {datetime.datetime.now().astimezone():%d %B %Y %H:%M %Z}"


def _about(subject: Subject) -> str:
    faces, provenance = subject.faces, subject.faceset.provenance
    settings = provenance.get("settings", {})
    made_by = defaultdict[str, set[str]](set)
    for face in faces:
        for role, what in face.analysis.items():
            made_by[role].add(what)
    told = {
        "Faceset": str(subject.faceset.folder.resolve()),
        "Plate": ", ".join(sorted({face.plate for face in faces})),
        "Frames": f"{_frames([face.frame for face in faces])} ({len({face.frame for face in faces})} with a face)",
        "Faces": str(len(faces)),
        "Tracks": str(len({(face.plate, face.track) for face in faces})),
        "Crops": ", ".join(sorted({f"{face.crop_kind}, {face.crop_size} px" for face in faces})),
        "Colour space": ", ".join(sorted({face.colour_space for face in faces})),
    }
    if settings.get("colour_space"):
        told["Plate's colour space"] = str(settings["colour_space"])
    told |= {role.capitalize(): ", ".join(sorted(names)) for role, names in sorted(made_by.items())}
    with_identity = sum(face.identity is not None for face in faces)
    told["Identity"] = f"known of {with_identity} of {len(faces)} faces" if with_identity else "none: no recogniser"
    heading = f'<h3 class="{subject.role}">{subject.role.capitalize()}</h3>'
    return f'<div class="panel" id="about-{subject.role}">{heading}{page.facts(told)}</div>'


def _gaps(source: Subject, target: Subject | None, width: float) -> list[Gap]:
    if target is None:
        return []
    return gaps(source.poses, target.poses, np.array([face.frame for face in target.faces], np.int64), width)


def _coverage(grid: Grid, source: Subject, target: Subject | None, lacks: Sequence[Gap]) -> list[str]:
    own = counts_in(grid, source.poses)
    if target is None:
        caption = f"Faces in bins of {grid.width:g} degrees. Positive yaw looks to image right, positive pitch up."
        return [page.figure(charts.heat_map(grid, own, None), caption)]
    asked = counts_in(grid, target.poses)
    served = int(asked[own > 0].sum())
    total = int(asked.sum())
    parts = [
        page.paragraph(
            f"{served} of {total} target faces ({100 * served / total:.0f} %) lie in a pose that the source has."
        ),
    ]
    if lacks:
        items = "".join(f"<li>{markup(pose_sentence(gap))}</li>" for gap in lacks[:LISTED])
        parts.append(f'<h3 class="bad">What the source lacks</h3><ul id="lacks">{items}</ul>')
        if len(lacks) > LISTED:
            parts.append(page.paragraph(f"And {len(lacks) - LISTED} rarer ones.", "quiet"))
    else:
        parts.append('<p id="lacks">The source has every pose that the target asks for.</p>')
    caption = (
        f"Source faces / target faces in bins of {grid.width:g} degrees. Blue: the source has it. Red: only the target. "
        "Positive yaw looks to image right, positive pitch up."
    )
    return [*parts, page.figure(charts.heat_map(grid, own, asked), caption)]


def _expressions(lacks: Sequence[ExpressionGap]) -> list[str]:
    told = "Eyes as a part of what is usual with the person, mouths over their width, looks in widths of an eye."
    if not lacks:
        return [page.paragraph("The source has every expression that the target asks for.")]
    items = "".join(f"<li>{markup(expression_sentence(gap))}</li>" for gap in lacks)
    return [
        f'<h3 class="bad">What to film</h3><ul id="lacking-expressions">{items}</ul>',
        page.paragraph(told, "quiet"),
    ]


def _spread(both: Sequence[Subject]) -> list[str]:
    measures: list[tuple[FaceMeasure, str, str, bool]] = [
        ("sharpness", "sharpness", "variance of the Laplacian", True),
        ("size", "size of the face in the plate", "px", True),
        ("motion-blur", "motion blur", "0 none, 1 smeared", False),
        ("brightness", "brightness", "mean luma, 0 to 1", False),
    ]
    drawn = [
        page.figure(charts.histogram(name, unit, {one.role: values_of(one.faces, what) for one in both}, log=log))
        for what, name, unit, log in measures
    ]
    told = [
        [one.role, name, *(f"{value:.3g}" for value in np.nanpercentile(values_of(one.faces, what), (5, 50, 95)))]
        for what, name, _, _ in measures
        for one in both
    ]
    legend = "Measured on the display-encoded crop, inside the face, at one size."
    if len(both) > 1:
        legend += " Filled: source. Outline: target."
    return [
        page.paragraph(legend, "quiet"),
        '<div class="columns">',
        *drawn,
        "</div>",
        "<h3>In figures</h3>",
        page.table("figures", ("set", "measure", "5th percentile", "median", "95th percentile"), told),
    ]


def _sheet(subject: Subject, grid: Grid) -> tuple[list[str], int]:
    """The best face of each bin, as a table that lies as the poses do, and how many pictures that are."""
    counts, score = counts_in(grid, subject.poses), quality(subject.faces)
    best: dict[tuple[int, int], int] = {}
    for index, (yaw, pitch) in enumerate(bins_of(subject.poses, grid.width).tolist()):
        held = best.get((yaw, pitch))
        if held is None or score[index] > score[held]:
            best[yaw, pitch] = index
    # Where there are more poses than pictures, those that many faces show.
    fullest = sorted(best, key=lambda place: -counts[grid.pitches.index(place[1]), grid.yaws.index(place[0])])
    shown = set(fullest[:PICTURES])
    rows = []
    for row, pitch in enumerate(grid.pitches):
        cells = []
        for column, yaw in enumerate(grid.yaws):
            count = counts[row, column]
            image = _picture(subject, subject.faces[best[yaw, pitch]]) if (yaw, pitch) in shown else ""
            cells.append(f"<td>{image}<span>{count}</span></td>" if count else "<td></td>")
        rows.append(f'<tr><th scope="row">{_signed(pitch * grid.width)}°</th>{"".join(cells)}</tr>')
    heads = "".join(f'<th scope="col">{_signed(yaw * grid.width)}°</th>' for yaw in grid.yaws)
    told = "The face of each pose that is best by sharpness, confidence, size and rarity, and how many share the pose. "
    told += "Across: yaw, positive to image right. Down: pitch, positive up."
    if len(best) > len(shown):
        told += f" The {len(shown)} commonest of {len(best)} poses have a picture."
    grid_table = (
        f'<div class="scroll"><table class="sheet"><thead><tr><th scope="col">pitch \\ yaw</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    return [page.paragraph(told, "quiet"), grid_table], len(shown)


def _picture(subject: Subject, face: Face) -> str:
    display = subject.to_display(subject.faceset.read(face)[..., :3].astype(np.float32))
    way = cv2.INTER_AREA if face.crop_size > _SIDE else cv2.INTER_CUBIC
    small = cv2.resize(np.asarray(display, np.float32), (_SIDE, _SIDE), interpolation=way)
    yaw, pitch, _ = face.pose
    told = f"{face.file}: yaw {yaw:+.0f}, pitch {pitch:+.0f}, confidence {face.confidence:.2f}"
    return page.picture(small, told)


def _shot(role: str, tracks: Sequence[TrackSuspects]) -> list[str]:
    drawn = tracks[:DRAWN]
    several = len({track.key[0] for track in tracks}) > 1
    names = [_name(track, several) for track in tracks]
    lines = [
        _curve(name, track, np.array([face.confidence for face in track.faces], np.float64), list(REASONS))
        for name, track in zip(names, drawn, strict=False)
    ]
    present = {face.origin for track in drawn for face in track.faces}
    parts = [
        page.key({f"o-{origin}": words for origin, words in _ORIGINS.items() if origin in present}),
        page.figure(
            charts.curves("confidence", lines, top=1.0, limit=SURE, strips=True),
            f"One line a track; the strip below tells where each face's place comes from. Dashed: {SURE:g}. "
            f"Circles: doubtful frames, of one kind {_MARKS} at most.",
        ),
    ]
    moved = [_curve(name, track, track.jolts, ["jolt"]) for name, track in zip(names, drawn, strict=False)]
    known = np.concatenate([line.values[np.isfinite(line.values)] for line in moved])
    if len(known):
        top = float(max(JOLT * 1.25, min(known.max() * 1.1, 20.0)))
        parts.append(
            page.figure(
                charts.curves("jolt (% of the crop's side)", moved, top=top, limit=JOLT),
                "How far each crop's centre lies from the middle of those on the frames before and after: what a viewer "
                f"sees as jitter. Doubtful above {JOLT:g} % and {UNUSUAL:g} times the track's median.",
            )
        )
    doubts = [
        [name, REASONS[why], len(frames), _frames(frames)]
        for name, track in zip(names, tracks, strict=True)
        for why, frames in track.doubts.items()
    ]
    parts.append('<h3 class="bad">Doubtful frames</h3>' if doubts else "<h3>Doubtful frames</h3>")
    told = "; ".join(REASONS.values())
    if doubts:
        parts.append(page.table(f"doubts-{role}", ("track", "what", "count", "frames"), doubts[: 2 * LISTED]))
    else:
        parts.append(f'<p id="doubts-{role}">None. Looked for: {markup(told)}.</p>')
    headings = ("track", "faces", "first", "last", "confidence", "weakest", "on frame", *_ORIGINS, "jolt (median)")
    rows = [_row(name, track) for name, track in zip(names[:LISTED], tracks, strict=False)]
    parts += ["<h3>Tracks</h3>", page.table(f"tracks-{role}", headings, rows)]
    if len(tracks) > LISTED:
        parts.append(page.paragraph(f"And {len(tracks) - LISTED} shorter tracks.", "quiet"))
    if len(tracks) > DRAWN:
        parts.append(page.paragraph(f"The {DRAWN} longest of {len(tracks)} tracks are drawn.", "quiet"))
    return parts


def _name(track: TrackSuspects, several: bool) -> str:
    plate, number = track.key
    return f"{number} of {plate}" if several else str(number)


def _curve(name: str, track: TrackSuspects, values: NDArray[np.float64], reasons: Sequence[str]) -> charts.ChartLine:
    marked: dict[int, str] = {}
    for why in reasons:
        frames = track.doubts.get(why, ())
        for frame in frames[:: -(-len(frames) // _MARKS) or 1]:
            marked[frame] = f"{marked[frame]}; {REASONS[why]}" if frame in marked else REASONS[why]
    every = np.array([face.frame for face in track.faces], np.int64)
    return charts.ChartLine(f"track {name}", every, values, marked, [face.origin for face in track.faces])


def _row(name: str, track: TrackSuspects) -> list[Any]:
    faces = track.faces
    weakest = min(faces, key=lambda face: face.confidence)
    shares = [f"{100 * sum(face.origin == origin for face in faces) / len(faces):.0f} %" for origin in _ORIGINS]
    known = track.jolts[np.isfinite(track.jolts)]
    return [
        name,
        len(faces),
        faces[0].frame,
        faces[-1].frame,
        float(np.mean([face.confidence for face in faces])),
        float(weakest.confidence),
        weakest.frame,
        *shares,
        f"{np.median(known):.2f} %" if len(known) else "-",
    ]


def _signed(angle: float) -> str:
    return f"{angle:+.0f}" if angle else "0"


def _counted(frames: Sequence[int]) -> str:
    return f"{len(frames)} frame{'s' if len(frames) != 1 else ''} ({_frames(frames)})"


def _frames(frames: Sequence[int]) -> str:
    told = format_range(frames)
    if len(told) <= _LONGEST:
        return told
    kept = told[:_LONGEST].rpartition(",")[0]
    return f"{kept} and further ones up to {max(frames)}"
