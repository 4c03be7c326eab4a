"""The faces of both people, decoded once and resident where the network runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.faceset.aligned import AlignedFaces, load_aligned
from understudy.faceset.fingerprint import fingerprint
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.model.log_curve import encode
from understudy.model.normalisation import ColourStats, detail, gate, measure_light
from understudy.training.data.device_faces import DeviceFaces, MemoryBudget
from understudy.training.data.lookalikes import Shapes
from understudy.training.data.random_draws import BatchRandom
from understudy.training.data.sampling import evenness

HELD_OUT_EVERY = 16
"""One face in so many is never trained on; validation is measured on those."""

HELD_OUT_MOST = 64
"""Enough to measure by, however many faces there are."""

LONGEST_RUN = 8
"""Faces in a row that are held out together: all but the outer ones then have no neighbour in time, which would be all
but the same face, among those that are trained on."""

AT_ONCE = 64
"""Faces that are made ready at the same time, in float32, of all that are loaded."""


@dataclass(frozen=True)
class Side:
    """One person's faces, packed as :mod:`understudy.training.data.augment` has them."""

    faces: DeviceFaces  # those that are trained on; half floats on a GPU, float32 on a CPU, which computes in that
    held_out: torch.Tensor  # (M, 8, R, R) for validation, in the host's memory
    shapes: Shapes  # of the trained faces
    lights: ColourStats  # of the trained faces: each its plate's, (N, 3) on the device
    light: ColourStats  # of the first plate: what previews are shown in
    crop: str
    colour_space: str
    origin: list[dict[str, Any]]  # what it was made from, for the model's card

    @property
    def count(self) -> int:
        return len(self.faces)

    def pick(self, random: BatchRandom, count: int, pose_balance: float = 0.0) -> torch.Tensor:
        """(count,) faces drawn at random, by number, on the CPU.

        ``pose_balance``: from 0, every face alike, to 1, every pose alike.
        """
        if pose_balance <= 0:
            return random.integers(self.count, count)
        return random.choose(1 + pose_balance * (self._evenness - 1), count)

    def gather(self, picks: torch.Tensor, there: torch.Tensor | None = None) -> torch.Tensor:
        """The trained faces at ``picks`` (n,), (n, 8, R, R) float32 on the device, as :meth:`Faces.gather`."""
        return self.faces.gather(picks, there)

    def lights_of(self, there: torch.Tensor) -> ColourStats:
        """The lights of the plates of the faces whose numbers ``there`` (n,) are on the device: mean and spread (n, 3)."""
        return ColourStats(self.lights.mean[there], self.lights.spread[there])

    def mean_face(self) -> torch.Tensor:
        """(4, R, R) float32: mean colour under the mask in normalised code values, and the mean mask as logits."""
        colour, cover = torch.zeros(1), torch.zeros(1)
        for numbers in torch.split(torch.arange(self.count), AT_ONCE):
            faces = self.gather(numbers)
            colour = colour.to(faces.device) + (faces[:, :3] * faces[:, 3:4]).sum(0)
            cover = cover.to(faces.device) + faces[:, 3:4].sum(0)
        return torch.cat([colour / (cover + 0.5), torch.logit((cover / self.count).clamp(0.02, 0.98))])

    @cached_property
    def _evenness(self) -> NDArray[np.float64]:
        return evenness(self.shapes.angles)


