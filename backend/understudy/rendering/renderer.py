"""The new face on the frames of a shot, from the source's footage: prepared once for the shot, then frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import Posed, triangles
from understudy.faceset.record import Face
from understudy.imaging.affine import apply
from understudy.imaging.raster import Surface, rasterise
from understudy.model.fusion import Fusion
from understudy.plate.defects import without_defects
from understudy.rendering.broad_light import lit_as
from understudy.rendering.carrier import REACH, bend, carry, reach_of
from understudy.rendering.eyes import eye_gain, whites_mask
from understudy.rendering.feather import feathered
from understudy.rendering.footage import FAR, Footage, camera_normals, views_of
from understudy.rendering.fusion import Candidates, Canvas, find_shares, fuse, strength_of
from understudy.rendering.light import Relight, measure_skin_light, steadied
from understudy.rendering.mouth import interior_mask
from understudy.rendering.pixels import sample
from understudy.rendering.references import choose_references
from understudy.rendering.regions import memberships, skin
from understudy.rendering.retarget import retarget
from understudy.rendering.texture import Sample, Texture, filmed, kept


@dataclass(frozen=True)
class Placement:
    """How the artist moves the new head in the picture."""

    scale: float = 1.0
    x: float = 0.0  # plate pixels to the right
    y: float = 0.0  # and down
    rotate: float = 0.0  # degrees clockwise

    def of(self, posed: Posed) -> Posed:
        """The head ``posed``, moved."""
        if self == Placement():
            return posed
        head, angle = posed.head, np.radians(self.rotate)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        moved = replace(
            head,
            scale=head.scale * self.scale,
            rotation=np.asarray(turn @ np.asarray(head.rotation, np.float64), np.float64),
            offset=np.add(head.offset, (self.x, self.y)),
        )
        return Posed(moved, posed.points)


@dataclass(frozen=True, eq=False)
class PlacedHead:
    """The new head over a rectangle of the plate's array."""

    row: int  # of the plate's faces
    rows: slice  # of the array
    columns: slice
    corner: tuple[int, int]  # the plate's pixel, x y, at the rectangle's first
    posed: Posed
    surface: Surface
    new: NDArray[np.float64]  # (468, 2) its vertices in x y pixels of the rectangle
    given: NDArray[np.float64]  # (468, 2) those of the head in the plate
    samples: list[Sample]  # what the references show on it
    matte: NDArray[np.float32]  # (h, w) 0..1 how much of the new face is laid over what is around it
    reach: NDArray[np.float32]  # (h, w) 0..1 where the new face is, or the plate is bent around it
    shown: NDArray[np.float32]  # (h, w) 0..1 what the references show; the rest is left to the plate's own pixels
    interior: NDArray[np.float32]  # (h, w) 0..1 what lies between the lips, which is the plate's
    confidence: NDArray[np.float32]  # (h, w) 0..1 how well the references suit what they are to show

    @property
    def new_share(self) -> NDArray[np.float32]:
        """(h, w) 0..1 how much of each pixel is the source's, and not the plate's own."""
        return self.matte * self.shown * (1 - self.interior)

    @property
    def unit(self) -> float:
        """Pixels per mean-face unit."""
        return self.posed.head.scale


@dataclass(frozen=True, eq=False)
class _Layers:
    """What a face is made of, over its rectangle; scene-linear (h, w, 3)."""

    head: PlacedHead
    bent: NDArray[np.float32]  # the plate, bent around the new face
    aligned: NDArray[np.float32]  # the plate on the new face's shape
    lit: NDArray[np.float32]  # the references in the plate's light, as the mesh tells it
    broad: NDArray[np.float32]  # the same with the plate's own broad light
    plain: NDArray[np.float32]  # (h, w) 0..1 plain skin

    def laid(self, face: NDArray[np.float32]) -> NDArray[np.float32]:
        """``face`` on the bent plate; where no reference shows it, and between the lips, the plate's own pixels."""
        head, covered = self.head, self.head.surface.coverage[..., None]
        unshown = (1 - head.shown * (1 - head.interior))[..., None]
        face = np.where(covered, face + unshown * (self.aligned - face), self.bent)
        return self.bent + head.matte[..., None] * (face - self.bent)

    def candidates(self, plate: NDArray[np.float32], hidden: NDArray[np.float32]) -> Candidates:
        """What the fusion network sees, beside the ``plate`` and what is ``hidden`` of it."""
        head = self.head
        normals = head.surface.spread(head.surface.blend(camera_normals(head.posed)).astype(np.float32))
        maps = [head.matte, head.new_share, head.reach, hidden, head.confidence, head.interior, self.plain]
        rendered, mesh, carrier = (self.laid(face) for face in (self.broad, self.lit, self.aligned))
        return Candidates(rendered, mesh, carrier, plate, np.dstack([*maps, normals]).astype(np.float32))


