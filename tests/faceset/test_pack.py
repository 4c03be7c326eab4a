import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from made_faces import make_face, make_pixels
from understudy.errors import FacesetError, Interrupted, OutputError
from understudy.events import Events
from understudy.faceset import pack as module
from understudy.faceset.aligned import load_aligned
from understudy.faceset.pack import unpack, write_pack
from understudy.faceset.store import Faceset


@pytest.fixture
def packed(filled, tmp_path) -> tuple[Faceset, Path]:
    faceset = filled(5)
    (faceset.folder / "frames.jsonl").write_text("a journal\n")
    (faceset.folder / "trash").mkdir()
    (faceset.folder / "trash" / "old.exr").write_bytes(b"old")
    (faceset.folder / ".plate.0.exr").write_bytes(b"half")
    write_pack(tmp_path / "faces.zip", faceset.folder, faceset.faces(), Events())
    return faceset, tmp_path / "faces.zip"


def test_a_pack_is_an_uncompressed_zip_of_what_the_folder_holds(packed) -> None:
    faceset, path = packed
    with zipfile.ZipFile(path) as archive:
        names = {name for name in archive.namelist() if name != "index.npz"}
        assert names == {*(face.file for face in faceset.faces()), "faceset.json", "frames.jsonl"}
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        assert all(archive.read(name) == (faceset.folder / name).read_bytes() for name in names)


def test_a_pack_is_read_where_it_lies(packed, monkeypatch) -> None:
    faceset, path = packed
    again = Faceset.open(path)
    assert again.packed
    assert again.provenance == faceset.provenance
    monkeypatch.setattr(module, "read_record", lambda path: pytest.fail("a crop was opened for its record"))
    faces = again.faces()
    assert [face.to_json() for face in faces] == [face.to_json() for face in faceset.faces()]
    for face in faces:
        np.testing.assert_array_equal(again.read(face), make_pixels(face.frame))
    loaded = load_aligned(again, faces, 16)
    np.testing.assert_array_equal(loaded.rgb, load_aligned(faceset, faces, 16).rgb)


def test_several_threads_read_one_pack(packed) -> None:
    again = Faceset.open(packed[1])
    faces = again.faces()
    wrong: list[int] = []

    def read() -> None:
        for face in faces * 5:
            if not np.array_equal(again.read(face), make_pixels(face.frame)):
                wrong.append(face.frame)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_unpacked_every_byte_is_there_again(packed, tmp_path, monkeypatch) -> None:
    faceset, path = packed
    faces = unpack(path, tmp_path / "again", Events())
    assert len(faces) == 5
    kept = [file for file in faceset.folder.iterdir() if file.is_file() and not file.name.startswith(".")]
    for file in kept:
        if file.name != "index.npz":
            assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
    assert len(list((tmp_path / "again").iterdir())) == len(kept)
    from understudy.faceset import store

    monkeypatch.setattr(store, "read_record", lambda path: pytest.fail("the index does not know the unpacked crops"))
    assert len(Faceset.open(tmp_path / "again").faces()) == 5


def test_a_pack_without_its_index_says_it_all_again(packed, tmp_path) -> None:
    faceset, path = packed
    bare = tmp_path / "bare.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bare, "w") as new:
        for name in old.namelist():
            if name != "index.npz":
                new.writestr(name, old.read(name))
    assert [one.to_json() for one in Faceset.open(bare).faces()] == [one.to_json() for one in faceset.faces()]


@pytest.mark.parametrize(
    "change",
    [
        lambda faceset: faceset.add(make_face(), make_pixels()),
        lambda faceset: faceset.remove([]),
        lambda faceset: faceset.describe(more=1),
    ],
)
def test_a_pack_is_never_changed(packed, change) -> None:
    before = packed[1].read_bytes()
    with pytest.raises(FacesetError, match="is a pack, which is never changed") as error:
        change(Faceset.open(packed[1]))
    assert "unpack" in error.value.hint
    assert packed[1].read_bytes() == before


def test_a_damaged_crop_is_named_with_its_pack(packed) -> None:
    path = packed[1]
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("plate.1003.00.exr").header_offset
    content[place + 400] ^= 0xFF
    path.write_bytes(content)
    again = Faceset.open(path)
    faces = again.faces()
    with pytest.raises(FacesetError, match=r"plate\.1003\.00\.exr in .*faces\.zip is damaged"):
        again.read(faces[2])
    np.testing.assert_array_equal(again.read(faces[1]), make_pixels(1002))


def test_what_is_no_pack_is_told(tmp_path) -> None:
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(FacesetError, match="is not a packed faceset"):
        Faceset.open(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("letter.txt", "dear")
    with pytest.raises(FacesetError, match=r"other\.zip is not a faceset"):
        Faceset.open(tmp_path / "other.zip")


def test_nothing_is_overwritten(packed, tmp_path) -> None:
    faceset, path = packed
    with pytest.raises(OutputError, match="is there already"):
        write_pack(path, faceset.folder, faceset.faces(), Events())
    with pytest.raises(FacesetError, match="is not empty"):
        unpack(path, faceset.folder, Events())


@pytest.mark.parametrize("name", ["../evil.exr", "/evil.exr", "sub/evil.exr", "C:evil.exr"])
def test_a_pack_that_writes_elsewhere_is_refused(packed, tmp_path, name) -> None:
    with zipfile.ZipFile(packed[1], "a") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(FacesetError, match="is no file of a faceset"):
        unpack(packed[1], tmp_path / "deep" / "again", Events())
    with pytest.raises(FacesetError, match="is no file of a faceset"):
        Faceset.open(packed[1])
    assert not list(tmp_path.rglob("evil*"))
    assert not (tmp_path / "deep").exists()


def test_stopped_half_way_nothing_is_left(packed, tmp_path) -> None:
    faceset, path = packed
    for work in (
        lambda: write_pack(tmp_path / "deep" / "two.zip", faceset.folder, faceset.faces(), Events(stop=lambda: True)),
        lambda: unpack(path, tmp_path / "deep" / "again", Events(stop=lambda: True)),
    ):
        with pytest.raises(Interrupted):
            work()
        assert not list((tmp_path / "deep").iterdir())
