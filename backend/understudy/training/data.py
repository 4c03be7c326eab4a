"""The faces of both people, decoded once and resident where the network runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from understudy.errors import FacesetError
from understudy.faceset.aligned import AlignedFaces, load_aligned
from understudy.faceset.fingerprint import fingerprint
from understudy.faceset.store import Faceset
from understudy.model.encoding import encode
from understudy.model.presentation import Light, detail, gate, measure_light
from understudy.training.lookalikes import Shapes

HELD_OUT_EVERY = 16
"""One face in so many is never trained on; validation is measured on those."""


@dataclass(frozen=True)
class Side:
    """One person's faces. ``packed`` (N, 8, R, R) as in :mod:`understudy.training.augment`."""

    packed: torch.Tensor  # half floats on a GPU, float32 on a CPU, which computes in that
    held_out: torch.Tensor  # (M, 8, R, R) the same, for validation
    shapes: Shapes  # of the trained faces
    light: Light  # of the first plate: what previews are shown in
    crop: str
    colour_space: str
    origin: list[dict[str, Any]]  # what it was made from, for the model's card

    @property
    def count(self) -> int:
        return self.packed.shape[0]

    def mean_face(self) -> torch.Tensor:
        """(4, R, R) float32: mean colour under the mask in normalised code values, and the mean mask as logits."""
        colour, mask = self.packed[:, :3].float(), self.packed[:, 3:4].float()
        mean = (colour * mask).sum(0) / (mask.sum(0) + 0.5)
        return torch.cat([mean, torch.logit(mask.mean(0).clamp(0.02, 0.98))])


def load_side(folders: Sequence[Path], resolution: int, device: torch.device) -> Side:
    """Load the facesets of one person. Every plate among them is normalised by its own light.

    Raises :class:`FacesetError` when a set is missing, empty, or framed unlike the others.
    """
    packs: list[torch.Tensor] = []
    lights: list[Light] = []
    aligned: list[AlignedFaces] = []
    origin: list[dict[str, Any]] = []
    for folder in folders:
        faceset = Faceset.open(folder)
        faces = faceset.faces()
        for plate in sorted({face.plate for face in faces}):
            part = load_aligned(faceset, [face for face in faces if face.plate == plate], resolution)
            packed, light = pack(part, device)
            packs.append(packed)
            lights.append(light)
            aligned.append(part)
            origin.append(
                {
                    "faceset": str(folder),
                    "plate": plate,
                    "faces": len(part.faces),
                    "sha256": fingerprint(part.faces),
                    **part.faces[0].analysis,
                }
            )
    first = aligned[0].faces[0]
    for part, source in zip(aligned, origin, strict=True):
        other = part.faces[0]
        if (other.crop_kind, other.colour_space) != (first.crop_kind, first.colour_space):
            raise FacesetError(
                f"The faceset {source['faceset']} holds {other.crop_kind} crops in {other.colour_space}, "
                f"another of this side {first.crop_kind} crops in {first.colour_space}.",
                "Extract all footage with the same crop and OCIO configuration.",
            )
    packed = torch.cat(packs)
    landmarks = np.concatenate([part.landmarks for part in aligned]).astype(np.float64)
    angles = np.concatenate([part.angles for part in aligned])[:, :2].astype(np.float64)
    held = np.arange(len(packed)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return Side(
        packed=packed[torch.from_numpy(~held)],
        held_out=packed[torch.from_numpy(held if held.any() else ~held)],
        shapes=Shapes.measure(landmarks[~held], angles[~held]),
        light=lights[0],
        crop=first.crop_kind,
        colour_space=first.colour_space,
        origin=origin,
    )


def pack(part: AlignedFaces, device: torch.device) -> tuple[torch.Tensor, Light]:
    """Aligned faces of one plate -> (N, 8, R, R) packed for training on ``device``, and the plate's light."""
    codes = encode(torch.from_numpy(part.rgb).permute(0, 3, 1, 2).float())
    masks = torch.from_numpy(part.mask)[:, None].float()
    features = torch.from_numpy(part.features)[:, None].float()
    light = measure_light(codes, masks)
    normalised = light.normalise(codes)
    packed = torch.cat([normalised, masks, features, detail(normalised, gate(masks))], dim=1)
    return packed.to(device, torch.float32 if device.type == "cpu" else torch.float16), light
