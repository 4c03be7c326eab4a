"""A faceset's files: how they are spoilt, and how they are read."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from fuzz_mutations import spoilt_bytes, spoilt_document
from made_faces import make_face, make_pixels
from understudy.events import Events
from understudy.faceset import index
from understudy.faceset.crop import read_pixels, read_record
from understudy.faceset.order import sort_faces
from understudy.faceset.pack import Pack, write_pack
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.faceset.trash import Trash


@cache
def faceset_bytes() -> dict[str, bytes]:
    """The files of a faceset of two faces, and the same as a pack."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "set"
        faceset = Faceset.create(
            folder, {"settings": {"plate": "p", "ocio": None}, "analysis": {"detector": "x"}, "cut": [[1, 0, 2.0, 3.0]]}
        )
        for frame in (1001, 1002):
            faceset.add(make_face(frame, dense=np.ones((9, 2), np.float32)), make_pixels(frame))
        faces = faceset.faces()
        write_pack(Path(place) / "set.zip", folder, faces, Events())
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        return files | {"pack": (Path(place) / "set.zip").read_bytes(), "crop": files[faces[0].file]}


def index_spoilt(dice: random.Random) -> bytes:
    """An index whose columns are spoilt, but whose archive is sound."""
    with np.load(io.BytesIO(faceset_bytes()["index.npz"])) as loaded:
        columns = {name: loaded[name] for name in loaded.files}
    name = dice.choice(list(columns))
    column = columns[name]
    if name == "texts":
        columns[name] = np.frombuffer(spoilt_document(json.loads(column.tobytes()), dice), np.uint8)
    elif column.size and dice.randrange(3):
        column.flat[dice.randrange(column.size)] = dice.choice(
            (0, -1, 1, 255) if column.dtype.kind != "f" else (0, np.nan, np.inf, 1e30, -1)
        )
    else:
        columns[name] = column[dice.randrange(len(column) + 1) :] if column.ndim else column
    target = io.BytesIO()
    np.savez(target, **columns)  # type: ignore[arg-type]
    return target.getvalue()


def pack_spoilt(dice: random.Random) -> bytes:
    """A pack that is a sound archive of spoilt files."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(faceset_bytes()["pack"])) as whole, zipfile.ZipFile(target, "w") as made:
        hit = dice.choice(whole.namelist())
        for name in whole.namelist():
            content = whole.read(name)
            made.writestr(name, spoilt_bytes(content, dice) if name == hit else content)
    return target.getvalue()


def crop_with_record(dice: random.Random) -> bytes:
    """A sound crop whose record is not: of the same length, for the header tells it."""
    content, told = faceset_bytes()["crop"], make_face(1001, dense=np.ones((9, 2), np.float32))
    old = Face.from_json(told.to_json()).to_json().encode()
    at = content.find(b'{"schema"')
    length = int.from_bytes(content[at - 4 : at], "little")
    new = spoilt_document(json.loads(content[at : at + length]), dice)
    assert old
    return content[: at - 4] + struct.pack("<i", len(new)) + new + content[at + length :]


def read_index_of(data: bytes, folder: Path) -> None:
    """An index that is not sound must be found out, and what is taken must do for a listing."""
    try:
        known = index.read_index(io.BytesIO(data))
    except (OSError, ValueError):
        return
    sort_faces([face for _, face in known.values()], "yaw")


def read_pack_of(path: Path) -> None:
    faceset = Faceset.open(path)
    for face in faceset.faces():
        faceset.read(face)
    Pack(path)


def read_faceset_of(data: bytes, folder: Path) -> None:
    """A faceset whose description is ``data``."""
    (folder / "faceset.json").write_bytes(data)
    (folder / "a.exr").write_bytes(faceset_bytes()["crop"])
    faceset = Faceset.open(folder)
    for face in faceset.faces():
        faceset.read(face)


def read_crop(path: Path) -> None:
    read_record(path)
    read_pixels(path)


def read_trash(data: bytes, folder: Path) -> None:
    (folder / "trash").mkdir(exist_ok=True)
    (folder / "trash" / "log.json").write_bytes(data)
    trash = Trash(folder)
    if trash.operations():
        trash.undo(everything=True)
