import itertools

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import logit as scipy_logit
from understudy.face.components.registry import build_detector
from understudy.face.confidence import logistic, logit


def test_the_curve_is_the_logistic_function_and_never_overflows() -> None:
    for raw in (-3.0, -0.2, 0.0, 0.7, 5.0):
        assert logistic(raw, 3.1, -0.37) == pytest.approx(expit(3.1 * (raw + 0.37)), rel=1e-9)
    assert 0.0 < logistic(-1e9, 1.0, 0.0) < 1e-20
    assert logistic(1e9, 1.0, 0.0) == pytest.approx(1.0)


def test_the_logit_undoes_a_sigmoid_and_bears_certainty() -> None:
    for share in (0.01, 0.5, 0.93):
        assert logit(share) == pytest.approx(scipy_logit(share))
    assert np.isfinite(logit(0.0)) and np.isfinite(logit(1.0))


@pytest.mark.parametrize("name", ["mediapipe", "insightface", "dlib-hog"])
def test_confidence_grows_with_the_raw_score_and_a_clear_face_is_certain(name, rendered, request) -> None:
    pytest.importorskip("dlib" if name.startswith("dlib") else name)
    detector = build_detector(name, request.getfixturevalue("pack") if name == "insightface" else None)
    seen = [face for picture in rendered[:12:3] for face in detector.detect(picture.image)]
    ordered = sorted(seen, key=lambda face: face.raw)
    assert len(seen) > 3
    assert all(0 <= face.score <= 1 for face in seen)
    assert all(a.score < b.score or a.raw == b.raw for a, b in itertools.pairwise(ordered))
    assert ordered[-1].score > 0.98
