"""Every reader of data that other people's programs may have written."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from fuzz_documents import corrections, job, journal, log, metrics, record, request, tracks, truth
from fuzz_facesets import (
    crop_with_record,
    faceset_bytes,
    index_spoilt,
    pack_spoilt,
    read_crop,
    read_faceset_of,
    read_index_of,
    read_pack_of,
    read_trash,
)
from fuzz_models import card, card_of_any_family, model_files, read_backups, read_model, with_card
from fuzz_mutations import nudged_document, spoilt_document
from fuzz_pictures import movie, picture, read_movie_of, read_picture_of
from fuzz_reader import Read, Reader, bytes_of, documents_of, either, text_of, written
from made_tracks import made_shot
from understudy.events import Events
from understudy.faceset.journal import Journal
from understudy.faceset.record import Face
from understudy.model.store import FILE
from understudy.nuke.track_nodes import corner_pin, tracker_node
from understudy.plate.ranges import parse_range
from understudy.plate.sequence import open_plate
from understudy.review.truth import read_rest, read_truth
from understudy.serve.request import check, read_line
from understudy.settings import TracksImportSettings, parse_job
from understudy.stages.tracks import import_tracks
from understudy.tracks.corrections import load as load_corrections
from understudy.tracks.formats.chan import track_to_chan
from understudy.tracks.formats.csv_tracks import tracks_to_csv
from understudy.tracks.formats.json_tracks import tracks_from_json
from understudy.tracks.formats.point_text import points_to_text
from understudy.tracks.formats.usd import write_usd
from understudy.training.output.checkpoint import load_checkpoint
from understudy.training.output.curve import phases
from understudy.training.output.metrics_log import read_metrics


def range_text(dice: random.Random) -> bytes:
    pieces = (
        "1001-1048",
        "x2",
        ",",
        " ",
        "-",
        "1-10",
        "10000000000000",
        "y3",
        ":",
        "7",
        "-5-3",
        "e9",
        "\u0663",
        "@",
        "%04d",
        "#",
        "0",
    )
    return "".join(dice.choice(pieces) for _ in range(dice.randrange(1, 9))).encode()


def name_text(dice: random.Random) -> bytes:
    pieces = (
        "a",
        "/",
        "..",
        "shot",
        ".####",
        "%04d",
        "$F4",
        "@@@@",
        ".exr",
        ".mov",
        "\0",
        "x" * 300,
        "~",
        "//",
        "[",
        "1001-1010",
        "%99999999999d",
        "\udcff",
        "#" * 50,
        ":",
        "\\",
    )
    return "".join(dice.choice(pieces) for _ in range(dice.randrange(1, 7))).encode(errors="surrogateescape")


def read_name(data: bytes, folder: Path) -> None:
    for name in ("a.1001.exr", "a.1002.exr", "[x].0001.exr"):
        (folder / name).touch()
    open_plate(f"{folder}/{text_of(data)}", dice_frames(data))


def dice_frames(data: bytes) -> str | None:
    return None if len(data) % 2 else "1-3"


def imported(suffix: str) -> Read:
    def read(data: bytes, folder: Path) -> None:
        path, out = folder / f"nose_tip{suffix}", folder / "out.json"
        path.write_bytes(data)
        out.unlink(missing_ok=True)
        import_tracks.run(TracksImportSettings(file=path, out=out, width=1920, height=1080), Events())
        load_corrections(out)

    return read


def read_and_export(data: bytes, folder: Path) -> None:
    """Tracks in every form that other programs read."""
    shot = tracks_from_json(text_of(data))
    tracks_to_csv(shot.tracks)
    for track in shot.tracks:
        track_to_chan(track, shot.width, shot.height, 1000.0)
        points_to_text(track, shot.height, (30, 8))
        corner_pin(track, shot.height, "full", 64)
        tracker_node(track, shot.height, (30, 8))
    write_usd(folder / "a.usda", shot, focal=1000.0, fps=24.0, crop="full")


def read_metrics_of(path: Path) -> None:
    records = read_metrics(path.parent)
    list(phases(records))
    [value > 0 for one in records for name, value in one.items() if name != "phase"]


def read_request(data: bytes, folder: Path) -> None:
    number, message = read_line(data)
    if not message.get("cancel"):
        check(number, message)


READERS: dict[str, Reader] = {
    "face record": Reader(documents_of(record), lambda data, _: Face.from_json(text_of(data)), 3),
    "crop's bytes": Reader(bytes_of(lambda: faceset_bytes()["crop"]), written("a.exr", read_crop)),
    "crop's record": Reader(crop_with_record, written("a.exr", read_crop)),
    "journal": Reader(
        either(documents_of(lambda: json.loads(journal())), bytes_of(journal)),
        written("frames.jsonl", lambda path: Journal(path.parent).entries()),
        2,
    ),
    "tracks": Reader(documents_of(tracks), lambda data, _: tracks_from_json(text_of(data)), 2),
    "exported tracks": Reader(lambda dice: nudged_document(tracks(), dice), read_and_export, 0.5),
    "corrections": Reader(documents_of(corrections), written("c.json", load_corrections), 2),
    "trash log": Reader(documents_of(log), read_trash, 2),
    "index": Reader(either(index_spoilt, bytes_of(lambda: faceset_bytes()["index.npz"])), read_index_of),
    "pack": Reader(
        either(pack_spoilt, bytes_of(lambda: faceset_bytes()["pack"])), written("set.zip", read_pack_of), 0.3
    ),
    "faceset's description": Reader(documents_of(lambda: json.loads(faceset_bytes()["faceset.json"])), read_faceset_of),
    "model's card": Reader(lambda dice: with_card(card_of_any_family(dice)), written(FILE, read_model), 0.5),
    "model's own card": Reader(lambda dice: with_card(spoilt_document(card(), dice)), written(FILE, read_model), 0.5),
    "model's bytes": Reader(bytes_of(lambda: model_files()[FILE]), written(FILE, read_model), 0.3),
    "training's bytes": Reader(
        bytes_of(lambda: model_files()["training.safetensors"]),
        written("training.safetensors", lambda path: load_checkpoint(path.parent)),
    ),
    "backup's description": Reader(documents_of(lambda: json.loads(model_files()["backup.json"])), read_backups),
    "metrics": Reader(
        either(bytes_of(metrics), documents_of(lambda: json.loads(metrics().splitlines()[0]))),
        written("metrics.jsonl", read_metrics_of),
    ),
    "job": Reader(documents_of(job), lambda data, _: parse_job(data), 2),
    "request": Reader(documents_of(request), read_request, 2),
    "truth": Reader(documents_of(truth), written("t.json", lambda path: (read_truth(path), read_rest(path)))),
    "imported tracks": Reader(documents_of(tracks), imported(".json")),
    "imported table": Reader(bytes_of(lambda: tracks_to_csv(made_shot().tracks[1:]).encode()), imported(".csv")),
    "imported points": Reader(
        bytes_of(
            lambda: points_to_text(made_shot().tracks[1], 1080, (30, 8)).encode(), lambda: b"1001 3.5 4\n1002,4,5\n"
        ),
        imported(".txt"),
        2,
    ),
    "imported .chan": Reader(
        bytes_of(lambda: track_to_chan(made_shot().tracks[1], 1920, 1080).encode()), imported(".chan"), 2
    ),
    "frame range": Reader(range_text, lambda data, _: parse_range(data.decode(errors="replace")), 2),
    "plate's name": Reader(name_text, read_name),
    "picture": Reader(picture, read_picture_of, 3),
    "movie": Reader(movie, read_movie_of, 0.3),
}
"""By the name of what is read."""


def names(wanted: Sequence[str] = ()) -> list[str]:
    """The readers whose names begin like one of ``wanted``; all without."""
    return [name for name in READERS if not wanted or any(name.startswith(one) for one in wanted)]
