"""A second command in a folder that is being written is refused, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_curation import made
from made_shots import RED, register, write_shot
from understudy.cli import main
from understudy.errors import BusyError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.faceset.trash import Trash
from understudy.plate.files import temporary_of
from understudy.plate.lock import hold
from understudy.settings import (
    ClusterSettings,
    ConvertSettings,
    DedupeSettings,
    ExtractSettings,
    Options,
    PackSettings,
    QcSettings,
    RecropSettings,
    RestoreSettings,
    SelectSettings,
    SortSettings,
    TrashSettings,
    UnpackSettings,
)
from understudy.stages import convert
from understudy.stages import run as run_stage
from understudy.stages._holding import beside, frames_of
from understudy.stages.faceset import pack


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


CURATION: dict[str, Callable[[Path], Options]] = {
    "sort": lambda faces: SortSettings(faceset=faces, by="sharpness", rename=True),
    "trash": lambda faces: TrashSettings(faceset=faces, below=["sharpness=0.35"]),
    "select": lambda faces: SelectSettings(faceset=faces, count=2),
    "dedupe": lambda faces: DedupeSettings(faceset=faces),
    "cluster": lambda faces: ClusterSettings(faceset=faces),
    "restore": lambda faces: RestoreSettings(faceset=faces),
    "pack": lambda faces: PackSettings(faceset=faces, out=faces.parent / "faces.usfaces"),
}


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = made(tmp_path / "faces", like=True)
    run_stage(TrashSettings(faceset=folder, frames="1006"), Events())
    return folder


@pytest.mark.parametrize("what", CURATION)
def test_a_faceset_is_tidied_by_one_command_at_a_time(faces: Path, what: str) -> None:
    before = content(faces)
    with hold(faces, "faceset trash"), pytest.raises(BusyError, match="in use by understudy faceset trash"):
        run_stage(CURATION[what](faces), Events())
    assert content(faces) == before
    run_stage(CURATION[what](faces), Events())
    assert content(faces) != before or what in ("pack", "cluster")
    assert not list(faces.glob(".*")) and not list(faces.parent.glob(".*")), "no lock is left"


def test_a_faceset_is_cleared_of_what_a_killed_command_left(faces: Path) -> None:
    for path in (faces / "sort.json", faces / "index.npz", faces / "trash" / "log.json"):
        temporary_of(path).touch()
    run_stage(SortSettings(faceset=faces, by="sharpness"), Events())
    assert not list(faces.rglob(".*"))


def test_a_restoration_killed_at_its_end_leaves_nothing_to_be_said_again(
    faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the files are back there is nothing to undo: what an extraction has to know is written before."""
    Faceset.open(faces).describe(wanted={"face": "one"})
    undo = Trash.undo

    def killed(self: Trash, everything: bool = False) -> None:
        undo(self, everything)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trash, "undo", killed)
    with pytest.raises(KeyboardInterrupt):
        run_stage(RestoreSettings(faceset=faces), Events())
    assert Faceset.open(faces).provenance["wanted"] is None


def test_a_dry_run_writes_nothing_and_waits_for_nobody(faces: Path) -> None:
    with hold(faces, "faceset sort"):
        report = run_stage(TrashSettings(faceset=faces, below=["sharpness=0.35"], dry_run=True), Events())
    assert report["trashed"] == 3


def test_what_is_no_faceset_is_told_as_ever_and_not_made(tmp_path: Path, says: Callable[..., str]) -> None:
    assert "There is no faceset" in says(9, "faceset", "sort", tmp_path / "nowhere", "--by", "sharpness")
    assert not (tmp_path / "nowhere").exists()


def test_the_command_ends_with_its_own_code(faces: Path, says: Callable[..., str]) -> None:
    with hold(faces, "extract"):
        told = says(15, "faceset", "sort", faces, "--by", "sharpness")
    assert "understudy extract" in told and "process" in told


@pytest.mark.parametrize("stage", ["pack", "unpack"])
def test_a_pack_is_written_and_unpacked_by_one_command_at_a_time(faces: Path, tmp_path: Path, stage: str) -> None:
    out = tmp_path / "out"
    settings: Options = PackSettings(faceset=faces, out=out)
    if stage == "unpack":
        pack.run(PackSettings(faceset=faces, out=tmp_path / "pack"), Events())
        settings = UnpackSettings(pack=tmp_path / "pack", out=out)
    with beside(out, f"faceset {stage}"), pytest.raises(BusyError, match=f"understudy faceset {stage}"):
        run_stage(settings, Events())
    assert not out.exists()
    run_stage(settings, Events())
    assert out.exists() and not list(tmp_path.glob(".*"))


def test_an_extraction_has_its_folder_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch.setitem)
    plate = write_shot(tmp_path / "plate", [[(40.0, 50.0, 60.0, RED)]] * 2)
    out = tmp_path / "faces"
    settings = ExtractSettings(plate=plate, out=out, crop_size=64)
    with hold(out, "extract"), pytest.raises(BusyError):
        run_stage(settings, Events())
    assert not out.exists()
    run_stage(settings, Events())
    again = RecropSettings(faceset=out, out=tmp_path / "larger", crop_size=96)
    with hold(tmp_path / "larger", "faceset recrop"), pytest.raises(BusyError):
        run_stage(again, Events())
    run_stage(again, Events())
    assert Faceset.open(tmp_path / "larger").faces()[0].crop_size == 96
    assert not list(out.glob(".*")) + list((tmp_path / "larger").glob(".*"))


@pytest.mark.parametrize(("theirs", "together"), [("1001", False), ("1001-1009", False), ("1002-1009", True)])
def test_parts_of_a_version_are_converted_side_by_side_and_no_frame_twice(
    tmp_path: Path, theirs: str, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plate").mkdir()
    for frame in range(1001, 1010):
        (tmp_path / "plate" / f"p.{frame}.exr").write_bytes(b"its name is all that is looked at")
    plate, out = f"{tmp_path}/plate/p.####.exr", f"{tmp_path}/out/v001.####.exr"
    mine = ConvertSettings(plate=plate, out=out, model=tmp_path / "none", frames="1001")
    monkeypatch.setattr(convert, "made_of", lambda settings: 1 / 0)  # it is at work
    with frames_of(mine.model_copy(update={"frames": theirs}), out, "convert"):
        with pytest.raises(ZeroDivisionError if together else BusyError):
            run_stage(mine, Events())
        with pytest.raises(ZeroDivisionError):
            run_stage(mine.model_copy(update={"out": f"{tmp_path}/out/v002.####.exr"}), Events())
    with pytest.raises(ZeroDivisionError):
        run_stage(mine, Events())
    assert not (tmp_path / "out").exists()


def test_a_delivery_is_judged_into_a_folder_by_one_command(tmp_path: Path, says: Callable[..., str]) -> None:
    pattern = write_shot(tmp_path / "out", [[]] * 2)
    settings = QcSettings(sequence=pattern, out=tmp_path / "qc")
    with hold(tmp_path / "qc", "qc"), pytest.raises(BusyError):
        run_stage(settings, Events())
    assert not (tmp_path / "qc").exists()
    assert main(["qc", pattern, "--out", str(tmp_path / "qc")]) == 14
    assert sorted(path.name for path in (tmp_path / "qc").iterdir() if path.name.startswith(".")) == []
