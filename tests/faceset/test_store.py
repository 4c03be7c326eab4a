import os

import numpy as np
import OpenEXR
import pytest
from made_faces import make_face, make_pixels
from understudy.errors import FacesetError
from understudy.faceset import store
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset


def keys(faces):
    return [(face.frame, face.track) for face in faces]


def headers_read(monkeypatch) -> list[str]:
    read: list[str] = []
    original = store.read_record
    monkeypatch.setattr(store, "read_record", lambda path: read.append(path.name) or original(path))
    return read


def test_a_face_is_one_half_float_exr_that_describes_itself(faceset) -> None:
    face, pixels = make_face(), make_pixels()
    pixels[0, 0] = [-1.5, 60000, 0.25, 0]
    stored = faceset.add(face, pixels)
    assert stored.file == "plate.1001.00.exr"
    exr = OpenEXR.File(str(faceset.folder / stored.file), separate_channels=True)
    header = exr.header()
    channels = {name: channel.pixels for name, channel in exr.channels().items()}
    assert sorted(channels) == ["A", "B", "G", "R"]
    for index, name in enumerate("RGBA"):
        assert channels[name].dtype == np.float16
        np.testing.assert_array_equal(channels[name], pixels[..., index])
    assert header["colorInteropID"] == "lin_ap1_scene"
    assert "chromaticities" not in header
    np.testing.assert_array_equal(Face.from_json(header["understudy/face"]).landmarks, face.landmarks)


def test_pixels_come_back_bit_for_bit(faceset) -> None:
    pixels = make_pixels()
    stored = faceset.add(make_face(), pixels)
    again = faceset.read(stored)
    assert again.dtype == np.float16
    np.testing.assert_array_equal(again, pixels)


def test_a_studio_s_own_space_name_is_no_interop_id(faceset) -> None:
    stored = faceset.add(make_face(colour_space="Show Linear v2"), make_pixels())
    header = OpenEXR.File(str(faceset.folder / stored.file)).header()
    assert "understudy/face" in header
    assert "colorInteropID" not in header
    assert faceset.faces()[0].colour_space == "Show Linear v2"


def test_faces_are_sorted_by_frame_and_track(faceset) -> None:
    for frame, track in [(1003, 0), (999, 1), (10020, 0), (999, 0), (1001, 12)]:
        faceset.add(make_face(frame, track), make_pixels())
    expected = [(999, 0), (999, 1), (1001, 12), (1003, 0), (10020, 0)]
    assert keys(faceset.faces()) == expected
    assert keys(Faceset.open(faceset.folder).faces()) == expected


@pytest.mark.parametrize(
    ("plate", "stem"),
    [
        ("/shots/plate.%04d.exr", "plate"),
        ("C:\\shots\\sh 010.####.exr", "sh_010"),
        ("take3.mov", "take3"),
        ("/shots/%04d.exr", "plate"),
        ("a.b_%04d.exr", "a.b"),
    ],
)
def test_names_come_from_the_plate(faceset, plate, stem) -> None:
    assert faceset.add(make_face(plate=plate), make_pixels()).file == f"{stem}.1001.00.exr"


def test_plates_of_one_name_in_two_folders_do_not_overwrite_each_other(faceset) -> None:
    first = faceset.add(make_face(plate="/a/plate.%04d.exr"), make_pixels())
    again = Faceset.open(faceset.folder)
    second = again.add(make_face(plate="/b/plate.%04d.exr"), make_pixels())
    assert first.file != second.file
    assert {face.plate for face in again.faces()} == {"/a/plate.%04d.exr", "/b/plate.%04d.exr"}
    assert again.add(make_face(plate="/b/plate.%04d.exr"), make_pixels()).file == second.file


def test_the_same_face_is_replaced(faceset) -> None:
    faceset.add(make_face(), make_pixels(1))
    stored = faceset.add(make_face(confidence=0.125), make_pixels(2))
    assert [face.confidence for face in faceset.faces()] == [0.125]
    np.testing.assert_array_equal(faceset.read(stored), make_pixels(2))


def test_the_index_saves_opening_the_files(filled, monkeypatch) -> None:
    folder = filled(20).folder
    Faceset.open(folder).faces()
    read = headers_read(monkeypatch)
    assert len(Faceset.open(folder).faces()) == 20
    assert read == []


def test_only_new_and_changed_files_are_opened_and_vanished_ones_dropped(filled, monkeypatch) -> None:
    faceset = filled(10)
    faceset.faces()
    other = Faceset.create(faceset.folder.with_name("other"), {})
    moved = other.add(make_face(2000), make_pixels())
    (other.folder / moved.file).rename(faceset.folder / moved.file)
    (faceset.folder / "plate.1003.00.exr").unlink()
    changed = other.add(make_face(1005, confidence=0.5), make_pixels(size=16)[:8, :8])
    (other.folder / changed.file).replace(faceset.folder / changed.file)
    os.utime(faceset.folder / changed.file, ns=(1, 1))
    read = headers_read(monkeypatch)
    faces = Faceset.open(faceset.folder).faces()
    assert sorted(read) == ["plate.1005.00.exr", "plate.2000.00.exr"]
    assert [face.frame for face in faces] == [1001, 1002, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 2000]
    assert faces[3].confidence == 0.5
    read.clear()
    Faceset.open(faceset.folder).faces()
    assert read == []