def load_side(folders: Sequence[Path], resolution: int, device: torch.device, room: MemoryBudget | None = None) -> Side:
    """Load the facesets of one person. Every plate among them is normalised by its own light.

    Faces that find no place in ``room``, which several sides may share, stay in the host's memory. Raises
    :class:`FacesetError` when a set is missing, empty, or framed unlike the others.
    """
    packs: list[torch.Tensor] = []
    lights: list[ColourStats] = []
    faces: list[Face] = []
    landmarks: list[NDArray[np.float32]] = []
    origin: list[dict[str, Any]] = []
    for folder in folders:
        faceset = Faceset.open(folder)
        known = faceset.faces()
        for plate in sorted({face.plate for face in known}):
            part = load_aligned(faceset, [face for face in known if face.plate == plate], resolution)
            packed, light = pack(part, torch.float32 if device.type == "cpu" else torch.float16)
            packs.append(packed)
            lights.append(light)
            faces.extend(part.faces)
            landmarks.append(part.landmarks)
            origin.append(
                {
                    "faceset": str(folder),
                    "plate": plate,
                    "faces": len(part.faces),
                    "sha256": fingerprint(part.faces),
                    **part.faces[0].analysis,
                }
            )
            if (faces[0].crop_kind, faces[0].colour_space) != (part.faces[0].crop_kind, part.faces[0].colour_space):
                raise FacesetError(
                    f"The faceset {folder} holds {part.faces[0].crop_kind} crops in {part.faces[0].colour_space}, "
                    f"another of this side {faces[0].crop_kind} crops in {faces[0].colour_space}.",
                    "Extract all footage with the same crop and OCIO configuration.",
                )
    held = hold_out([len(packed) for packed in packs])
    for source, out in zip(origin, held, strict=True):
        source["held_out"] = int(out.sum())
    parts = [(packed, torch.from_numpy(out)) for packed, out in zip(packs, held, strict=True)]
    trained = torch.cat([packed[~out] for packed, out in parts])
    held_out = torch.cat([packed[out] for packed, out in parts])
    kept = ~np.concatenate(held)
    plates = torch.repeat_interleave(torch.tensor([len(packed) for packed in packs]))[torch.from_numpy(kept)]
    angles = np.array([face.pose[:2] for face in faces])
    return Side(
        faces=DeviceFaces.place(trained, room or MemoryBudget(device)),
        held_out=held_out if len(held_out) else trained,
        shapes=Shapes.measure(np.concatenate(landmarks)[kept].astype(np.float64), angles[kept]),
        lights=ColourStats(
            torch.stack([light.mean for light in lights])[plates],
            torch.stack([light.spread for light in lights])[plates],
        ).to(device),
        light=lights[0],
        crop=faces[0].crop_kind,
        colour_space=faces[0].colour_space,
        origin=origin,
    )


def hold_out(counts: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Which faces are never trained on, for plates of so many faces, which are in order of time.

    One in :data:`HELD_OUT_EVERY`, up to :data:`HELD_OUT_MOST`, in runs that are spread evenly over each plate. At least
    one face in all, but never the only one.
    """
    total = sum(counts)
    most = min(max(total // HELD_OUT_EVERY, 1), HELD_OUT_MOST, total - 1)
    # Rounded from plate to plate, so that many short plates give their share together.
    shares = np.diff(np.round(np.cumsum([0, *counts]) * most / total).astype(int))
    held = [np.zeros(count, bool) for count in counts]
    for out, share in zip(held, shares, strict=True):
        runs = -(-share // LONGEST_RUN)
        for run in range(runs):
            length = share // runs + (run < share % runs)
            start = (2 * run + 1) * len(out) // (2 * runs) - length // 2
            out[start : start + length] = True
    return held


def pack(part: AlignedFaces, dtype: torch.dtype) -> tuple[torch.Tensor, ColourStats]:
    """Aligned faces of one plate -> (N, 8, R, R) of ``dtype``, packed for training, and the plate's light."""
    codes = encode(torch.from_numpy(part.rgb).permute(0, 3, 1, 2).float())
    light = measure_light(codes, torch.from_numpy(part.mask)[:, None].float())
    packed = torch.empty(len(codes), 8, *codes.shape[2:], dtype=dtype)
    for rows in torch.split(torch.arange(len(codes)), AT_ONCE):
        masks, features = (torch.from_numpy(values)[rows, None].float() for values in (part.mask, part.features))
        normalised = light.normalise(codes[rows])
        packed[rows] = torch.cat([normalised, masks, features, detail(normalised, gate(masks))], dim=1).to(dtype)
    return packed, light
