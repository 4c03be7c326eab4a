"""What went wrong, whatever was raised: a sentence for a person and an exit code for a program."""

from __future__ import annotations

import errno
import sys
import traceback
from dataclasses import dataclass

from understudy.errors import ExitCode, OutOfMemoryError, UnderstudyError, cannot_write
from understudy.safe_text import one_line

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True)
class Failure:
    """One sentence, what to do, and the exit code."""

    code: ExitCode
    message: str
    hint: str

    @staticmethod
    def of(error: BaseException) -> Failure:
        """The failure that ``error`` amounts to. What nobody foresaw is a defect of ours."""
        if isinstance(error, UnderstudyError):
            return Failure(error.code, error.message, error.hint)
        if isinstance(error, KeyboardInterrupt):
            return Failure(ExitCode.INTERRUPTED, "Stopped on request.", "")
        if _is_out_of_memory(error):
            return Failure.of(
                OutOfMemoryError(
                    "There is not enough memory for this job.",
                    "Take a smaller batch, resolution or preset, or another --device.",
                )
            )
        if isinstance(error, OSError) and error.errno in _FULL:
            full = OSError(errno.ENOSPC, error.strerror)
            return Failure.of(cannot_write(error.filename or "a file", full))
        told = one_line(f"{type(error).__name__}: {error}", 300)
        return Failure(
            ExitCode.INTERNAL,
            f"This is a defect of Understudy, not your mistake ({told}).",
            "Run it again with --debug and report what it prints.",
        )

    def tell(self, error: BaseException | None = None) -> None:
        """Tell a person, on stderr; with the traceback of ``error`` when it is given."""
        if error is not None:
            traceback.print_exception(error)
        print(f"understudy: {self.message}", file=sys.stderr)
        if self.hint:
            print(f"hint: {self.hint}", file=sys.stderr)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    # Torch is asked only where it is loaded: elsewhere the error cannot come from it.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    # Torch's allocator for the host has no class of its own.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