def test_a_renamed_file_goes_by_its_new_name(filled) -> None:
    faceset = filled(1)
    (faceset.folder / "plate.1001.00.exr").rename(faceset.folder / "kept.exr")
    (face,) = faceset.faces()
    assert face.file == "kept.exr"
    np.testing.assert_array_equal(faceset.read(face), make_pixels(1001))


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\xff\xfe\x00"])
def test_a_damaged_or_missing_index_is_rebuilt(filled, damage) -> None:
    faceset = filled(3)
    before = [face.to_json() for face in faceset.faces()]
    (faceset.folder / "index.npz").write_bytes(damage)
    assert [face.to_json() for face in Faceset.open(faceset.folder).faces()] == before
    (faceset.folder / "index.npz").unlink()
    assert [face.to_json() for face in Faceset.open(faceset.folder).faces()] == before


def test_a_damaged_file_is_named(filled) -> None:
    faceset = filled(3)
    path = faceset.folder / "plate.1002.00.exr"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FacesetError, match=r"plate\.1002\.00\.exr") as error:
        Faceset.open(faceset.folder).faces()
    assert error.value.hint


def test_pixels_that_were_cut_off_are_reported_by_name(faceset) -> None:
    stored = faceset.add(make_face(crop_size=64), make_pixels(size=64))
    path = faceset.folder / stored.file
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(FacesetError, match=r"plate\.1001\.00\.exr is damaged"):
        faceset.read(stored)


def test_a_picture_without_a_record_is_named(filled) -> None:
    faceset = filled(1)
    rgb = np.zeros((8, 8), np.float16)
    OpenEXR.File({}, {"R": rgb, "G": rgb, "B": rgb}).write(str(faceset.folder / "stray.exr"))
    with pytest.raises(FacesetError, match=r"stray\.exr holds no face record"):
        faceset.faces()


def test_a_face_that_vanished_is_reported_when_it_is_read(filled) -> None:
    faceset = filled(1)
    (face,) = faceset.faces()
    (faceset.folder / face.file).unlink()
    with pytest.raises(FacesetError, match=r"plate\.1001\.00\.exr"):
        faceset.read(face)


def test_what_a_dying_writer_left_is_no_face(filled) -> None:
    faceset = filled(1)
    (faceset.folder / ".plate.1002.00.0123456789ab.exr").write_bytes(b"half")
    assert len(faceset.faces()) == 1


def test_removed_faces_are_gone_from_disk_and_list(filled) -> None:
    faceset = filled(4)
    faces = faceset.faces()
    faceset.remove(faces[1:3])
    faceset.remove(faces[1:2])
    assert [face.frame for face in faceset.faces()] == [1001, 1004]
    assert [face.frame for face in Faceset.open(faceset.folder).faces()] == [1001, 1004]
    assert not (faceset.folder / faces[1].file).exists()


def test_provenance_is_kept(faceset) -> None:
    assert Faceset.open(faceset.folder, allow_empty=True).provenance == {"made by": "a test"}


def test_a_missing_an_empty_and_a_strange_folder_are_told_apart(tmp_path, faceset) -> None:
    with pytest.raises(FacesetError, match="There is no faceset"):
        Faceset.open(tmp_path / "nowhere")
    with pytest.raises(FacesetError, match="holds no face"):
        Faceset.open(faceset.folder)
    (tmp_path / "strange").mkdir()
    with pytest.raises(FacesetError, match="is not a faceset"):
        Faceset.open(tmp_path / "strange")
    (tmp_path / "strange" / "faceset.json").write_text('{"kind": "something else"}')
    with pytest.raises(FacesetError, match="is not a faceset"):
        Faceset.open(tmp_path / "strange")


def test_a_faceset_is_never_made_over_other_files(tmp_path, faceset) -> None:
    with pytest.raises(FacesetError, match="is not empty"):
        Faceset.create(faceset.folder, {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FacesetError, match="is not empty"):
        Faceset.create(tmp_path / "mine", {})


def test_pixels_of_another_shape_or_type_are_a_defect(faceset) -> None:
    with pytest.raises(ValueError, match="float16"):
        faceset.add(make_face(), make_pixels().astype(np.float32))
    with pytest.raises(ValueError, match=r"\(8, 8, 4\)"):
        faceset.add(make_face(), make_pixels()[..., :3])
    assert not list(faceset.folder.glob("*.exr"))


@pytest.mark.parametrize("letter", ["a", "日"])
def test_a_plate_with_the_longest_name_has_faces_too(faceset, letter) -> None:
    plates = [f"/shots/{letter * (234 // len(letter.encode()))}{end}.%04d.exr" for end in "xy"]
    for plate in plates:
        faceset.add(make_face(plate=plate), make_pixels())
    faces = Faceset.open(faceset.folder).faces()
    assert sorted(face.plate for face in faces) == plates
    # A rank may come before the name, and a temporary's number after it.
    assert max(len(face.file.encode()) for face in faces) < 255 - 20
