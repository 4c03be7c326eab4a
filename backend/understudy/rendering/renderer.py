"""The new face on the frames of a shot, from the source's footage: prepared once for the shot, then frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import triangles
from understudy.face.raster import Surface, rasterise
from understudy.faceset.record import Face
from understudy.rendering.broad_light import lit_as
from understudy.rendering.carrier import REACH, bend, carry, reach_of
from understudy.rendering.eyes import eye_gain, whites_mask
from understudy.rendering.feather import feathered
from understudy.rendering.footage import FAR, Footage, camera_normals, views_of
from understudy.rendering.light import measure_skin_light, steadied
from understudy.rendering.mouth import interior_mask
from understudy.rendering.pixels import sample
from understudy.rendering.references import choose_references
from understudy.rendering.regions import skin
from understudy.rendering.retarget import retarget
from understudy.rendering.texture import Texture


@dataclass(frozen=True, eq=False)
class Rendering:
    """A new face over a rectangle of the plate's array; light is scene-linear, in the space of the facesets."""

    corner: tuple[int, int]  # x, y of the rectangle's first pixel
    raw: NDArray[np.float32]  # (h, w, 3) the new face as its own footage shows it, on the plate
    swap: NDArray[np.float32]  # (h, w, 3) the new face in the plate's light, on the bent plate
    face: NDArray[np.float32]  # (h, w) 0..1 where the new face is
    reach: NDArray[np.float32]  # (h, w) 0..1 where it is, or the plate is bent


class ShotRenderer:
    """One person's new face on all frames of a shot: what is measured here rests on the whole shot, whatever is rendered."""

    def __init__(self, source: Footage, plate: Footage) -> None:
        """Both in the same linear space."""
        self._plate = plate
        self._posed = retarget(source, plate)
        self._row = {face.frame: row for row, face in enumerate(plate.faces)}
        filmed, target = source.views(), plate.views()
        views = filmed.joined(filmed.in_mirror(source.widths))
        shot = views_of(self._posed, plate.faces, source.mesh.rest, plate.openings)
        self.references = choose_references(views, shot, runs_of(plate.faces))
        own, light = measure_skin_light(source, filmed), measure_skin_light(plate, target)
        self._texture = Texture(source, views, shot, self.references, own, steadied(light, runs_of(plate.faces)))
        self._eye_gain = eye_gain(source, own, plate, light)

    def render(
        self, frame: int, plate: NDArray[np.float32], origin: tuple[int, int], hidden: NDArray[np.float32],
        relight: float = 1.0,
    ) -> Rendering | None:  # fmt: skip
        """The new face on ``frame``; None where it lies outside the picture.

        ``plate`` (H, W, 3) are its pixels and ``hidden`` (H, W) 0..1 what stands before the face; the first of them is the
        plate pixel ``origin``. ``relight`` 0..1 is how much of the plate's broad light is taken over.
        """
        row = self._row[frame]
        posed, target = self._posed[row], self._plate.posed[row]
        unit = posed.head.scale
        region = _region(np.concatenate([posed.plate, target.plate]) - origin, unit, *plate.shape[:2])
        if region is None:
            return None
        rows, columns = region
        corner = np.array([columns.start, rows.start])
        under, before = np.ascontiguousarray(plate[region]), np.ascontiguousarray(hidden[region])
        new, given = posed.plate - origin - corner, target.plate - origin - corner
        surface = rasterise(new, posed.distance(FAR), triangles(), *before.shape)
        covered = surface.coverage[..., None]
        filmed, lit = (surface.spread(light) for light in self._texture.mixed(row, surface))
        eyes = whites_mask(new, *before.shape, self._plate.openings.lids[row])[..., None]
        lit = lit * np.exp(eyes * self._eye_gain.astype(np.float32))
        bent = carry(under, bend(new, given, camera_normals(target)[:, 2], surface.coverage, before, unit))
        aligned = np.where(covered, surface.spread(sample(under, surface.blend(given))), bent)
        face = lit_as(np.where(covered, lit, bent), aligned, _plain(surface, before), unit, relight)
        inside = interior_mask(new, *before.shape, unit)[..., None]
        face = face + inside * (aligned - face)
        matte = feathered(surface, posed)
        return Rendering(
            corner=(int(corner[0]), int(corner[1])),
            raw=np.where(covered, filmed, under),
            swap=bent + matte[..., None] * (np.where(covered, face, bent) - bent),
            face=matte,
            reach=reach_of(surface.coverage, unit),
        )


def runs_of(faces: tuple[Face, ...]) -> list[slice]:
    """Where ``faces``, in the order of their frames, follow each other without a gap or a cut."""
    starts = [
        index
        for index, face in enumerate(faces)
        if not index or face.frame != faces[index - 1].frame + 1 or face.track != faces[index - 1].track
    ]
    return [slice(*ends) for ends in zip(starts, [*starts[1:], len(faces)], strict=True)]


def _region(points: NDArray[np.float64], unit: float, height: int, width: int) -> tuple[slice, slice] | None:
    """Rows and columns around ``points`` (N, 2) within which the plate is bent; None where there are none."""
    margin = 2.5 * REACH * unit + 2
    low = np.maximum(np.floor(points.min(0) - margin).astype(int), 0)
    high = np.minimum(np.ceil(points.max(0) + margin).astype(int), (width, height))
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _plain(surface: Surface, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) 0..1 where the new face has plain skin and the plate shows it."""
    shown = surface.spread(surface.blend(skin()[:, None].astype(np.float32)))[..., 0]
    return np.asarray(shown * (1 - cv2.dilate(hidden, np.ones((3, 3), np.uint8))))
