"""Hands before a face, against the true occluder of the sample."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import understudy
from understudy.face.hands import HandFinder, hand_mask, is_profile
from understudy.plate.colour import encode_srgb
from understudy.plate.reader import read_channel, read_frame
from understudy.plate.sequence import open_plate

SAMPLE = Path(understudy.__file__).parent / "sample"
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def test_no_hands_hide_nothing():
    assert hand_mask([], IDENTITY, 32).max() == 0


def test_a_finger_is_as_thick_as_the_knuckles_say():
    hand = np.full((21, 2), 100.0, np.float32)
    hand[[5, 9, 13, 17]] = [(40, 100), (60, 100), (80, 100), (100, 100)]  # knuckles 20 pixels apart
    hand[[1, 2, 3, 4]] = hand[0]
    hand[6:9] = [(40, 80), (40, 60), (40, 30)]  # one straight finger upwards
    for start in (9, 13, 17):
        hand[start : start + 4] = hand[start]
    mask = hand_mask([hand], IDENTITY, 128)
    assert mask[60].sum() == pytest.approx(2 * 0.42 * 20, abs=1.5)
    assert mask[60, 40] == 1 and mask[10].max() == 0


def test_the_hand_of_the_sample_is_where_the_render_says():
    plate = open_plate(str(SAMPLE / "plate.%04d.exr"))
    finder = HandFinder()
    for number, is_there in ((1001, False), (1011, True)):
        picture = np.rint(encode_srgb(read_frame(plate, number).rgb.astype(np.float32)) * 255).astype(np.uint8)
        mask = hand_mask(finder.find(picture), IDENTITY, 512)[:288]
        truth = read_channel(plate.path(number), "mask.occluder")
        if not is_there:
            assert mask.max() == 0
            continue
        head = np.s_[40:190, 170:340]  # above the wrist, which is not part of a hand
        overlap = np.minimum(mask, truth)[head].sum() / np.maximum(mask, truth)[head].sum()
        assert overlap > 0.6


OUTLINE = np.array([(40, 20), (90, 20), (100, 60), (80, 110), (45, 100)], np.float32)


def held_at(x: float, y: float) -> np.ndarray:
    """A hand 40 pixels high, its wrist at that place and its fingers upwards."""
    return np.stack([x + np.linspace(-8, 8, 21), y - np.linspace(0, 40, 21)], axis=1)


@pytest.mark.parametrize(
    ("hand", "yaw", "is_face"),
    [
        (held_at(70, 90), 80.0, True),
        (held_at(70, 90), -60.0, True),
        (held_at(70, 90), 10.0, False),  # a fist before the mouth
        (held_at(70, 130), 80.0, False),  # a hand held to the cheek, its wrist below the chin
        (held_at(70, 30), 80.0, False),  # one that reaches over the brow
    ],
)
def test_only_a_turned_face_is_taken_for_a_hand_and_then_lies_on_itself(hand, yaw, is_face):
    assert is_profile(hand, OUTLINE, yaw) == is_face


def test_what_others_say_while_a_hand_is_looked_for_is_heard_and_nothing_else(capfd):
    plate = open_plate(str(SAMPLE / "plate.%04d.exr"))
    picture = np.rint(encode_srgb(read_frame(plate, 1011).rgb.astype(np.float32)) * 255).astype(np.uint8)
    finders = [HandFinder() for _ in range(2)]
    capfd.readouterr()
    said = 0

    def look(finder):
        hands = []
        while len(hands) < 3 or said < 4:
            hands.append(finder.find(picture))
        return hands

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(look, finder) for finder in finders]
        while not all(one.done() for one in found):
            os.write(2, b"said\n")
            said += 1
            time.sleep(0.002)
    assert all(len(hands) == 1 for one in found for hands in one.result())
    assert capfd.readouterr().err == "said\n" * said
