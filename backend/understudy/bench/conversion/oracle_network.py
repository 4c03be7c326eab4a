"""A network that knows a shot by heart: what conversion makes of a perfect prediction is its own doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from understudy.convert.aligner import Aligner
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind
from understudy.faceset.record import Face
from understudy.imaging.resample import warp
from understudy.model.card import ModelCard
from understudy.model.log_curve import encode
from understudy.model.network import SwapNetwork
from understudy.model.normalisation import ColourStats, detail, gate
from understudy.model.quick import small
from understudy.plate.reader import read_channel, read_frame
from understudy.plate.sequence import Plate

_GLANCE = 32  # side in pixels at which moments are told apart
_SURE = 1e-4  # a mask is held this far from 0 and 1, which no logit reaches


@dataclass(frozen=True, eq=False)
class KnownFace:
    """A face as it is shown and as it is to be painted, R x R."""

    shown: NDArray[np.float32]  # (R, R, 3) scene-linear working space
    hull: NDArray[np.float32]  # (R, R) what of it is shown
    painted: NDArray[np.float32]  # (R, R, 3) scene-linear working space
    mask: NDArray[np.float32]  # (R, R) 0..1


class RoteNetwork(SwapNetwork):
    """Paints, of the moments it knows, the one that looks most like what it is shown: as anybody."""

    def __init__(self, moments: Sequence[KnownFace]) -> None:
        super().__init__(small(moments[0].shown.shape[0]))
        shown, painted = (
            encode(torch.from_numpy(np.stack(pictures))).permute(0, 3, 1, 2).contiguous()
            for pictures in ([one.shown for one in moments], [one.painted for one in moments])
        )
        window = gate(torch.from_numpy(np.stack([one.hull for one in moments]))[:, None])
        masks = torch.from_numpy(np.stack([one.mask for one in moments]))[:, None].clamp(_SURE, 1 - _SURE)
        self._known, self._painted, self._masks = (
            nn.Parameter(tensor, requires_grad=False)
            for tensor in (_glance(detail(shown, window)), painted, torch.logit(masks))
        )

    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:  # noqa: ARG002 - it does not learn
        """How much each moment looks like ``shown``: a cosine, which does not ask how bright the light is."""
        return _glance(shown) @ self._known.T

    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ARG002 - any
        moment = code.argmax(1)
        return self._painted[moment], self._masks[moment]

    def start(self, means: Mapping[str, torch.Tensor]) -> None:
        """It has nothing to learn."""

    def introduce(self, means: Mapping[str, torch.Tensor]) -> None:
        """Nor has it here."""


def know_by_heart(
    shot: Shot, truth: Plate, faces: Mapping[int, Face], kind: CropKind, size: int
) -> tuple[RoteNetwork, ModelCard]:
    """The network that paints each of the shot's ``faces`` as the ``truth`` shows it, mask and all; and its card.

    ``faces`` are by the frames of ``truth``, which is in the plate's colour space and has the channel ``mask.face``.
    """
    aligner = Aligner(shot, kind, size, "none")
    moments = []
    for frame, face in faces.items():
        aligned = aligner.align(read_frame(shot.plate, face.frame), face)
        true = shot.working(warp(read_frame(truth, frame).rgb, aligned.matrix, size))
        mask = warp(read_channel(truth.path(frame), "mask.face")[..., None], aligned.matrix, size)[..., 0]
        moments.append(KnownFace(aligned.crop, aligned.visible, true, np.clip(mask, 0, 1)))
    network = RoteNetwork(moments)
    return network.eval(), ModelCard(
        network.arch, kind, source_light=ColourStats(torch.zeros(3), torch.ones(3)).to_json()
    )


def _glance(pictures: torch.Tensor) -> torch.Tensor:
    """(N, 3, R, R) as (N, D) unit vectors."""
    return F.normalize(F.adaptive_avg_pool2d(pictures, _GLANCE).flatten(1), dim=1)
