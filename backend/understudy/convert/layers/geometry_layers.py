"""What a compositor may want beside the pixels: how the fitted head moves, how it is turned, how far away it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import HeadMesh, Posed, SeenFace, triangles
from understudy.imaging.affine import FloatArray, apply, invert
from understudy.imaging.raster import Surface, rasterise, unit, vertex_normals
from understudy.imaging.region import Region
from understudy.tracks.formats.chan import METRES, focal_of

GEOMETRY_LAYERS: dict[str, tuple[tuple[str, ...], type[Any]]] = {
    "forward": (("u", "v"), np.float32),
    "backward": (("u", "v"), np.float32),
    "normals": (("X", "Y", "Z"), np.float16),
    "depth": (("Z",), np.float32),
    "st_inv": (("u", "v"), np.float32),
}
"""Every layer of the fitted head: channels and type."""

_USUAL_LENS = 50.0
"""mm on a 36 mm wide sensor: behind which a head that was solved without a camera is taken to stand, for its depth."""


def head_layers(
    mesh: HeadMesh,
    face: SeenFace,
    before: SeenFace | None,
    after: SeenFace | None,
    region: Region,
    origin: tuple[int, int],
    width: int,
) -> dict[str, NDArray[np.float32]]:
    """The layers of the head's ``mesh`` over ``region``, float32, 0 where the head is not seen.

    ``face`` is the head on this frame, ``before`` and ``after`` the same head on the frames beside it, None where it is
    not there. ``region`` counts in the plate's array, which starts at ``origin`` in plate pixels; the plate's display
    window is ``width`` pixels wide.

    - ``forward``, ``backward`` (h, w, 2): u v to where the point that is seen here is seen on the next and on the
      previous frame, plate pixels, u to the right, v upwards; 0 where there is no such frame. What Nuke's VectorBlur and
      motion channels want.
    - ``normals`` (h, w, 3): X right, Y up, Z towards the camera, length 1.
    - ``depth`` (h, w, 1): metres before the camera along its axis, a mean-face unit taken for tracks.chan.METRES as in
      the exported head; behind a lens of 50 mm where the head was solved without a camera.
    """
    posed = mesh.posed(face)
    distance = posed.distance(focal_of(_USUAL_LENS, width))
    corner = np.array([region.x + origin[0], region.y + origin[1]], np.float64)
    surface = rasterise(posed.plate - corner, distance, triangles(), region.height, region.width)
    normals = vertex_normals(posed.turned, triangles()) * (1, -1, -1)
    return {
        "forward": _motion(surface, posed, None if after is None else mesh.posed(after)),
        "backward": _motion(surface, posed, None if before is None else mesh.posed(before)),
        "normals": surface.spread(np.asarray(unit(surface.blend(normals)), np.float32)),
        "depth": surface.spread(surface.blend(METRES * distance[:, None])),
    }


def st_inverse(matrix: FloatArray, size: int, width: int, height: int) -> NDArray[np.float32]:
    """Where each pixel of a crop lies in the plate: (size, size, 2) u v float32, the inverse of the layer ``st``.

    ``matrix`` (2, 3) maps plate pixels to the crop's. u v are normalised over the display window of ``width`` x ``height``
    pixels, (0, 0) at its bottom left corner, (1, 1) at its top right one, and hold for the centres of the crop's pixels:
    an ST map that cuts the aligned face out of the plate.
    """
    centre = np.arange(size) + 0.5
    grid = np.stack(np.meshgrid(centre, centre), axis=-1).reshape(-1, 2)
    x, y = apply(invert(matrix), grid).T
    return np.asarray(np.stack([x / width, 1 - y / height], axis=-1).reshape(size, size, 2), np.float32)


def _motion(surface: Surface, here: Posed, there: Posed | None) -> NDArray[np.float32]:
    if there is None:
        return surface.spread(np.zeros((len(surface.pixels), 2), np.float32))
    return surface.spread(surface.blend((there.plate - here.plate) * (1, -1)))
