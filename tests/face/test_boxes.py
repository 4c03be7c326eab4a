import numpy as np
import pytest
from understudy.face.boxes import intersection_over_union, is_loose, is_part, is_same, mean, sides
from understudy.face.detect import KEPT, survey
from understudy.face.interfaces import Detection


def painted(box) -> np.ndarray:
    canvas = np.zeros((200, 200), bool)
    x0, y0, x1, y1 = box
    canvas[y0:y1, x0:x1] = True
    return canvas


def test_the_shared_area_is_what_two_painted_boxes_share() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        low, extent = rng.integers(0, 100, (2, 2)), rng.integers(1, 100, (2, 2))
        one, other = (np.concatenate([low[i], low[i] + extent[i]]) for i in (0, 1))
        both = (painted(one) & painted(other)).sum() / (painted(one) | painted(other)).sum()
        assert intersection_over_union(one.astype(np.float32), other.astype(np.float32)) == pytest.approx(both)


def test_an_empty_box_shares_nothing() -> None:
    box, nothing = np.array([0, 0, 10, 10.0]), np.array([5, 5, 5, 5.0])
    assert intersection_over_union(box, nothing) == 0
    assert sides(nothing) == (0, 0)


def test_a_box_in_the_middle_of_a_larger_one_is_the_same_face_and_one_in_its_corner_a_part() -> None:
    face = np.array([0, 0, 100, 100.0])
    middle, corner, beside = np.array([30, 30, 70, 70.0]), np.array([5, 5, 35, 35.0]), np.array([80, 0, 180, 100.0])
    assert is_same(middle, face)
    assert not is_same(corner, face) and is_part(corner, face)
    assert not is_same(beside, face) and not is_part(beside, face)


def test_a_loose_box_is_no_second_face_but_a_face_before_a_distant_one_is() -> None:
    face, loose, large = np.array([40, 40, 70, 70.0]), np.array([10, 20, 75, 85.0]), np.array([0, 0, 100, 100.0])
    assert is_loose(loose, face)
    assert not is_loose(large, face)
    assert not is_loose(face, loose)


def test_the_fused_box_is_steadier_under_grain_than_the_strongest(rendered) -> None:
    """A still picture with fresh grain on each of twelve frames: whatever moves is the detector's own."""
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector

    detector, rng = build_detector("mediapipe"), np.random.default_rng(5)
    fused, strongest = [], []
    for _ in range(12):
        noise = rng.normal(0, 10, rendered[0].image.shape)
        seen = survey(detector, np.clip(np.rint(rendered[0].image + noise), 0, 255).astype(np.uint8))
        (face,) = seen.faces
        kept = [one.face for one in seen.candidates if one.verdict == KEPT]
        assert len(kept) > 3
        fused.append(_placed(face))
        strongest.append(_placed(max(kept, key=lambda one: one.score)))
    jitter, alone = (np.linalg.norm(np.std(places, axis=0)) for places in (fused, strongest))
    assert jitter < 0.7 * alone


def _placed(face: Detection) -> np.ndarray:
    """Centre and sides."""
    return np.concatenate([(face.box[:2] + face.box[2:]) / 2, face.box[2:] - face.box[:2]])


def test_fusing_keeps_the_raw_score_of_the_strongest() -> None:
    one = Detection(np.array([0, 0, 100, 100], np.float32), 0.9, None, 2.5)
    other = Detection(np.array([4, 0, 104, 100], np.float32), 0.7, None, 1.5)
    face = mean([other, one])
    assert (face.score, face.raw) == (0.9, 2.5)
