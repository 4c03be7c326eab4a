"""What the fusion network is shown of rendered pairs, and their truth: by the product's own tracking and rendering.

    python tools/fusion_pairs.py OUT

OUT is what ``tools/fusion_people.py`` rendered. Every pair gets ``OUT/seen/NAME.npz``, on the canvas of rendering.fusion, a
row a frame, S pixels a side: ``candidates`` (F, 4, 3, S, S) and ``truth`` (F, 3, S, S) scene-linear in the working space,
``maps`` (F, 10, S, S), and ``mask`` (F, S, S) where the truth has a face that nothing hides, all float16; and the
``hardness`` of the plate's light. What is there is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from understudy.errors import UnderstudyError
from understudy.events import Events
from understudy.extraction.shot import Shot, prepare
from understudy.face.mesh import HeadMesh, at_landmarks
from understudy.faceset.record import Face
from understudy.faceset.store import DESCRIPTION, Faceset
from understudy.plate.reader import read_channel, read_frame
from understudy.rendering.footage import Footage
from understudy.rendering.fusion import Canvas
from understudy.rendering.renderer import Placement, ShotRenderer
from understudy.rendering.shape import fit_shape
from understudy.settings import ExtractSettings, PlateOptions
from understudy.stages import extract

SPACE = "lin_rec709_scene"
FACE, OCCLUDER = "mask.face", "mask.occluder"


def main(arguments: list[str]) -> None:
    """Go through all pairs in the folder that ``arguments`` name."""
    out = Path(arguments[0])
    for plate in sorted(out.glob("p*_plate")):
        name = plate.name.removesuffix("_plate")
        source, truth = out / f"source_{name.split('_')[2]}", out / f"{name}_truth"
        seen = out / "seen" / f"{name}.npz"
        if seen.exists() or not all((folder / "done").exists() for folder in (plate, truth, source)):
            continue
        try:
            renderer = ShotRenderer(footage(source, out / "facesets"), footage(plate, out / "facesets"))
            write(seen, renderer, shot_of(plate), shot_of(truth))
        except UnderstudyError as error:
            print(f"{name} is left out: {error}", flush=True)
        else:
            print(name, flush=True)


def shot_of(folder: Path) -> Shot:
    """A rendered set as a plate."""
    return prepare(PlateOptions(plate=str(folder / "%04d.exr"), colour_space=SPACE), Events())


def footage(folder: Path, facesets: Path) -> Footage:
    """A rendered set as footage, with the head fitted to it; its faceset is made where it is not there."""
    store = facesets / folder.name
    if not (store / DESCRIPTION).exists():
        extract.run(ExtractSettings(plate=str(folder / "%04d.exr"), out=store, colour_space=SPACE), Events())
    faceset = Faceset.open(store)
    faces = faceset.faces()
    return Footage(faceset, faces, head_of(faceset, faces))


def head_of(faceset: Faceset, faces: list[Face]) -> HeadMesh:
    """The head that is fitted to ``faces``; the mean one where the landmarker told too little."""
    if all(face.dense is None for face in faces):
        return HeadMesh()
    fitted = fit_shape(faces, lambda index: np.asarray(faceset.read(faces[index])[..., :3], np.float32)).placed
    return HeadMesh(at_landmarks(fitted), fitted)


def write(path: Path, renderer: ShotRenderer, plate: Shot, truth: Shot) -> None:
    """What the network is shown of one pair."""
    rows: dict[str, list[NDArray[np.float16]]] = {name: [] for name in ("candidates", "truth", "maps", "mask")}
    for face in renderer.plate.faces:
        for name, values in frame_of(renderer, face.frame, plate, truth).items():
            rows[name].append(values.astype(np.float16))
    path.parent.mkdir(exist_ok=True)
    np.savez(path, hardness=np.float32(renderer.hardness), **{name: np.stack(values) for name, values in rows.items()})


def frame_of(renderer: ShotRenderer, number: int, plate: Shot, truth: Shot) -> dict[str, NDArray[np.float32]]:
    """One frame on the canvas."""
    given, wanted = (read_frame(shot.plate, number) for shot in (plate, truth))
    picture, true = plate.working(given.rgb), truth.working(wanted.rgb)
    head = renderer.place(number, given.origin, *picture.shape[:2], Placement())
    assert head is not None
    box = head.rows, head.columns
    files = [Path(shot.plate.path(number)) for shot in (plate, truth)]
    hidden = np.maximum(*(read_channel(file, OCCLUDER)[box] for file in files))
    seen = renderer.candidates(head, picture[box], hidden)
    canvas = Canvas(head.posed, head.corner)
    pictures = [canvas.light(one) for one in (seen.rendered, seen.mesh, seen.carrier, seen.plate, true[box])]
    planes = np.stack(pictures).transpose(0, 3, 1, 2)
    shown = (read_channel(files[1], FACE)[box] > 0.5) * (hidden < 0.5)
    return {
        "candidates": planes[:4],
        "truth": planes[4],
        "maps": canvas.maps(seen.maps).transpose(2, 0, 1),
        "mask": canvas.maps(np.dstack([shown, shown]).astype(np.float32))[..., 0],
    }


if __name__ == "__main__":
    main(sys.argv[1:])
