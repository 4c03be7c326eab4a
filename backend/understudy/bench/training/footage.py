"""Two people's facesets for measurements of training, cut from a sample, and trainers on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from understudy.bench.training.peer_loop import Crop
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply
from understudy.model.families import build
from understudy.model.network import SIDES, Architecture, SwapNetwork
from understudy.plate.colour import ColourManager
from understudy.plate.sheet import write_png
from understudy.settings import ExtractSettings
from understudy.stages import extract
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.dataset import Side, load_side
from understudy.training.presets import Recipe
from understudy.training.run.objective import Weights
from understudy.training.run.precision import Precision
from understudy.training.run.trainer import Trainer

FRAMES = "1001-1016"
"""Enough of the footage: what a step costs does not depend on how many faces there are to choose from."""

LEARNING_RATE = 1e-4


def cut_footage(sample: Path, folder: Path, device: torch.device, events: Events) -> BenchFootage:
    """The faces of ``source_B`` and ``target_A`` of ``sample``, extracted into ``folder``."""
    facesets: dict[str, Path] = {}
    for side, name in zip(SIDES, ("source_B", "target_A"), strict=True):
        plate = (sample / f"{name}.%04d.exr").as_posix()
        facesets[side] = folder / name
        extract.run(ExtractSettings(plate=plate, frames=FRAMES, out=facesets[side]), events.within(name))
    return BenchFootage(facesets, folder, device)


class BenchFootage:
    """A faceset of each side, to be trained on ``device``; ``folder`` is for files that a measurement needs."""

    def __init__(self, facesets: Mapping[str, Path], folder: Path, device: torch.device) -> None:
        self.facesets, self.folder, self.device = facesets, folder, device
        self.sides = lru_cache(maxsize=1)(self._load)

    def _load(self, resolution: int) -> dict[str, Side]:
        """Both sides on the device, at ``resolution`` pixels."""
        return {side: load_side([faceset], resolution, self.device) for side, faceset in self.facesets.items()}

    def network(self, architecture: Architecture) -> SwapNetwork:
        """A fresh network that begins at both people's mean faces."""
        sides = self.sides(architecture.resolution)
        network = build(architecture)
        torch.manual_seed(0)
        network.start({side: sides[side].mean_face().cpu() for side in SIDES})
        return network

    def trainer(
        self, architecture: Architecture, batch: int, weights: Weights | None = None, precision: Precision | None = None
    ) -> Trainer:
        """A trainer of a fresh network; ``weights`` and ``precision`` are the usual ones when left out."""
        recipe = Recipe(batch, LEARNING_RATE, weights or Weights(), AugmentConfig())
        sides = self.sides(architecture.resolution)
        return Trainer(self.network(architecture), sides, recipe, device=self.device, precision=precision)

    def crops(self) -> dict[str, list[Crop]]:
        """The same faces as 8-bit PNG files at the size at which they were extracted, with their landmarks in them."""
        colour = ColourManager.discover()
        crops: dict[str, list[Crop]] = {}
        for side, folder in self.facesets.items():
            faceset = Faceset.open(folder)
            crops[side] = []
            for face in faceset.faces():
                path = self.folder / f"{side}.{face.frame}.png"
                shown = colour.to_display(faceset.read(face)[..., :3])
                write_png(path, np.round(shown * 255).astype(np.uint8))
                crops[side].append(Crop(str(path), apply(face.matrix, face.landmarks)))
        return crops
