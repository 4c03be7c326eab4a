"""What the backend hands over, made by the backend's own Python, for Blender to read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import COMMAND
from environment import ROOT, clean

HEADS = """
from made_tracks import made_shot
from understudy.face.mesh import HeadMesh
from understudy.tracks.formats.usd import write_usd

shot = made_shot()
write_usd(folder / "heads.usdc", shot, focal=None, fps=24.0, crop="whole")
for track in shot.tracks:
    mesh = HeadMesh(track.shape)
    plate = {str(frame): mesh.posed(face).plate for frame, face in track.frames.items()}
    np.savez(folder / f"head{track.number}.npz", **plate)
"""
"""A scene of two heads, and where each vertex is to be seen, in plate pixels, frame by frame."""

FACES = """
from dataclasses import replace
from made_tracks import made_shot
from understudy.convert.layers.cryptomatte import CHANNELS, cryptomatte
from understudy.face.mesh import HeadMesh
from understudy.face.parts import part_coverage
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers

window, covered = Window(0, 0, 192, 108), {}
for track in made_shot().tracks:
    face = track.frames[1003]
    head = replace(face.head, scale=face.head.scale / 10, offset=face.head.offset / 10, camera=None)
    posed = HeadMesh().posed(replace(face, head=head, landmarks=face.landmarks / 10))
    for part, coverage in part_coverage(posed, 40, 20, 110, 50).items():
        covered[f"track{track.number}/{part}"] = coverage
layers, said = cryptomatte("CryptoFace", covered)
stack = [Layer("", ("R", "G", "B", "A"), np.ones((108, 192, 4), np.float16))]
stack += [Layer(name, CHANNELS, pixels, (40, 20)) for name, pixels in layers.items()]
write_layers(folder / "faces.exr", stack, Header(window, window), profile="flat", interop_id=None, attributes=said)
np.savez(folder / "faces.npz", **{name.replace("/", " "): np.pad(part, ((20, 38), (40, 42))) for name, part in covered.items()})
"""
"""A picture with a Cryptomatte of the parts of two faces, and the coverage of each."""


def over(script: str, folder: Path) -> None:
    """Run ``script`` in the backend's Python; it finds ``folder``, numpy as np and the tests' own makers."""
    python = Path(COMMAND).with_name("python.exe" if COMMAND.endswith(".exe") else "python")
    if not COMMAND or not python.is_file():
        pytest.skip("UNDERSTUDY_COMMAND does not name a backend with its Python beside it")
    makers = [str(ROOT / "tests" / "support")]
    begin = "import sys\nfrom pathlib import Path\nimport numpy as np\n"
    begin += f"sys.path[:0] = {makers!r}\nfolder = Path({str(folder)!r})\n"
    done = subprocess.run([str(python), "-c", begin + script], env=clean(), capture_output=True, text=True, check=False)
    if "understudy-vfx[usd]" in done.stderr:
        pytest.skip("the backend has no usd-core")
    assert done.returncode == 0, done.stderr
