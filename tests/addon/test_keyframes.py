"""Keys for the backend, read back as the backend reads them."""

import json
import math
import random

import pytest
from link.keyframes import keyed
from understudy.convert.animation import at_frame
from understudy.settings import ConversionOptions, PreviewSettings

FIRST = 1001


def read_back(value, count):
    """What the backend takes the offset to be, frame by frame, once it has gone through a job document."""
    options = ConversionOptions(face_x=json.loads(json.dumps(value)))
    return [at_frame(options, FIRST + number).face_x for number in range(count)]


def eased(number):
    return 100 * (3 * (number / 47) ** 2 - 2 * (number / 47) ** 3)


CURVES = {
    "linear": [2.5 * number - 30 for number in range(48)],
    "held, moved, held": [0.0] * 10 + [number / 20 for number in range(20)] + [1.0] * 18,
    "steps": [float(number // 12 % 2) for number in range(48)],
    "eased": [eased(number) for number in range(48)],
    "noise": [random.Random(4).uniform(-900, 900) for _ in range(48)],
    "a jump at the end": [0.0] * 47 + [5.0],
    "hardly any": [1e-5 * math.sin(number) for number in range(48)],
}


@pytest.mark.parametrize("name", CURVES)
def test_the_backend_reads_every_frames_value_to_single_precision(name):
    values = CURVES[name]
    largest = max(map(abs, values))
    assert read_back(keyed(FIRST, values), len(values)) == pytest.approx(values, rel=0, abs=2e-6 * largest)


def test_a_slow_bend_is_not_lost_by_adding_up_small_errors():
    values = [1 + 1e-9 * number**2 for number in range(4000)]
    assert read_back(keyed(FIRST, values), 4000) == pytest.approx(values, rel=2e-6)


@pytest.mark.parametrize(
    ("name", "frames"), [("linear", [0, 47]), ("held, moved, held", [9, 10, 29, 30]), ("a jump at the end", [46, 47])]
)
def test_keys_stand_where_they_are_needed_alone(name, frames):
    keys = keyed(FIRST, CURVES[name])
    assert set(keys["keys"]) <= {str(FIRST + frame) for frame in frames}
    assert keys["interpolation"] == "linear"


def test_single_precision_makes_no_keys_of_a_straight_line():
    noisy = [0.1 * number * (1 + 1e-7 * (-1) ** number) for number in range(1000)]
    assert list(keyed(FIRST, noisy)["keys"]) == [str(FIRST), str(FIRST + 999)]


def test_what_stands_still_is_a_number_as_it_was_written():
    assert keyed(FIRST, [0.05000000074505806] * 48) == 0.05
    assert keyed(FIRST, [0.0] * 48) == 0
    assert keyed(FIRST, [0.25]) == 0.25


def test_a_preview_reads_the_same_keys():
    value = keyed(FIRST, CURVES["eased"])
    settings = PreviewSettings(plate="p.####.exr", model="m", out="o", frame=FIRST + 20, face_x=value)
    assert at_frame(settings, settings.frame).face_x == pytest.approx(eased(20), rel=1e-6)
