"""What conversion promises, beside what was measured of it."""

from __future__ import annotations

from typing import Any

GRAIN_VARIANCE = 0.15
"""How far the variance and the correlations of grain that is laid may be from the plate's, as parts of it."""


HALF_STEP = 2.0**-11
"""What no file of half floats could show of a difference of 1."""


def criteria(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The promises with a limit, each with its ``number``, ``what`` was measured, ``measured``, ``limit`` and ``met``.

    ``report`` holds the measurements of conversion by name. What could not be measured is not met.
    """
    fidelity, colours, grain, st_map = (report[name] for name in ("fidelity", "colours", "grain", "st_map"))
    found: list[tuple[int, str, float | None, float]] = [
        (1, f"perfect prediction at {name.removeprefix('yaw_')} degrees: error", told["error"], 0.005)
        for name, told in fidelity.items()
        if name.startswith("yaw_")
    ]
    found += [
        (2, "default colour match: dE2000 by that of none", colours["default"]["ratio"], 0.5),
        (2, "its change from frame to frame, still plate", colours["still"]["shot"], 0.0),
    ]
    for name, told in report["steadiness"].items():
        whose = "perfect prediction" if name == "perfect" else "trained model"
        found += [
            (3, f"{whose}: flicker by the truth's", told["flicker"], 1.2),
            (3, f"{whose}, still: without grain, by the grain", told["still_without_grain"], 1.0),
            (3, f"{whose}, still: with grain, by the grain", told["still"], 1.0),
        ]
    for kind, nothing in (("white", 0.0), ("coarse", 1.0)):
        told = grain[kind]
        found += [
            (4, f"{kind} grain: variance off by", abs(told["variance"] - 1), GRAIN_VARIANCE),
            (
                4,
                f"{kind} grain: correlation off by",
                max(abs(told[f"correlation_{step}"] - nothing) for step in (1, 2)),
                GRAIN_VARIANCE,
            ),
        ]
    for profile, told in report["matte_once"].items():
        found += [
            (5, f"{profile}: steps of half floats that are lost", told["steps"], 1.0),
            (5, f"{profile}: touched pixels outside the matte", told["touched"], 0.0),
        ]
    found += [
        (6, "identity ST map: change of a checkerboard", st_map["identity_error"], HALF_STEP),
        (6, "ST map of an affine: error in pixels", st_map["affine_error_px"], 0.05),
    ]
    found += [
        (7, f"1080p, {model}, {profile}: time outside networks and EXR", part, 0.25)
        for name, model in (("hd", "smallest model"), ("hd_deep", "deep model"))
        for profile, part in report["face_cost"][name]["outside"].items()
    ]
    found += [
        (8, f"warm answer by a cold one: {name.replace('_', ' ')}", part, 0.2)
        for name, part in report["warm"]["ratio"].items()
    ]
    return [
        {
            "number": number,
            "what": what,
            "measured": measured,
            "limit": limit,
            "met": measured is not None and measured <= limit,
        }
        for number, what, measured, limit in found
    ]
