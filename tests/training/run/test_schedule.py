from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from understudy.training.run.schedule import FLOOR, WARM_UP, Phase, Position, TrainingLimits, TrainingPlan, pair_factor

PHASES = (Phase("warped", 6), Phase("unwarped", 3, warp=0.0), Phase("adversarial", 1, warp=0.0, adversarial=1.0))


def follow(plan: TrainingPlan, steps: int, best_step: int = 0) -> list[tuple[int, str]]:
    """The steps at which phases end, and why."""
    position, ends = Position(), []
    for step in range(steps):
        position, why = plan.go_on(position, step, 0.0, best_step)
        if why:
            ends.append((step, why))
        if plan.over(position):
            break
    return ends


def test_a_phase_lasts_as_long_as_its_share():
    ends = follow(TrainingPlan(PHASES, TrainingLimits(1000, None, None)), 2000)
    assert [step for step, _ in ends] == [600, 900, 1000]
    assert "share" in ends[0][1] and "1000 iterations" in ends[2][1]


def test_whichever_limit_is_nearer_counts():
    plan = TrainingPlan(PHASES, TrainingLimits(1000, 10.0, None))
    assert plan.limits.used(100, 9.0) == pytest.approx(0.9) and plan.limits.used(950, 1.0) == pytest.approx(0.95)
    position, why = plan.go_on(Position(2, 0.9, 90), 99, 10.0, 0)
    assert plan.over(position) and why == "10 minutes are over"
    assert plan.go_on(Position(2, 0.9, 90), 999, 9.9, 0)[1] is None


def test_a_plateau_ends_a_phase_early_and_leaves_the_time_to_the_others():
    plan = TrainingPlan(PHASES, TrainingLimits(1000, None, 100))
    # Nothing becomes better after step 50, and each phase has its own hundred steps to show that it does.
    assert [step for step, _ in follow(plan, 2000, best_step=50)] == [150, 250, 350]
    after = Position(1, 0.4, 400)
    assert plan.go_on(after, 849, 0.0, 849) == (after, None)
    position, _ = plan.go_on(after, 850, 0.0, 849)
    assert position == Position(2, 0.85, 850), "three quarters of what was left"


def test_without_any_limit_only_a_plateau_ends():
    plan = TrainingPlan(PHASES[:2], TrainingLimits(None, None, 500))
    assert plan.go_on(Position(), 499, 1e9, 0) == (Position(), None)
    assert [step for step, _ in follow(plan, 5000)] == [500, 1000]


def test_what_is_over_stays_over_and_a_longer_plan_is_located_anew():
    short, long = (
        TrainingPlan(PHASES, TrainingLimits(100, None, None)),
        TrainingPlan(PHASES, TrainingLimits(200, None, None)),
    )
    done, _ = short.go_on(Position(2, 0.9, 90), 100, 0.0, 0)
    assert short.over(done) and short.go_on(done, 100, 0.0, 0)[1] == "100 iterations are done"
    assert long.locate(100, 0.0).phase == 0 and long.locate(130, 0.0).phase == 1
    assert short.over(short.locate(100, 0.0))
    ended = TrainingPlan(PHASES, TrainingLimits(None, None, 100))
    assert ended.go_on(Position(3, 0.0, 300), 300, 0.0, 0) == (Position(3, 0.0, 300), "its plan is fulfilled")


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.integers(1, 400))
def test_progress_rises_from_nothing_to_one_however_phases_end(improves, plateau):
    """``improves``: whether held-out faces become better at each validation, as numbers above one half."""
    plan = TrainingPlan(PHASES, TrainingLimits(3000, None, plateau))
    position, best, before = Position(), 0, 0.0
    for step in range(0, 3001, 25):
        best = step if improves[step // 25 % len(improves)] > 0.5 else best
        position, _ = plan.go_on(position, step, 0.0, best)
        progress = plan.progress(position, step, 0.0)
        assert before - 1e-9 <= progress <= 1.0
        before = progress
    assert plan.over(position) and before == pytest.approx(1.0)


def test_the_rate_rises_then_falls_and_never_ends():
    plan = TrainingPlan(PHASES, TrainingLimits(10_000, None, None))
    rates = [plan.moment(plan.locate(step, 0.0), step, 0.0).rate for step in range(10_000)]
    assert rates[0] == pytest.approx(1 / WARM_UP, rel=0.01) and max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[WARM_UP:] == sorted(rates[WARM_UP:], reverse=True) and rates[-1] == pytest.approx(FLOOR, abs=1e-3)
    assert pair_factor(0.0) == pytest.approx(1.0) and 0 < pair_factor(1.0) < 0.5


def test_a_moment_has_what_its_phase_asks_for():
    plan = TrainingPlan(PHASES, TrainingLimits(1000, None, None))
    warped, unwarped, last = (plan.moment(plan.locate(step, 0.0), step, 0.0) for step in (300, 700, 950))
    assert (warped.warp, warped.adversarial) == (1.0, 0.0)
    assert (unwarped.warp, unwarped.adversarial) == (0.0, 0.0)
    assert (last.warp, last.adversarial) == (0.0, 1.0)


def test_a_position_comes_back_from_json():
    position = Position(2, 0.25, 77)
    assert Position.from_json(position.to_json()) == position
