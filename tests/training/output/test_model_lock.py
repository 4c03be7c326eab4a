from __future__ import annotations

from pathlib import Path

import pytest
from understudy.errors import BusyError
from understudy.training.output.model_lock import hold, is_held


def test_a_model_s_folder_is_held_by_one_training(tmp_path: Path) -> None:
    model = tmp_path / "model"
    assert not is_held(model)
    with hold(model):
        assert is_held(model)
        with pytest.raises(BusyError, match=r"in use by understudy train \(process \d+ on "), hold(model):
            pass
    assert not is_held(model)
