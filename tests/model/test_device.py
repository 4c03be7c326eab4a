from __future__ import annotations

import pytest
import torch
from understudy.errors import ComponentError, UsageError
from understudy.model.device import choose_device


def test_the_processor_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}


def test_a_device_that_is_not_there_or_that_nobody_knows():
    with pytest.raises(ComponentError, match="cuda:77"):
        choose_device("cuda:77")
    with pytest.raises(UsageError, match="toaster"):
        choose_device("toaster")
