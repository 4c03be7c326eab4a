from __future__ import annotations

import torch
from understudy.matte.occlusion import departure, measure_usual, occlusion

SIZE = 64
HAND = (slice(None), slice(24, 40), slice(20, 34))


def shot(count: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """What a plate shows and what a blurred model makes of it, and the window of the face."""
    generator = torch.Generator().manual_seed(4)
    rebuilt = torch.zeros(count, 3, SIZE, SIZE)
    shown = 0.3 * torch.randn(count, 3, SIZE, SIZE, generator=generator)
    window = torch.zeros(count, 1, SIZE, SIZE)
    window[..., 8:56, 8:56] = 1
    return torch.stack([shown, rebuilt]), window


def found(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    departures = departure(pictures[0], pictures[1], window)
    return occlusion(departures, measure_usual(departures))


def test_a_hand_before_the_face_on_a_few_frames_is_found_where_it_is():
    pictures, window = shot()
    for frame in (5, 6, 7):
        pictures[0, frame][HAND] += 4.0
    hidden = found(pictures, window)
    assert float(hidden[5:8, :, 27:37, 23:31].min()) > 0.95
    beside = hidden[5:8].clone()
    beside[:, :, 14:50, 10:44] = 0
    assert float(beside.max()) < 0.05
    others = torch.cat([hidden[:5], hidden[8:]])
    assert float(others.max()) < 0.05


def test_a_model_that_is_wrong_everywhere_raises_no_alarm():
    pictures, window = shot()
    pictures[1] += 3.0
    assert float(found(pictures, window).max()) < 0.05


def test_what_stands_there_on_every_frame_belongs_to_the_face():
    pictures, window = shot()
    pictures[0][(slice(None), *HAND)] += 4.0
    assert float(found(pictures, window).max()) < 0.05


def test_surroundings_do_not_hide_a_face():
    pictures, window = shot()
    pictures[0, 3, :, :4] += 100.0
    assert float(found(pictures, window).max()) < 0.05
