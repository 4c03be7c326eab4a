"""Faces cut out for a model, from the plate and from what a faceset stores of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_people import make_shot, write_exr
from understudy.convert.aligner import Aligner, as_aligned
from understudy.events import Events
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import prepare
from understudy.face.geometry import crop_matrix
from understudy.faceset.store import Faceset
from understudy.plate.reader import read_frame
from understudy.settings import ExtractSettings, PlateOptions
from understudy.stages import extract
from understudy.stages.demo import SAMPLE


@pytest.mark.parametrize("kind", ["face", "whole", "head"])
def test_a_stored_face_looks_as_a_model_of_any_crop_sees_it(tmp_path, kind):
    made = make_shot(tmp_path, 1, (224, 192))
    shot = prepare(PlateOptions(plate=made.pattern), Events())
    frame = read_frame(shot.plate, 1001)
    (face,) = Faceset.open(made.faceset).faces()
    # As large as in the plate, so that only the framing is in question.
    matrix = crop_matrix(face.head, "whole", 160)
    stored = Faceset.create(tmp_path / "larger", {})
    stored.add(replace(face, matrix=matrix, crop_size=160), cut(shot, frame, matrix, 160))
    (face,) = stored.faces()
    seen = as_aligned(stored, face, kind, 64)
    aligned = Aligner(shot, kind, 64, "none").align(frame, face)
    np.testing.assert_allclose(seen.matrix, aligned.matrix)
    skin = aligned.visible > 0.5
    assert np.abs(seen.rgb - aligned.crop)[skin].mean() < 0.01 * aligned.crop[skin].mean()
    assert np.abs(seen.hull - aligned.visible).mean() < 0.01


def test_a_display_referred_plate_is_resampled_in_linear_light(tmp_path):
    """Stripes as fine as pixels keep their mean light, as in the crops that a model was trained on."""
    made = make_shot(tmp_path, 1, (224, 192))
    stripes = np.tile(np.array([[0.0], [1.0]], np.float32), (96, 224))[..., None].repeat(3, -1)
    write_exr(tmp_path / "coded.1001.exr", stripes, colorInteropID="srgb_rec709_display")
    shot = prepare(PlateOptions(plate=str(tmp_path / "coded.####.exr"), colour_space="srgb_rec709_scene"), Events())
    (face,) = Faceset.open(made.faceset).faces()
    crop = Aligner(shot, "whole", 32, "none").align(read_frame(shot.plate, 1001), face).crop
    assert crop[8:24, 8:24].mean() == pytest.approx(0.5, abs=0.03)


def test_a_hand_is_kept_in_front_and_a_profile_is_not_taken_for_one(tmp_path):
    pattern = (SAMPLE / "plate.%04d.exr").as_posix()
    extract.run(ExtractSettings(plate=pattern, frames="1009-1022", out=tmp_path / "faces", crop_size=64), Events())
    shot = prepare(PlateOptions(plate=pattern), Events())
    aligner = Aligner(shot, "whole", 64, "hands")
    hidden = {
        face.frame: aligner.align(read_frame(shot.plate, face.frame), face).hidden.mean()
        for face in Faceset.open(tmp_path / "faces").faces()
        if face.frame in (1009, 1011, 1020, 1022)
    }
    assert hidden[1011] > 0.2
    assert hidden[1009] == hidden[1020] == hidden[1022] == 0
