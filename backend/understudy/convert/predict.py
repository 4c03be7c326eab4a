"""From aligned crops of the plate to the new face and its mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.model.log_curve import encode
from understudy.model.network import SwapNetwork
from understudy.model.normalisation import ColourStats, detail, gate
from understudy.model.paint_target import PaintTarget

SOURCE = PaintTarget()


@dataclass(frozen=True)
class Prediction:
    """One face, all (·, R, R) float32 on the CPU; colours are normalised code values."""

    shown: torch.Tensor  # (3, R, R) the plate's face
    swap: torch.Tensor  # (3, R, R) the new face
    source_mask: torch.Tensor  # (1, R, R) where the new face is, 0..1
    target_mask: torch.Tensor  # (1, R, R) where the rebuilt face of the plate is, 0..1
    window: torch.Tensor  # (1, R, R) what the encoder looked through


class Predictor:
    """A network on its device with the light of one plate: set once, then fed crops.

    The network always sees batches of exactly ``batch`` faces, filled up with the last one: kernels may round
    differently for other sizes, and a frame must not depend on its company.
    """

    def __init__(self, network: SwapNetwork, light: ColourStats, batch: int, likeness: PaintTarget = SOURCE) -> None:
        """Raises :class:`UsageError` where ``network`` cannot paint ``likeness``."""
        likeness.check(network)
        self._network, self._batch, self._likeness = network, batch, likeness
        self._device = next(network.parameters()).device
        self._light = light.to(self._device)

    @torch.inference_mode()
    def predict(
        self, crops: NDArray[np.floating[Any]], hulls: NDArray[np.floating[Any]], morphs: Sequence[float]
    ) -> list[Prediction]:
        """``crops`` (N, R, R, 3) scene-linear in the working space, ``hulls`` (N, R, R) masks from the landmarks.

        ``morphs`` (N) are how far each goes towards the new face: see :class:`PaintTarget`.
        """
        results: list[Prediction] = []
        for start in range(0, len(crops), self._batch):
            part = slice(start, start + self._batch)
            results += self._pass(crops[part], hulls[part], morphs[part])
        return results

    def _pass(
        self, crops: NDArray[np.floating[Any]], hulls: NDArray[np.floating[Any]], morphs: Sequence[float]
    ) -> list[Prediction]:
        count, fill = len(crops), self._batch - len(crops)
        linear = torch.from_numpy(np.concatenate([crops, np.repeat(crops[-1:], fill, 0)]).astype(np.float32))
        hull = torch.from_numpy(np.concatenate([hulls, np.repeat(hulls[-1:], fill, 0)]).astype(np.float32))
        shown = self._light.normalise(encode(linear.permute(0, 3, 1, 2).to(self._device)))
        window = gate(hull[:, None].to(self._device))
        code = self._network.encode(detail(shown, window))
        morph = torch.tensor([*morphs, *[morphs[-1]] * fill], dtype=code.dtype, device=code.device)[:, None]
        swap, swap_logits = self._likeness.paint(self._network, code, morph)
        _, rebuilt_logits = self._network.decode(code, "target")
        masks = torch.sigmoid(swap_logits), torch.sigmoid(rebuilt_logits)
        columns = [part[:count].float().cpu() for part in (shown, swap, *masks, window)]
        return [Prediction(*row) for row in zip(*columns, strict=True)]
