from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from understudy.convert.animation import at_frame, check_keys
from understudy.errors import UsageError
from understudy.settings import ConvertSettings


def settings(**changes: object) -> ConvertSettings:
    return ConvertSettings(plate="p", model="m", out="o.####.exr", **changes)


def test_a_value_between_keys_is_what_its_interpolation_says_and_holds_beyond_them():
    looks = {
        "linear": settings(erode="1001:0,1011:10"),
        "constant": settings(erode={"keys": {"1001": 0, "1011": 10}, "interpolation": "constant"}),
        "smooth": settings(erode="1001:0 1005:7 1011:10 smooth"),
    }
    smooth = PchipInterpolator([1001, 1005, 1011], [0, 7, 10])
    for frame in range(1001, 1012):
        assert at_frame(looks["linear"], frame).erode == pytest.approx(frame - 1001)
        assert at_frame(looks["constant"], frame).erode == (10 if frame == 1011 else 0)
        assert at_frame(looks["smooth"], frame).erode == pytest.approx(float(smooth(frame)))
    assert at_frame(looks["linear"], 900).erode == 0 and at_frame(looks["linear"], 2000).erode == 10


def test_what_has_no_keys_is_left_as_it_is():
    plain = settings(erode=2.0)
    assert at_frame(plain, 1001) is plain
    keyed = settings(erode=2.0, opacity="1:0,3:1")
    assert at_frame(keyed, 2) == settings(erode=2.0, opacity=0.5)


def test_a_key_outside_the_plate_is_told_by_its_option_and_frame():
    frames = np.arange(1001, 1025).tolist()
    check_keys(settings(feather_in="1001:0,1024:3"), frames)
    with pytest.raises(UsageError, match=r"--feather-in has a key at frame 1025, but the plate runs from 1001 to 1024"):
        check_keys(settings(feather_in="1001:0,1025:3"), frames)