class ShotRenderer:
    """One person's new face on all frames of a shot: what is measured here rests on the whole shot, whatever is rendered."""

    def __init__(
        self, source: Footage, plate: Footage, allowed: NDArray[np.bool_] | None = None,
        hidden: NDArray[np.bool_] | None = None, fusion: Fusion | None = None,
    ) -> None:  # fmt: skip
        """Both in the same linear space. Only faces of the source that are ``allowed`` (N,) become references; else all.

        Those of the plate that are ``hidden`` (T,) by somebody else say nothing of its light. Where there is a
        network for ``fusion``, it betters the light on what is rendered.
        """
        self.source, self.plate, self._fusion = source, plate, fusion
        self._posed = retarget(source, plate)
        self._row = {face.frame: row for row, face in enumerate(plate.faces)}
        own_views, target, runs = source.views(), plate.views(), runs_of(plate.faces)
        views = own_views.joined(own_views.in_mirror(source.widths))
        shot = views_of(self._posed, plate.faces, source.mesh.rest, plate.openings)
        usable = np.ones(len(source.faces), np.bool_) if allowed is None else allowed
        self.references = choose_references(views, shot, runs, usable[views.picture])
        self._picture = views.picture
        own, light = measure_skin_light(source, own_views), measure_skin_light(plate, target)
        if hidden is not None and hidden.any():
            light = replace(light, weights=light.weights * ~hidden[:, None])
        self._texture = Texture(source, views, shot, self.references, own, steadied(light, runs))
        self.hardness = light.hardness()
        self._eye_gain = eye_gain(source, own, plate, light)

    def reference_frames(self) -> dict[str, list[int]]:
        """By region: the frames of the source that the new face is made of, in ascending order."""
        return {
            region: sorted({self.source.faces[int(self._picture[view])].frame for view in chosen.views})
            for region, chosen in self.references.chosen.items()
        }

    def place(
        self, frame: int, origin: tuple[int, int], height: int, width: int, placement: Placement
    ) -> PlacedHead | None:
        """The new head on ``frame``; None where it lies outside the plate's array.

        The array is ``height`` x ``width``, and its first pixel is the plate's ``origin``.
        """
        row = self._row[frame]
        posed, target = placement.of(self._posed[row]), self.plate.posed[row]
        unit = posed.head.scale
        region = _region(np.concatenate([posed.plate, target.plate]) - np.array(origin), unit, height, width)
        if region is None:
            return None
        rows, columns = region
        corner = origin[0] + columns.start, origin[1] + rows.start
        new, given = posed.plate - corner, target.plate - corner
        surface = rasterise(new, posed.distance(FAR), triangles(), rows.stop - rows.start, columns.stop - columns.start)
        samples = self._texture.samples(row, surface)
        shown = surface.blend(self._texture.shown(row)[:, None])[:, 0] * kept(samples)
        return PlacedHead(
            row, rows, columns, corner, posed, surface, new, given, samples,
            matte=feathered(surface, posed),
            reach=reach_of(surface.coverage, unit),
            shown=surface.spread(shown[:, None])[..., 0],
            interior=interior_mask(new, rows.stop - rows.start, columns.stop - columns.start, unit),
            confidence=self._confidence(row, surface, shown),
        )  # fmt: skip

    def raw(self, head: PlacedHead, plate: NDArray[np.float32], hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, 3) the new face as its own footage shows it, on the bent plate; arguments as :meth:`render`."""
        bent = self._bent(head, without_defects(plate), hidden)
        face = np.where(head.surface.coverage[..., None], head.surface.spread(filmed(head.samples)), bent)
        return bent + head.matte[..., None] * (face - bent)

    def render(
        self, head: PlacedHead, plate: NDArray[np.float32], hidden: NDArray[np.float32], relight: Relight
    ) -> NDArray[np.float32]:
        """(h, w, 3) the new face in the plate's light, on the bent plate, over the rectangle of ``head``.

        There ``plate`` (h, w, 3) is what the camera saw, and ``hidden`` (h, w) 0..1 what stands before the face. Light is
        scene-linear, in the space of the facesets.
        """
        plate = without_defects(plate)
        layers = self._layers(head, plate, hidden, relight)
        strength = strength_of(relight, self.hardness)
        if self._fusion is None or not strength:
            return layers.laid(layers.broad)
        candidates = layers.candidates(plate, hidden)
        usual = Relight(reach=relight.reach)  # the network knows no other light
        seen = candidates if relight == usual else self._layers(head, plate, hidden, usual).candidates(plate, hidden)
        shares = find_shares(self._fusion, Canvas(head.posed, head.corner), seen)
        return fuse(shares, candidates, head.unit, strength)

    def candidates(self, head: PlacedHead, plate: NDArray[np.float32], hidden: NDArray[np.float32]) -> Candidates:
        """What the fusion network sees; arguments as :meth:`render`."""
        plate = without_defects(plate)
        return self._layers(head, plate, hidden, Relight()).candidates(plate, hidden)

    def _layers(
        self, head: PlacedHead, plate: NDArray[np.float32], hidden: NDArray[np.float32], relight: Relight
    ) -> _Layers:
        surface, row = head.surface, head.row
        height, width = hidden.shape
        covered = surface.coverage[..., None]
        bent = self._bent(head, plate, hidden)
        aligned = np.where(covered, surface.spread(sample(plate, surface.blend(head.given))), bent)
        lit = surface.spread(self._texture.lit(head.samples, row, surface, relight))
        whites = whites_mask(head.new, height, width, self.plate.openings.lids[row])[..., None]
        lit = np.where(covered, lit * np.exp(whites * (relight.strength * self._eye_gain).astype(np.float32)), bent)
        plain = _plain(surface, hidden)
        broad = lit_as(lit, aligned, head.shown * plain, head.unit, relight, self.hardness)
        return _Layers(head, bent, aligned, lit, broad, plain)

    def in_crop(self, row: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The new face (S, S, 3) in the stored crop of one of the plate's faces, in the plate's light, and where it is."""
        face, posed = self.plate.faces[row], self._posed[row]
        size = face.crop_size
        surface = rasterise(apply(face.matrix, posed.plate), posed.distance(FAR), triangles(), size, size)
        lit = self._texture.lit(self._texture.samples(row, surface), row, surface, Relight())
        inside = cv2.erode(surface.coverage.astype(np.uint8), np.ones((5, 5), np.uint8))
        return surface.spread(lit), inside.astype(np.float32)

    def _bent(self, head: PlacedHead, plate: NDArray[np.float32], hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, 3) the plate bent from the outline of the head in it to that of the new one."""
        facing = camera_normals(self.plate.posed[head.row])[:, 2]
        return carry(plate, bend(head.new, head.given, facing, head.surface.coverage, hidden, head.unit))

    def _confidence(self, row: int, surface: Surface, shown: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w) of the face in the plate, times how well the references of each region suit and show it."""
        fit = surface.blend((memberships() @ np.exp(self.references.fit[row] / _POOR_FIT))[:, None])
        return np.float32(self.plate.faces[row].confidence) * surface.spread(fit * shown[:, None])[..., 0]


_POOR_FIT = 20.0
"""Mean log weight of a reference, below 0, at which confidence falls to 1 / e."""


def runs_of(faces: tuple[Face, ...]) -> list[slice]:
    """Where ``faces``, in the order of their frames, follow each other without a gap or a cut."""
    starts = [
        index
        for index, face in enumerate(faces)
        if not index or face.frame != faces[index - 1].frame + 1 or face.track != faces[index - 1].track
    ]
    return [slice(*ends) for ends in zip(starts, [*starts[1:], len(faces)], strict=True)]


def _region(points: NDArray[Any], unit: float, height: int, width: int) -> tuple[slice, slice] | None:
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
