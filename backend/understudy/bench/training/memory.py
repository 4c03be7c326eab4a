"""How much memory something needs at its peak."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile


def peak_memory(work: Callable[[], object], held: Iterable[torch.Tensor], device: torch.device) -> int | None:
    """Bytes that torch holds on ``device`` at the worst moment of ``work``.

    On CUDA that is everything this process has there. On a CPU it is the ``held`` tensors and the most that torch has
    allocated beyond them, which other programs and the allocator's own reserves do not blur. None on other devices.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    return None if device.type != "cpu" else _size(held) + _growth(work)


def _size(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the storages behind ``tensors``, each counted once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def _growth(work: Callable[[], object]) -> int:
    """The most that torch's CPU allocator gave out during ``work`` and had not yet got back."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or the profiler says on stderr that it starts and stops
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        # What was allocated at each moment is told in the trace alone.
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event for event in events if event["name"] == "[memory]"), key=lambda event: float(event["ts"]))
    on_cpu = [event["args"] for event in changes if event["args"]["Device Type"] == 0]
    if not on_cpu:
        return 0
    # The total goes on from what an earlier profile saw and is still there.
    start = on_cpu[0]["Total Allocated"] - on_cpu[0]["Bytes"]
    return max(int(args["Total Allocated"] - start) for args in on_cpu)
