"""The new face on the frames of a shot, from the source's footage: prepared once for the shot, then frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import Posed, triangles
from understudy.face.raster import Surface, rasterise, unit
from understudy.rendering.broad_light import lit_as
from understudy.rendering.carrier import bend, carry, reach_of
from understudy.rendering.footage import FAR, Footage, Views, camera_normals, direction_of
from understudy.rendering.light import Lighting, measure_lighting, tone
from understudy.rendering.mouth import interior
from understudy.rendering.pixels import reduced, sample
from understudy.rendering.references import References, choose_references, log_weights, seen
from understudy.rendering.regions import REGIONS, memberships, skin
from understudy.rendering.retarget import retarget

FEATHER, LEAST_FEATHER = 0.09, 0.0225
"""Mean-face units over which the new face fades into the bent plate: on skin that faces the camera, and at silhouettes."""

MOST_GAIN = 1.5
"""Most change of log light."""

_SILHOUETTE = (0.12, 0.42)  # cosines between which the feather grows
_TEMPERATURE = 0.4
_FAINT = 0.02


@dataclass(frozen=True, eq=False)
class Rendering:
    """A new face over a rectangle of the plate's array, whose first pixel is ``corner``."""

    corner: tuple[int, int]  # x, y
    raw: NDArray[np.float32]  # (h, w, 3) scene-linear: as the source's own footage shows it
    face: NDArray[np.float32]  # (h, w, 3) in the plate's light, over the bent plate
    matte: NDArray[np.float32]  # (h, w) 0..1 where anything is to be changed
    covered: NDArray[np.float32]  # (h, w) 0..1 where the new face is, without the bent plate
    confidence: float


class ShotRenderer:
    """One person's new face on all frames of a shot."""

    def __init__(self, source: Footage, plate: Footage) -> None:
        """Both in the same linear space. What is measured here rests on the whole shot, whatever is rendered."""
        self._source, self._plate = source, plate
        plain = source.views()
        self.views = plain.joined(plain.mirror(np.arange(len(plain)), source.sizes))
        self._posed, self.openings = retarget(source, plate)
        self._shown = _as_views(self._posed, plate, source, self.openings)
        self.references: References = choose_references(self.views, self._shown)
        own, target = measure_lighting(source, plain), measure_lighting(plate, plate.views())
        self._gains = _Gains(own, target)
        self._row = {face.frame: row for row, face in enumerate(plate.faces)}
        self._gain = np.zeros(3)
        self._gain = self._shot_gain()

    def render(
        self, frame: int, plate: NDArray[np.float32], hidden: NDArray[np.float32] | None = None, amount: float = 1.0
    ) -> Rendering | None:
        """The new face on ``frame``, whose pixels are ``plate`` (H, W, 3); None where it lies outside.

        ``hidden`` (H, W) 0..1 is what stands before the face; ``amount`` 0..1 how much of the plate's broad light is taken.
        """
        row = self._row[frame]
        posed, target = self._posed[row], self._plate.posed[row]
        head = posed.head
        scale = head.scale
        height, width = plate.shape[:2]
        margin = int(np.ceil(0.35 * scale))
        both = np.concatenate([posed.plate, target.plate])
        low = np.maximum(np.floor(both.min(0)).astype(int) - margin, 0)
        high = np.minimum(np.ceil(both.max(0)).astype(int) + margin, (width, height))
        if (high <= low).any():
            return None
        rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
        under = np.ascontiguousarray(plate[rows, columns])
        before = np.zeros(under.shape[:2], np.float32) if hidden is None else hidden[rows, columns]
        surface = _surface(posed, low, before.shape)
        covered = surface.coverage
        raw, lit = self._textured(row, surface)
        lit = lit * np.exp(self._gain).astype(np.float32)
        facing = camera_normals(target)[:, 2]
        field = bend(posed.plate - low, target.plate - low, facing, covered, before, scale)
        carried = carry(under, field)
        aligned = np.where(covered[..., None], surface.spread(sample(under, surface.blend(target.plate - low))), carried)
        face = np.where(covered[..., None], surface.spread(lit), carried)
        plain = surface.spread(surface.blend(skin()[:, None].astype(float)))[..., 0] * (
            1 - cv2.dilate(before, np.ones((3, 3), np.uint8))
        )
        face = np.where(covered[..., None], lit_as(face, aligned, plain, scale, amount), carried)
        face = interior(face, aligned, posed.plate - low, surface)
        matte = _feather(surface, posed, scale)
        return Rendering(
            corner=(int(low[0]), int(low[1])),
            raw=np.where(covered[..., None], surface.spread(raw), under),
            face=carried + matte[..., None] * (face - carried),
            matte=reach_of(covered, scale),
            covered=matte,
            confidence=1.0,
        )

    def _textured(self, row: int, surface: Surface) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(P, 3) light as the references have it, and in the plate's low-order light."""
        acc = np.zeros((len(surface.pixels), 6), np.float32)
        total = np.full((len(surface.pixels), 1), 1e-9, np.float32)
        quality = seen(self.views)
        for column, name in enumerate(REGIONS):
            chosen = self.references.chosen[name]
            used = np.flatnonzero(chosen.shares[row] > 0)
            views, shares = chosen.views[used], chosen.shares[row, used]
            logs = log_weights(self.views, self._shown, row, views) / _TEMPERATURE
            logs = logs + np.log(quality[views] + 1e-5) + np.log(shares)[:, None]
            weights = np.exp(logs - logs.max(0)) * (quality[views] + 1e-4)
            weights = weights / weights.sum(0) * memberships()[:, column] * (quality[views] + _FAINT)
            for view, weight in zip(views, weights, strict=True):
                light = self._seen_by(int(view), surface)
                gain = np.exp(surface.blend(self._gains.of(self.views, int(view), row)))
                share = surface.blend(weight[:, None])
                acc += np.hstack([light, light * gain]) * share
                total += share
        mixed = acc / total
        return mixed[:, :3], mixed[:, 3:]

    def _seen_by(self, view: int, surface: Surface) -> NDArray[np.float32]:
        """(P, 3) light of one of the source's views at the points of the new face."""
        picture = self._source.picture(int(self.views.picture[view]))
        if self.views.is_mirrored[view]:
            picture = picture[:, ::-1]
        places = surface.blend(self.views.crop[view])
        return sample(picture, places)

    def _shot_gain(self) -> NDArray[np.float64]:
        """(3,) log gain by which the new face's skin becomes on the whole as bright as the plate's."""
        differences = []
        for row in range(len(self._posed)):
            index = self._plate.faces[row]
            picture = self._plate.picture(row)
            places = self._shown_in_crop(row)
            surface = rasterise(places, self._posed[row].distance(FAR), triangles(), *picture.shape[:2])
            plain = surface.blend(skin()[:, None].astype(float))[:, 0] > 0.9
            _, lit = self._textured(row, surface)
            there = picture.reshape(-1, 3)[surface.pixels]
            differences.append(np.median(np.log(np.maximum(there[plain], 1e-3)), 0) - np.median(np.log(np.maximum(lit[plain], 1e-3)), 0))
            del index
        return np.median(differences, axis=0)

    def _shown_in_crop(self, row: int) -> NDArray[np.float64]:
        from understudy.face.geometry import apply

        return apply(self._plate.faces[row].matrix, self._posed[row].plate)


