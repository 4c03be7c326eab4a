"""The fusion network on rendered faces: seen upright at one size, its shares carried to any plate."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from made_heads import SIZE, Moment, Performer, film, footage, ground, take
from understudy.face.mesh import at_landmarks
from understudy.imaging.affine import apply
from understudy.model.fusion import MAPS, MATTE, PER_UNIT, SHARES, SIDE, SKIN, Fusion, shipped_fusion
from understudy.rendering.fusion import Candidates, Canvas, fuse, strength_of
from understudy.rendering.light import Relight
from understudy.rendering.renderer import PlacedHead, Placement, ShotRenderer

SOURCE, TARGET = Performer(), Performer((0.3, 0.2, 0.15))
MOMENTS = [Moment(yaw=-12), Moment(pitch=6), Moment(yaw=12, mouth=0.05)]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fusion")
    pictures = [film(TARGET, moment, ground()) for moment in MOMENTS]
    for picture in pictures:  # a shadow over half of the plate, which the references do not have
        picture[:, SIZE[1] // 2 :] *= 0.5
    source = footage(take(folder / "source", SOURCE, MOMENTS), SOURCE)
    return source, footage(take(folder / "plate", TARGET, MOMENTS, pictures=pictures), TARGET), pictures


def learnt(*shares: float) -> Fusion:
    """A network that answers the same everywhere."""
    network = Fusion().eval()
    with torch.no_grad():
        network.choice.bias.copy_(torch.tensor(shares))
    return network


def rendered(
    people, network: Fusion | None, row: int, relight: Relight | None = None, rotate: float = 0.0
) -> tuple[PlacedHead, np.ndarray]:
    source, plate, pictures = people
    renderer = ShotRenderer(source, plate, fusion=network)
    head = renderer.place(1001 + row, (0, 0), *SIZE, Placement(rotate=rotate))
    assert head is not None
    picture = pictures[row][head.rows, head.columns]
    return head, renderer.render(head, picture, np.zeros(picture.shape[:2], np.float32), relight or Relight())


@pytest.mark.parametrize("row", [0, 1])
def test_with_its_first_weights_the_face_is_the_fixed_mixture(people, row):
    assert np.array_equal(rendered(people, Fusion().eval(), row)[1], rendered(people, None, row)[1])


def test_what_it_wants_is_done_on_the_face_alone(people):
    head, face = rendered(people, learnt(0.0, 1.0), 0)
    fixed = rendered(people, None, 0)[1]
    assert np.array_equal(face[head.matte == 0], fixed[head.matte == 0])
    assert np.abs(face - fixed)[head.matte > 0.9].max() > 0.01


def test_light_follows_only_as_far_as_the_plates_light_is_asked_for(people):
    def moved(relight: Relight) -> float:
        face = rendered(people, learnt(0.0, 1.0), 0, relight)[1]
        return float(np.abs(face - rendered(people, None, 0, relight)[1]).max())

    assert moved(Relight(strength=0.0)) == moved(Relight(part="chroma")) == moved(Relight(broad=0.0)) == 0
    assert 0 < moved(Relight(broad=0.5)) < moved(Relight())


def test_in_hard_light_the_fixed_mixture_stands(people, tmp_path):
    assert strength_of(Relight(), 1.0) == 0
    assert strength_of(Relight(broad=0.5, strength=0.8), 0.25) == pytest.approx(0.3)
    source, _, pictures = people
    hard = [np.where(np.arange(SIZE[1])[:, None] < SIZE[1] // 2, one * 8, one / 8) for one in pictures]
    shot = footage(take(tmp_path / "hard", TARGET, MOMENTS, pictures=hard), TARGET)
    hardly = source, shot, hard
    assert ShotRenderer(source, shot).hardness == 1
    assert np.array_equal(rendered(hardly, learnt(0.0, 1.0), 0)[1], rendered(hardly, None, 0)[1])


def test_a_frame_alone_is_the_frame_of_the_range(people):
    source, plate, pictures = people
    renderer = ShotRenderer(source, plate, fusion=learnt(0.3, 0.6))

    def frame(row: int) -> np.ndarray:
        head = renderer.place(1001 + row, (0, 0), *SIZE, Placement())
        assert head is not None
        picture = pictures[row][head.rows, head.columns]
        return renderer.render(head, picture, np.zeros(picture.shape[:2], np.float32), Relight())

    assert np.array_equal([frame(row) for row in range(3)][1], rendered(people, learnt(0.3, 0.6), 1)[1])


def test_where_the_array_begins_is_of_no_account(people):
    source, plate, pictures = people
    renderer = ShotRenderer(source, plate, fusion=shipped_fusion())
    faces = []
    for x, y in ((0, 0), (7, 5)):
        picture = pictures[0][y:, x:]
        head = renderer.place(1001, (x, y), *picture.shape[:2], Placement())
        assert head is not None
        box = head.rows, head.columns
        face = renderer.render(head, picture[box], np.zeros(head.matte.shape, np.float32), Relight())
        whole = np.zeros(pictures[0].shape, np.float32)
        rows, columns = (slice(part.start + by, part.stop + by) for part, by in zip(box, (y, x), strict=True))
        whole[rows, columns] = face * (head.matte > 0)[..., None]
        faces.append(whole)
    assert np.abs(faces[0] - faces[1]).max() < 2e-3


@pytest.mark.parametrize(("row", "rotate"), [(0, 0.0), (1, 25.0), (2, -40.0)])
def test_the_canvas_shows_every_head_upright_at_one_size(people, row, rotate):
    head, _ = rendered(people, None, row, rotate=rotate)
    canvas = Canvas(head.posed, head.corner)
    right, left = apply(canvas.matrix, at_landmarks(head.new)[[36, 45]])  # the eyes' outer corners
    assert abs(left[1] - right[1]) < 0.06 * PER_UNIT
    assert 0.5 * PER_UNIT < left[0] - right[0] < 0.8 * PER_UNIT
    assert SIDE * 0.25 < (left[0] + right[0]) / 2 < SIDE * 0.75


def test_shares_come_back_where_they_were_seen(people):
    head, _ = rendered(people, None, 1, rotate=20.0)
    canvas = Canvas(head.posed, head.corner)
    across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    back = canvas.back(np.dstack([across, down]).astype(np.float32), *head.matte.shape)
    y, x = np.argwhere(head.matte > 0.9).T
    places = (apply(canvas.matrix, np.column_stack([x + 0.5, y + 0.5])) - 0.5) / (SIDE - 1)
    assert np.abs(back[y, x] - places).max() < 3e-3


def test_a_picture_twice_as_large_gets_the_same():
    rng = np.random.default_rng(4)
    small = [np.kron(rng.random((8, 8, 3)), np.ones((8, 8, 1))).astype(np.float32) for _ in range(3)]
    small = [cv2.GaussianBlur(one, (0, 0), 3) for one in small]
    large = [cv2.resize(one, (128, 128), interpolation=cv2.INTER_CUBIC) for one in small]

    def done(faces: list[np.ndarray], unit: float) -> np.ndarray:
        side = len(faces[0])
        maps = np.zeros((side, side, MAPS), np.float32)
        maps[..., [MATTE, SKIN]] = 1
        shares = np.full((side, side, SHARES), 0.6, np.float32)
        return fuse(shares, Candidates(*faces, faces[0], maps), unit)

    fine = cv2.resize(done(large, 120.0), (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(fine - done(small, 60.0))[10:-10, 10:-10].max() < 0.02
