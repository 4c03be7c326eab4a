from __future__ import annotations

from understudy.review.delivery.checks import CHECKS, Ledger, check_sizes, overall
from understudy.review.delivery.delivered import Finding

EVERYTHING = {need for check in CHECKS for need in check.needs}


def results(ledger: Ledger, strict: bool = False) -> dict[str, object]:
    return {result.check: result for result in ledger.results(strict=strict)}


def test_the_worst_failure_is_told_before_a_worse_warning() -> None:
    ledger = Ledger()
    ledger.looked(EVERYTHING)
    ledger.add([Finding("flicker", 7, 9.0, "it moves", warns=True)])
    ledger.add([Finding("flicker", 3, 1.0, "it jumps"), Finding("flicker", 5, 2.0, "it leaps")])
    flicker = results(ledger)["flicker"]
    assert (flicker.verdict, flicker.frames, flicker.worst) == ("fail", 3, (5, 3, 7))
    assert flicker.told == "Frame 5: it leaps."
    assert overall(list(results(ledger).values())) == "fail"


def test_warnings_alone_are_a_warning_until_they_are_to_fail() -> None:
    ledger = Ledger()
    ledger.looked(EVERYTHING)
    ledger.add([Finding("empty", 3, 1.0, "it is empty", warns=True)])
    assert results(ledger)["empty"].verdict == "warn"
    assert overall(list(results(ledger).values())) == "warn"
    assert results(ledger, strict=True)["empty"].verdict == "fail"


def test_what_no_frame_allows_is_not_checked_and_what_one_allows_is() -> None:
    ledger = Ledger()
    ledger.looked({"file", "matte"})
    assert results(ledger)["untouched"].verdict == "not checked"
    assert results(ledger)["untouched"].told == "The plate is not known (--plate)."
    ledger.looked(EVERYTHING)
    assert results(ledger)["untouched"].verdict == "pass"
    assert {result.verdict for result in Ledger().results()} == {"pass", "not checked"}


def test_what_fails_over_the_whole_shot_needs_no_frame() -> None:
    ledger = Ledger()
    ledger.looked(EVERYTHING)
    ledger.fail_shot("flicker", "It never rests.")
    flicker = results(ledger)["flicker"]
    assert (flicker.verdict, flicker.frames, flicker.told) == ("fail", 0, "It never rests.")


def test_a_file_much_smaller_than_its_neighbours_is_a_warning() -> None:
    sizes = dict.fromkeys(range(1, 21), 1000)
    sizes |= {9: 400, 14: 2500, 17: 1900}
    found = check_sizes(sizes, dict.fromkeys(sizes, True))
    assert [(one.frame, one.warns) for one in found] == [(9, True), (14, True)]
    assert found[0].told == "its 400 bytes are 0.4 times what the frames around it have"


def test_frames_with_a_face_are_not_held_against_those_without() -> None:
    sizes = {frame: 1000 if frame <= 10 else 300 for frame in range(1, 21)}
    assert check_sizes(sizes, {frame: frame <= 10 for frame in sizes}) == []
    # A shot that slowly comes nearer has no outlier either.
    assert check_sizes({frame: 1000 + 100 * frame for frame in range(50)}, {}) == []
