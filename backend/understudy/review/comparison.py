"""The figures of one frame of a comparison, and of a shot or some of its frames together. No pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from understudy.review import identity, landmark_distance
from understudy.review.bands import BandErrors
from understudy.review.detail import DetailMeasures
from understudy.review.identity import FrameLikeness
from understudy.review.landmark_distance import LandmarkDistance
from understudy.review.metrics import PictureDifference, Steadiness, mean, pooled_mse, psnr
from understudy.review.poses import POSES, pose_of

_STRUCTURE = (
    "light",
    "features",
    "detail",
    "detail_correlation",
    "gradient_correlation",
    "sharpness_ratio",
)  # of the inside alone


@dataclass(frozen=True)
class FaceFigures:
    """What networks say of the faces on one frame."""

    asked: bool = False  # whether B has a landmarked face, seen from near enough the front
    distance: LandmarkDistance | None = None
    likeness: FrameLikeness | None = None


@dataclass(frozen=True)
class RegionFigures:
    """One region of one frame; ``bands`` and ``detail`` are of the inside of a matte alone."""

    measures: PictureDifference
    steadiness: Steadiness
    not_finite: int
    bands: BandErrors | None = None
    detail: DetailMeasures | None = None

    def told(self) -> dict[str, Any]:
        structure = {} if self.bands is None or self.detail is None else {**asdict(self.bands), **asdict(self.detail)}
        return {
            "not_finite": self.not_finite,
            **asdict(self.measures),
            "psnr": self.measures.psnr,
            **asdict(self.steadiness),
            "flicker": self.steadiness.flicker,
            **structure,
        }


@dataclass(frozen=True)
class FrameFigures:
    """One frame: its regions, the yaw of its face in degrees where that is known, and what networks say of it."""

    frame: int
    regions: dict[str, RegionFigures]
    yaw: float | None
    face: FaceFigures

    def told(self) -> dict[str, Any]:
        return {
            "frame": self.frame,
            **{name: region.told() for name, region in self.regions.items()},
            "yaw": self.yaw,
            "landmarks": None if self.face.distance is None else asdict(self.face.distance),
            "likeness": None if self.face.likeness is None else asdict(self.face.likeness),
        }


def summarise(frames: Sequence[FrameFigures], region: str) -> dict[str, Any]:
    """The figures of one region over ``frames``: pooled or means, as :func:`understudy.stages.qc.compare.run` tells them."""
    own = [frame.regions[region] for frame in frames]
    mse = pooled_mse([one.measures for one in own])
    change = Steadiness(
        mean(one.steadiness.change_a for one in own),
        mean(one.steadiness.change_b for one in own),
        mean(one.steadiness.residual for one in own),
    )
    told = [one.told() for one in own]
    return {
        "pixels": sum(one.measures.pixels for one in own),
        "not_finite": sum(one.not_finite for one in own),
        "mse": mse,
        "psnr_shot": None if mse is None else psnr(mse),
        "psnr_mean": mean(one.measures.psnr for one in own),
        "ssim": mean(one.measures.ssim for one in own),
        "de2000": mean(one.measures.de2000 for one in own),
        **asdict(change),
        "flicker": change.flicker,
        **{name: mean(one[name] for one in told) for name in _STRUCTURE if name in told[0]},
    }


def summarise_faces(frames: Sequence[FrameFigures]) -> dict[str, Any]:
    """``identity`` and ``landmarks`` over ``frames``; each is None where nothing was asked for, or found."""
    faces = [frame.face for frame in frames]
    return {
        "identity": identity.summary(face.likeness for face in faces),
        "landmarks": landmark_distance.mean_distance(
            (face.distance for face in faces), sum(face.asked for face in faces)
        ),
    }


def by_pose(frames: Sequence[FrameFigures], region: str) -> dict[str, Any] | None:
    """``frames`` told apart by the yaw of their face, each pose as the shot is told; None where no yaw is known."""
    groups = {
        pose: [frame for frame in frames if frame.yaw is not None and pose_of(frame.yaw) == pose] for pose in POSES
    }
    if not any(groups.values()):
        return None
    return {
        pose: {"frames": len(own), **summarise(own, region), **summarise_faces(own)}
        for pose, own in groups.items()
        if own
    }
