from understudy.bench.conversion.st_map import measure
from understudy.events import Events


def test_the_map_changes_nothing_but_what_it_says() -> None:
    report = measure(Events())
    assert report["identity_error"] < 2.0**-12  # half of a half float's step below 1
    assert report["affine_error_px"] < 0.05
