from __future__ import annotations

import numpy as np
import pytest
from made_people import ANNE, make_faceset
from understudy.events import Events
from understudy.faceset import head_shape
from understudy.faceset.head_shape import kept_head_shape
from understudy.faceset.pack import write_pack
from understudy.faceset.store import Faceset


class Fit:
    """Fits a new head each time, and counts."""

    def __init__(self):
        self.made = []

    def __call__(self):
        self.made.append(np.random.default_rng(len(self.made)).normal(size=(468, 3)))
        return self.made[-1]


@pytest.fixture
def faceset(tmp_path):
    return Faceset.open(make_faceset(tmp_path / "anne", ANNE, 3))


def test_a_head_is_fitted_once_and_comes_back_bit_for_bit(faceset):
    fit, faces = Fit(), faceset.faces()
    first = kept_head_shape(faceset, faces, "a", fit)
    again = kept_head_shape(Faceset.open(faceset.folder), faces, "a", fit)
    assert len(fit.made) == 1
    assert again.tobytes() == first.tobytes() == fit.made[0].tobytes()
    assert len(faceset.faces()) == 3, "it is not taken for a face"


def test_other_faces_another_fit_and_retouched_pixels_have_a_head_of_their_own(faceset):
    fit, faces = Fit(), faceset.faces()
    kept_head_shape(faceset, faces, "a", fit)
    kept_head_shape(faceset, faces[1:], "a", fit)
    kept_head_shape(faceset, faces, "b", fit)
    path = faceset.folder / faces[0].file
    path.write_bytes(path.read_bytes() + b"\0")
    kept_head_shape(faceset, faces, "a", fit)
    assert len(fit.made) == 4


@pytest.mark.parametrize("damage", [b"", b"[[1, 2, 3]]", b"[" * 5000, b'{"a": 1}', b"[NaN]"])
def test_what_is_damaged_is_fitted_again(faceset, damage):
    fit, faces = Fit(), faceset.faces()
    kept_head_shape(faceset, faces, "a", fit)
    [path] = (faceset.folder / head_shape.FOLDER).iterdir()
    path.write_bytes(damage)
    assert (kept_head_shape(faceset, faces, "a", fit) == fit.made[1]).all()
    assert (kept_head_shape(faceset, faces, "a", fit) == fit.made[1]).all()


def test_a_pack_and_a_folder_that_cannot_be_written_keep_nothing(faceset, tmp_path):
    fit, faces = Fit(), faceset.faces()
    write_pack(tmp_path / "anne.zip", faceset.folder, faces, Events())
    for _ in range(2):
        kept_head_shape(Faceset.open(tmp_path / "anne.zip"), faces, "a", fit)
    (faceset.folder / head_shape.FOLDER).touch()
    for _ in range(2):
        kept_head_shape(faceset, faces, "a", fit)
    assert len(fit.made) == 4
