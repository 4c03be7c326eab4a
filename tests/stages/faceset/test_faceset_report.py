from __future__ import annotations

import base64
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_curation import face
from made_people import stand
from PIL import Image
from understudy.errors import FacesetError, OutputError
from understudy.events import Events
from understudy.faceset.measures import UNMEASURED
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.review.faceset import faceset_report
from understudy.settings import FacesetReportSettings, PackSettings
from understudy.stages.faceset.pack import run as pack
from understudy.stages.faceset.report import run

NASTY = "shots/<script>alert('1')</script>&\"b\".%04d.exr"

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What a reader of the page finds: all start tags with their attributes, text, and whether tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data + " "

    @property
    def ids(self) -> set[str | None]:
        return {attributes["id"] for _, attributes in self.tags if "id" in attributes}

    def images(self) -> dict[str, np.ndarray]:
        """Alternative text to (h, w, 3) pixels."""
        found = {}
        for tag, attributes in self.tags:
            if tag == "img":
                head, _, data = (attributes["src"] or "").partition(",")
                assert head == "data:image/jpeg;base64"
                image = Image.open(io.BytesIO(base64.b64decode(data)))
                found[attributes["alt"] or ""] = np.asarray(image)
        return found


def posed(frame: int, yaw: float, pitch: float = 0.0, track: int = 0, **changes: object) -> Face:
    measures = dataclasses.replace(UNMEASURED, sharpness=0.001 * (1 + frame % 7), brightness=0.4)
    record = dataclasses.replace(face(frame, track), head=stand(20, 32, 10, yaw, -pitch), measures=measures)
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


def made(folder: Path, faces: list[Face], level: float = 0.18) -> Path:
    faceset = Faceset.create(folder, {"settings": {"plate": "p", "colour_space": "lin_rec709"}})
    for one in faces:
        faceset.add(one, np.full((8, 8, 4), level, np.float16))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Frontal to 40 degrees to image right; frame 1004 doubtful, 1006 bridged."""
    by = {"detector": "mediapipe (sha256 2d61; Apache-2.0)"}
    faces = [posed(1001 + step, 5.0 * step, analysis=by) for step in range(9)]
    faces[3] = dataclasses.replace(faces[3], confidence=0.3)
    faces[5] = dataclasses.replace(faces[5], origin="bridged")
    return made(tmp_path / "source", faces)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Frontal on 4 frames, 70 degrees to image left on 3."""
    faces = [posed(frame, 0.0) for frame in range(1, 5)] + [posed(frame, -70.0) for frame in (7, 8, 9)]
    return made(tmp_path / "target", faces)


def read(path: str | Path) -> Page:
    return Page(Path(path).read_text("utf-8"))


def test_the_page_has_every_part_and_says_what_lacks_and_what_is_doubtful(source: Path, target: Path) -> None:
    report = json.loads(
        json.dumps(run(FacesetReportSettings(faceset=source, target=target), Events()), allow_nan=False)
    )
    assert report["page"] == str(source / "report.html") and (report["faces"], report["doubtful"]) == (9, 2)
    page = read(report["page"])
    both = {
        f"{part}-{role}" for part in ("about", "sheet", "shot", "doubts", "tracks") for role in ("source", "target")
    }
    assert page.ids >= both | {"about", "coverage", "spread", "lacks", "figures"}
    (lack,) = report["lacks"]
    assert lack.startswith("The target looks 68-82 degrees to image left, level (within 8 degrees) on 3 frames (7-9);")
    assert lack in page.words and "4 of 7 target faces (57 %)" in page.words
    for said in (
        "mediapipe (sha256 2d61; Apache-2.0)",
        "lin_ap1_scene",
        "whole, 8 px",
        "1001-1009",
        "none: no recogniser",
    ):
        assert said in page.words
    assert len([tag for tag, _ in page.tags if tag == "circle"]) == 2
    assert "track 0, frame 1004: 0.30; confidence below" in page.words
    assert "track 0, frames 1006-1006: bridged" in page.words


def test_each_pose_shows_its_best_face_as_a_screen_would(source: Path, target: Path) -> None:
    report = run(FacesetReportSettings(faceset=source), Events())
    images = read(report["page"]).images()
    # Bins of 15 degrees: 0 and 5, 10 to 20, 25 to 35, 40. All else alike, the sharpest is the best: of frames modulo 7.
    assert report["pictures"] == len(images) == 4
    assert {alt.split(":")[0] for alt in images} == {f"p.{frame}.00.exr" for frame in (1002, 1005, 1007, 1009)}
    for image in images.values():  # 18 % linear is code 118 in sRGB
        assert image.shape == (80, 80, 3) and np.abs(image.astype(int) - 118).max() <= 2


def test_the_page_needs_nothing_but_itself(source: Path, target: Path) -> None:
    path = run(FacesetReportSettings(faceset=source, target=target), Events())["page"]
    text = Path(path).read_text("utf-8")
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "data", "style", "action", "background"):
                assert (tag, name) == ("img", "src") and (value or "").startswith("data:image/jpeg;base64,")
    for outside in ("http:", "https:", "file:", "url(", "@import"):
        assert outside not in text


