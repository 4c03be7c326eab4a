from __future__ import annotations

import cv2
import numpy as np
import pytest
from understudy.errors import UsageError
from understudy.tracks.cuts import CutFinder, CutRule, given_cuts, small_picture


def scene(seed: int, width: int = 1200) -> np.ndarray:
    """Something to look at: soft blobs, (240, width, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, width // 27, 3), np.uint8)
    return cv2.resize(coarse, (width, 240), interpolation=cv2.INTER_CUBIC)


def found(pictures: list[np.ndarray]) -> list[int]:
    finder = CutFinder()
    return [index for index, picture in enumerate(pictures) if finder.begins(small_picture(picture))]


def pan(seed: int, speed: int, count: int = 12) -> list[np.ndarray]:
    wide = scene(seed)
    return [wide[:, speed * index : speed * index + 320] for index in range(count)]


def test_a_cut_is_found_where_it_is_and_only_there() -> None:
    assert found(pan(1, 3) + pan(2, 3) + pan(3, 3)) == [12, 24]


def test_a_cut_on_the_second_frame_is_found_and_of_a_flash_its_beginning() -> None:
    assert found([*pan(1, 3, 1), *pan(2, 3, 5)]) == [1]
    flash = [np.full((240, 320, 3), 250, np.uint8)]
    assert found(pan(1, 3)[:6] + flash + pan(1, 3)[6:]) == [6]


def test_neither_grain_nor_a_slow_nor_a_whip_pan_is_a_cut() -> None:
    random = np.random.default_rng(4)
    still = [np.clip(scene(5, 320) + random.normal(0, 12, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(10)]
    assert found(still) == []
    assert found(pan(6, 8)) == []
    assert found(pan(7, 2, 6) + pan(7, 70)[1:]) == [6]  # where it begins there is nothing to tell the two apart


def test_a_fade_and_a_lit_lamp_are_no_cuts() -> None:
    bright = scene(8, 320).astype(float)
    assert found([(bright * max(0, 1 - index / 15)).astype(np.uint8) for index in range(18)]) == []
    assert found([(bright * (0.6 if index < 6 else 0.75)).astype(np.uint8) for index in range(12)]) == []


def test_black_to_picture_is_a_cut_and_flat_frames_are_none() -> None:
    black = [np.zeros((240, 320, 3), np.uint8)] * 4
    assert found(black) == []
    assert found(black + pan(9, 2, 4)) == [4]


def test_a_cut_between_views_of_one_person_is_one() -> None:
    person, wide = scene(10, 320), scene(11, 320)
    near = wide.copy()
    wide[90:150, 140:190] = person[90:150, 140:190]
    near[20:220, 60:260] = cv2.resize(person[90:150, 140:190], (200, 200))
    near[:, :60], near[:, 260:] = scene(12, 320)[:, :60], scene(12, 320)[:, 260:]
    assert found([wide] * 5 + [near] * 5) == [5]


def test_the_small_picture_does_not_depend_on_the_plates_size() -> None:
    large = scene(13, 1080)
    small = cv2.resize(large, (540, 120), interpolation=cv2.INTER_AREA)
    assert small_picture(large).shape == (24, 24)
    assert np.abs(small_picture(large).astype(int) - small_picture(small)).max() <= 2


def test_the_artist_has_the_last_word() -> None:
    frames = {1001: False, 1002: True, 1003: False}

    def begins(rule: CutRule) -> list[int]:
        return [frame for frame, looks in frames.items() if rule.applies(frame, looks)]

    assert begins(CutRule()) == [1002]
    assert begins(CutRule(given=frozenset({1003}))) == [1003]
    assert begins(CutRule(given=frozenset())) == []
    assert begins(CutRule(added=frozenset({1001}))) == [1001, 1002]
    assert begins(CutRule(removed=frozenset({1002}))) == []
    assert begins(CutRule(frozenset(), frozenset({1002}), frozenset({1002}))) == [1002]


def test_what_a_user_may_say() -> None:
    assert given_cuts("auto") is None
    assert given_cuts(" none ") == frozenset()
    assert given_cuts("1020,1055-1056") == {1020, 1055, 1056}
    with pytest.raises(UsageError, match="--cuts 'somewhere' is neither auto, none nor frames"):
        given_cuts("somewhere")
