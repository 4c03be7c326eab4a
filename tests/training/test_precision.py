from __future__ import annotations

import torch
from understudy.training.precision import Precision


def test_a_processor_keeps_to_float32_and_compiles_nothing():
    fast = Precision.fast(torch.device("cpu"))
    assert fast.channels_last and not fast.bfloat16 and not fast.compiled


def test_plain_is_plain():
    assert Precision.plain() == Precision(bfloat16=False, channels_last=False, compiled=False)
