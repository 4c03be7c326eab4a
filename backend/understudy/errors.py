"""What can go wrong, in words for a person and in exit codes for a program.

Every failure that a user can cause or cure is an :class:`UnderstudyError`: one sentence that names the file or
frame and says what is wrong, a hint that says what to do, and a fixed exit code. Anything else is a defect of ours
and ends with code 1.
"""

from __future__ import annotations

import errno
from enum import IntEnum

from understudy.safe_text import SENTENCE, one_line

_HINT = 1000
"""Letters of a hint at most: it may hold a whole command with its paths."""


class ExitCode(IntEnum):
    """The documented exit codes of the ``understudy`` command."""

    OK = 0
    INTERNAL = 1  # a defect of ours: please report it
    USAGE = 2  # the command line or the job document is malformed
    MISSING_INPUT = 3  # a file, folder or frame is not there
    UNREADABLE = 4  # a file is there but damaged, or not a picture
    COLOUR = 5  # a colour space or OCIO configuration is not known
    NO_FACE = 6  # no usable face was found
    AMBIGUOUS_FACE = 7  # one face was asked for where several stand
    MODEL = 8  # a model folder is missing, damaged or does not fit
    FACESET = 9  # a faceset folder is missing, empty or damaged
    OUTPUT = 10  # the result cannot be written: disk full, no permission
    COMPONENT = 11  # an optional package or model pack is not installed
    MEMORY = 12  # out of host or device memory
    PEER = 13  # another process of those that train together is gone
    CHECK = 14  # a delivery does not pass its checks
    BUSY = 15  # another command is at work in the folder
    INTERRUPTED = 130  # stopped on request; what was done so far is kept


class UnderstudyError(Exception):
    """A failure told in one sentence, with a hint and an exit code.

    What the sentence says of data may hold anything and be of any length: it is made one line, without what a terminal
    would obey, of less than 400 letters.
    """

    code: ExitCode = ExitCode.INTERNAL

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = one_line(message, SENTENCE)
        self.hint = one_line(hint, _HINT)
        super().__init__(self.message)


class UsageError(UnderstudyError):
    """The request itself makes no sense."""

    code = ExitCode.USAGE


class MissingInputError(UnderstudyError):
    """A file, folder or frame that the job needs is not there."""

    code = ExitCode.MISSING_INPUT


class UnreadableError(UnderstudyError):
    """A file is damaged or is not what its name promises."""

    code = ExitCode.UNREADABLE


class ColourError(UnderstudyError):
    """A colour space, role or OCIO configuration is not known."""

    code = ExitCode.COLOUR


class NoFaceError(UnderstudyError):
    """No usable face was found where one is needed."""

    code = ExitCode.NO_FACE


class AmbiguousFaceError(UnderstudyError):
    """Several faces stand where the job asks for one."""

    code = ExitCode.AMBIGUOUS_FACE


class ModelError(UnderstudyError):
    """A trained model is missing, damaged or does not fit its use."""

    code = ExitCode.MODEL


class FacesetError(UnderstudyError):
    """A faceset is missing, empty or damaged."""

    code = ExitCode.FACESET


class OutputError(UnderstudyError):
    """A result cannot be written."""

    code = ExitCode.OUTPUT


class ComponentError(UnderstudyError):
    """An optional package or a model pack is not installed."""

    code = ExitCode.COMPONENT


class OutOfMemoryError(UnderstudyError):
    """The host or the device has too little memory."""

    code = ExitCode.MEMORY


class PeerError(UnderstudyError):
    """Another process of those that train one model together is gone, or never came."""

    code = ExitCode.PEER


class CheckError(UnderstudyError):
    """A delivery does not pass its checks."""

    code = ExitCode.CHECK


class BusyError(UnderstudyError):
    """Another command holds what this one is to write."""

    code = ExitCode.BUSY


class Interrupted(UnderstudyError):  # noqa: N818 - it is no error, it was asked for
    """The run was stopped on request; what was finished stays."""

    code = ExitCode.INTERRUPTED


def cannot_write(path: object, error: OSError) -> OutputError:
    """The :class:`OutputError` for an ``OSError`` met while writing ``path``."""
    if error.errno == errno.ENOSPC:
        return OutputError(f"The disk is full: {path} could not be written.", "Free some space and run it again.")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(f"{path} could not be written: its name is too long.", "Give it a shorter name.")
    reason = error.strerror or str(error)
    return OutputError(f"{path} could not be written: {reason}.", "Choose a folder that you may write to.")