def test_names_of_files_are_text_whatever_they_hold(tmp_path: Path) -> None:
    faces = [posed(frame, 0.0, plate=NASTY, analysis={"<b>": "<i>'\""}) for frame in (1, 2, 3)]
    faces += [posed(frame, 0.0, plate="other.%04d.exr") for frame in (1, 2)]
    folder = made(tmp_path / "faces & <img src=x>", faces)
    page = read(run(FacesetReportSettings(faceset=folder), Events())["page"])
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "b"})
    assert NASTY in page.words and "faces & <img src=x>" in page.words
    assert len(page.images()) == 1  # and not the one that the folder is called


def test_a_single_face_is_enough_and_a_pack_has_its_page_beside_it(tmp_path: Path) -> None:
    folder = made(tmp_path / "one", [posed(1001, -30.0, 20.0)])
    packed = tmp_path / "one.zip"
    pack(PackSettings(faceset=folder, out=packed), Events())
    report = run(FacesetReportSettings(faceset=packed, target=packed, out=None), Events())
    assert report["page"] == str(tmp_path / "one.html") and report["lacks"] == []
    page = read(report["page"])
    assert "The source has every pose that the target asks for." in page.words and len(page.images()) == 1


def test_of_many_faces_few_crops_are_read_and_the_page_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    folder = made(tmp_path / "faces", [posed(1, 0.0)])
    angles, origins = rng.uniform(-80, 80, (10_000, 2)), rng.choice(["seen", "followed", "bridged"], 10_000)
    many = [
        dataclasses.replace(posed(i // 4, yaw, 0.5 * pitch, track=i % 4, origin=str(origins[i])), file="p.0001.00.exr")
        for i, (yaw, pitch) in enumerate(angles)
    ]
    read_crops = []
    monkeypatch.setattr(Faceset, "faces", lambda self: many)
    reads = Faceset.read
    monkeypatch.setattr(Faceset, "read", lambda self, one: read_crops.append(one.file) or reads(self, one))
    report = run(FacesetReportSettings(faceset=folder, pose_bin=5.0), Events())
    assert len(read_crops) == report["pictures"] == faceset_report.PICTURES
    assert Path(report["page"]).stat().st_size < 3e6
    page = read(report["page"])
    assert "commonest of" in page.words
    # A third of each of the 4 tracks is bridged: some of that is marked, from the first frames to the last.
    marked = [int(frame) for frame in re.findall(r"frame (\d+): 0.75; place bridged", page.words)]
    assert 300 < len(marked) <= 400 and min(marked) < 50 and max(marked) > 2450


def test_mistakes_are_told_and_leave_no_page(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    with pytest.raises(FacesetError, match="There is no faceset"):
        run(FacesetReportSettings(faceset=tmp_path / "none", out=out), Events())
    with pytest.raises(FacesetError, match="There is no faceset"):
        run(FacesetReportSettings(faceset=source, target=tmp_path / "none", out=out), Events())
    with pytest.raises(OutputError, match="is a folder"):
        run(FacesetReportSettings(faceset=source, out=tmp_path), Events())
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="could not be written"):
        run(FacesetReportSettings(faceset=source, out=tmp_path / "file" / "page.html"), Events())
    assert not out.exists()


def browser() -> str | None:
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
    on_path = next(filter(None, map(shutil.which, names)), None)
    places = [Path(os.environ.get(root, "")) for root in ("PROGRAMFILES", "PROGRAMFILES(X86)") if root in os.environ]
    makers = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
    installed = [str(place / maker) for place in places for maker in makers if (place / maker).is_file()]
    return on_path or next(iter(installed), None)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = browser()
    if not found:
        pytest.skip("no Chromium, Chrome or Edge is installed")
    return found


def browse(chromium: str, profile: Path, *arguments: str) -> str:
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
    quiet += ("--disable-background-networking", "--disable-component-update", "--hide-scrollbars")
    command = [chromium, *quiet, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=120, encoding="utf-8").stdout


def test_a_browser_shows_the_page(chromium: str, source: Path, target: Path, tmp_path: Path) -> None:
    path = Path(run(FacesetReportSettings(faceset=source, target=target), Events())["page"]).resolve()
    rendered = browse(chromium, tmp_path / "profile", "--dump-dom", path.as_uri())
    page, written = Page(rendered), read(path)
    # A browser mends what is broken: nothing was, for it moved and added nothing.
    assert page.tags == written.tags
    assert {"lacks", "shot-source", "tracks-target"} <= page.ids

    shot = tmp_path / "shot.png"
    browse(chromium, tmp_path / "profile", f"--screenshot={shot}", "--window-size=1280,4000", path.as_uri())
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    for colour in ((0xB8, 0x43, 0x2F), (0xD0, 0x58, 0x3F), (0x4F, 0x7F, 0x98), (118, 118, 118)):
        # Red for the pose that lacks, a band for the bridged frame, one for those seen, and the crops' own grey.
        assert (np.abs(pixels - colour).max(axis=-1) <= 2).sum() > 50, colour
