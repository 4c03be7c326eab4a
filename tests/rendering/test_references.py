"""Which frames a face is made of: weights that sum to one, go smoothly, and prefer what is really there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from made_heads import Moment, Performer, footage, take
from understudy.rendering.footage import Footage, Views, views_of
from understudy.rendering.references import References, choose_references
from understudy.rendering.regions import REGIONS

WHO = Performer()
YAWS = (-36, -24, -12, 0, 12, 24, 36)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("references")


def filmed(folder, name: str, moments: list[Moment]) -> Footage:
    return footage(take(folder / name, WHO, moments, size=64), WHO)


def both(source: Footage) -> Views:
    views = source.views()
    return views.joined(views.in_mirror(source.widths))


def chosen(source: Footage, shot: Footage, runs: list[slice] | None = None, without: Sequence[int] = ()) -> References:
    seen = views_of(shot.posed, shot.faces, source.mesh.rest, shot.openings)
    views = both(source)
    return choose_references(views, seen, runs or [slice(0, len(seen))], ~np.isin(views.picture, without))


@pytest.fixture(scope="module")
def turning(folder) -> Footage:
    return filmed(folder, "turning", [Moment(yaw=yaw) for yaw in YAWS])


@pytest.fixture(scope="module")
def slow(folder) -> Footage:
    return filmed(folder, "slow", [Moment(yaw=float(yaw)) for yaw in np.linspace(-30, 30, 41)])


def test_what_the_references_give_sums_to_one_on_every_face(turning, slow):
    found = chosen(turning, slow)
    assert set(found.chosen) == set(REGIONS)
    for one in found.chosen.values():
        assert one.shares.shape == (41, len(one.views)) and (one.shares >= 0).all()
        np.testing.assert_allclose(one.shares.sum(1), 1, atol=1e-9)
        assert len(set(one.views.tolist())) == len(one.views)
    assert found.fit.shape == (41, 3) and np.isfinite(found.fit).all()


def test_weights_go_smoothly_while_the_head_turns_slowly(turning, slow):
    found = chosen(turning, slow)
    for name, one in found.chosen.items():
        assert np.abs(np.diff(one.shares, axis=0)).max() < 0.35, name
        leading = np.abs(np.diff(one.shares, axis=0)).sum(1)
        assert leading.sum() > 2, name  # for all that, they change over the shot


def test_a_jump_of_the_track_is_smoothed_within_a_run_and_not_across_a_cut(folder, turning):
    jump = filmed(folder, "jump", [Moment(yaw=yaw) for yaw in (-24, -24, -24, 24, 24, 24)])
    apart = chosen(turning, jump, [slice(0, 3), slice(3, 6)]).chosen["rest"]
    np.testing.assert_allclose(apart.shares[:3], apart.shares[[0, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(apart.shares[3:], apart.shares[[3, 3, 3]], atol=1e-9)
    together = chosen(turning, jump).chosen["rest"]
    assert np.abs(np.diff(together.shares, axis=0)).sum(1)[1] > 1e-3


def test_the_frame_itself_is_what_suits_it_best(folder):
    moments = [Moment(yaw=yaw, mouth=0.04 * (step % 3)) for step, yaw in enumerate(YAWS)]
    own = filmed(folder, "own", moments)
    found = chosen(own, own, [slice(row, row + 1) for row in range(len(moments))])
    for name, one in found.chosen.items():
        assert one.views[one.shares.argmax(1)].tolist() == list(range(len(moments))), name


def test_open_lips_and_shut_lids_are_looked_for_where_they_are(folder):
    source = filmed(folder, "many", [Moment(), Moment(lids=0.1), Moment(mouth=0.12), Moment(yaw=6)])
    shot = filmed(folder, "few", [Moment(yaw=2), Moment(yaw=2, lids=0.1), Moment(yaw=2, mouth=0.12), Moment(yaw=2)])
    found = chosen(source, shot, [slice(row, row + 1) for row in range(4)])
    eyes, mouth = found.chosen["eyes"], found.chosen["mouth"]
    assert eyes.views[eyes.shares[1].argmax()] == 1 and mouth.views[mouth.shares[2].argmax()] == 2


def mirrored_share(source: Footage, shot: Footage, region: str) -> float:
    one = chosen(source, shot).chosen[region]
    return float(one.shares[:, one.views >= len(source.faces)].sum(1).max())


def test_a_mirrored_view_is_taken_for_a_side_that_no_frame_shows(folder, turning):
    left = filmed(folder, "left", [Moment(yaw=yaw) for yaw in (-40, -34, -30)])
    assert mirrored_share(turning, left, "rest") < 0.02
    right = filmed(folder, "right", [Moment(yaw=yaw) for yaw in (24, 32, 38)])
    assert mirrored_share(right, left, "rest") > 0.5


def test_the_choice_is_the_same_every_time(turning, slow):
    one, two = chosen(turning, slow), chosen(turning, slow)
    for name in REGIONS:
        np.testing.assert_array_equal(one.chosen[name].views, two.chosen[name].views)
        np.testing.assert_array_equal(one.chosen[name].shares, two.chosen[name].shares)


def test_a_frame_that_is_forbidden_is_no_reference(turning, slow):
    without = [0, 3, 4]
    for one in chosen(turning, slow, without=without).chosen.values():
        assert not np.isin(one.views % len(YAWS), without).any()
        np.testing.assert_allclose(one.shares.sum(1), 1, atol=1e-9)
