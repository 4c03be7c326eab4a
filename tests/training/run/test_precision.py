from __future__ import annotations

import torch
from understudy.training.run.precision import Precision


def test_a_processor_keeps_to_float32_and_compiles_nothing():
    fast = Precision.fast(torch.device("cpu"))
    assert fast.channels_last and not fast.bfloat16 and not fast.compiled


def test_plain_is_plain():
    assert Precision.plain() == Precision(bfloat16=False, channels_last=False, compiled=False)


def test_nothing_is_compiled_where_it_is_not_worth_it():
    seen = []

    def count(picture: torch.Tensor) -> torch.Tensor:
        seen.append(torch.compiler.is_compiling())
        return picture + 1

    precision = Precision(bfloat16=False, channels_last=False, compiled=True)
    program = torch.compile(count, backend="eager")
    with precision.uncompiled():
        program(torch.zeros(2))
    assert seen == [False]
    program(torch.zeros(2))
    torch.compiler.reset()
    assert seen == [False, True]
    with Precision.plain().uncompiled():
        pass
