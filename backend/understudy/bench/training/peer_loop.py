"""Training as DeepFaceLab and faceswap are built, to measure ours against: same network, same losses, their loop.

Worker processes make every sample anew: they read an 8-bit PNG crop from the disk and decode it, draw the masks from
the landmarks, and bend it with OpenCV at the crop's full size before it is brought down to the network's. Batches are
collected in float32, and copied to the device when a step wants them. The step passes each side through the network
for itself, in float32 with the memory laid out as it comes (on CUDA convolutions may use TensorFloat-32, as torch has
it), without compilation and without a fused optimiser, and reads the loss on the host every time.

Where the peers differ from each other it does what costs less: one pair of samples a request instead of queues of
pickled batches, workers that live as long as the loop and have one thread each, a shared memory to hand batches over.
It does nothing of what they leave out: no look-alikes, no averaged weights, no held gradients.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from understudy.face.hull import face_mask, feature_mask
from understudy.model.network import SIDES, SwapNetwork

WORKERS, PREFETCH = 4, 2
"""Most processes that make samples, and batches that each has ready."""

FLIP = 0.4
ROTATION, SCALE, SHIFT = 10.0, 0.15, 0.05
"""How often a face is mirrored, and how far it is turned (degrees), scaled and moved (parts of its side)."""

CELLS = (2, 4, 8)
BEND, BEND_LIMIT = 0.24, 2.5
"""Cells along a side of the random warp; how far its nodes move, in cells; and where the normal spread is cut off."""

Picture = NDArray[np.floating[Any] | np.integer[Any]]  # as OpenCV has it
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Crop:
    """A crop on disk: an 8-bit PNG and the (68, 2) landmarks in its pixels."""

    path: str
    landmarks: NDArray[np.floating[Any]]


class Samples(IterableDataset[dict[str, torch.Tensor]]):
    """Samples of both sides without end: by side, ``shown`` (3, R, R) and ``wanted`` (5, R, R) float32."""

    def __init__(self, crops: Mapping[str, Sequence[Crop]], resolution: int) -> None:
        self.crops, self.resolution = crops, resolution

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng(worker.id if worker else 0)
        while True:
            sample: dict[str, torch.Tensor] = {}
            for side in SIDES:
                crop = self.crops[side][rng.integers(len(self.crops[side]))]
                shown, wanted = make_sample(crop, self.resolution, rng)
                sample |= {f"{side} shown": torch.from_numpy(shown), f"{side} wanted": torch.from_numpy(wanted)}
            yield sample


def make_sample(
    crop: Crop, resolution: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read ``crop`` and vary it: what an encoder is shown (3, R, R), and colour, mask, eyes and mouth (5, R, R)."""
    pixels = cv2.cvtColor(cv2.imread(crop.path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    size = pixels.shape[0]
    colour = pixels.astype(np.float32) / 255 * 4 - 2  # near mean 0 and spread 1, as our losses have it
    here = np.eye(2, 3)
    masks = np.dstack([draw(crop.landmarks, here, size) for draw in (face_mask, feature_mask)])
    middle, scale = (size / 2, size / 2), rng.uniform(1 / (1 + SCALE), 1 + SCALE)
    placement = cv2.getRotationMatrix2D(middle, rng.uniform(-ROTATION, ROTATION), scale).astype(np.float64)
    placement[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * size
    mirrored = rng.random() < FLIP

    def place(layer: Picture, how: int) -> Picture:
        placed = cv2.warpAffine(layer, placement, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
        small = cv2.resize(placed, (resolution, resolution), interpolation=cv2.INTER_AREA)
        return small[:, ::-1] if mirrored else small

    warped = cv2.remap(colour, *random_warp(size, rng), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shown = place(warped, cv2.INTER_CUBIC)
    wanted = np.dstack([place(colour, cv2.INTER_CUBIC), place(masks, cv2.INTER_LINEAR)])
    return _planes(shown), _planes(wanted)


def _planes(layer: Picture) -> NDArray[np.float32]:
    """(R, R, C) -> (C, R, R)"""
    return np.ascontiguousarray(layer.transpose(2, 0, 1), np.float32)


def random_warp(size: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of a ``size`` px square is looked up, across and down: a lattice whose inner nodes are moved."""
    cells = int(rng.choice(CELLS))
    offsets = np.zeros((cells + 1, cells + 1, 2), np.float32)
    moved = np.clip(rng.standard_normal((cells - 1, cells - 1, 2)), -BEND_LIMIT, BEND_LIMIT) / BEND_LIMIT
    offsets[1:-1, 1:-1] = moved * BEND * size / cells
    # The lattice reaches from edge to edge; resizing is about centres, so half a cell is added around and cut off again.
    margin = size // cells // 2
    wide = cv2.resize(offsets, [size + 2 * margin] * 2, interpolation=cv2.INTER_CUBIC)
    bend = wide[margin : margin + size, margin : margin + size]
    column, row = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    return column + bend[..., 0], row + bend[..., 1]


class PeerLoop:
    """The peers' loop over ``crops``, whose workers live from the first step until :meth:`close`.

    ``loss`` is told colour, mask logits and what was wanted; ``waited`` are the seconds spent waiting for samples.
    """

    def __init__(
        self,
        network: SwapNetwork,
        loss: Loss,
        crops: Mapping[str, Sequence[Crop]],
        *,
        batch: int,
        learning_rate: float,
        device: torch.device,
    ) -> None:
        self.network, self.loss, self.device = network.to(device), loss, device
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate)
        self.waited = 0.0
        self._loader = DataLoader(
            Samples(crops, network.arch.resolution),
            batch_size=batch,
            num_workers=min(WORKERS, os.cpu_count() or 1),
            prefetch_factor=PREFETCH,
            pin_memory=device.type == "cuda",
            worker_init_fn=_start_worker,
            multiprocessing_context="spawn",
        )
        self._batches: Iterator[dict[str, torch.Tensor]] | None = None

    def step(self) -> float:
        """One step on a batch of both sides; returns its loss. The first one starts the workers."""
        if self._batches is None:
            self._batches = iter(self._loader)
        start = perf_counter()
        batch = next(self._batches)
        self.waited += perf_counter() - start
        return self.learn(batch)

    def learn(self, batch: Mapping[str, torch.Tensor]) -> float:
        """One step on samples as :class:`Samples` makes them."""
        tensors = {name: tensor.to(self.device) for name, tensor in batch.items()}
        total = torch.zeros((), device=self.device)
        for side in SIDES:
            painted = self.network.decode(self.network.encode(tensors[f"{side} shown"]), side)
            total = total + self.loss(*painted, tensors[f"{side} wanted"])
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return float(total.detach())

    def close(self) -> None:
        """End the workers, and wait for that."""
        self._batches = None

    def __enter__(self) -> PeerLoop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _start_worker(_worker: int) -> None:
    """One thread a worker; a Ctrl-C is the main process's to hear."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