class _Gains:
    """What takes a view of the source from its own light to the plate's."""

    def __init__(self, source: Lighting, plate: Lighting) -> None:
        self._source, self._plate = source, plate
        self._tone = tone(source, plate)

    def of(self, views: Views, view: int, row: int) -> NDArray[np.float64]:
        """(468, 3) log gain of one of the ``views`` on one face of the plate."""
        from understudy.face.mesh import mirrored

        own = self._source.shading[int(views.picture[view])]
        if views.is_mirrored[view]:
            own = own[mirrored()]
        return np.clip(self._plate.shading[row] - own + self._tone, -MOST_GAIN, MOST_GAIN)


def _as_views(posed: list[Posed], plate: Footage, source: Footage, openings) -> Views:
    from understudy.rendering.footage import _visible

    return Views(
        picture=np.arange(len(posed)),
        is_mirrored=np.zeros(len(posed), np.bool_),
        crop=np.zeros((len(posed), 468, 2)),
        normals=np.array([camera_normals(one) for one in posed]),
        visible=np.array([_visible(face, one) for face, one in zip(plate.faces, posed, strict=True)]),
        direction=np.array([direction_of(one) for one in posed]),
        moved=np.array([one.points - source.mesh.rest for one in posed]),
        openings=openings,
    )


def _surface(posed: Posed, low, shape) -> Surface:
    return rasterise(posed.plate - low, posed.distance(FAR), triangles(), *shape)


def _feather(surface: Surface, posed: Posed, scale: float) -> NDArray[np.float32]:
    """(h, w) 0..1: how much of the new face is laid over the bent plate."""
    covered = surface.coverage
    inside = cv2.copyMakeBorder(covered.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    facing = surface.spread(unit(surface.blend(camera_normals(posed))).astype(np.float32))[..., 2]
    share = covered.astype(np.float32)
    spread = 0.018 * scale
    facing = cv2.GaussianBlur(facing * share, (0, 0), spread) / np.maximum(cv2.GaussianBlur(share, (0, 0), spread), 1e-3)
    low, high = _SILHOUETTE
    width = scale * (LEAST_FEATHER + (FEATHER - LEAST_FEATHER) * np.clip((facing - low) / (high - low), 0, 1))
    return np.asarray(cv2.GaussianBlur(np.clip(depth / width, 0, 1).astype(np.float32), (0, 0), 0.6) * share)
