"""The ``understudy`` command: a person's way in.

Nothing heavy is imported before a stage runs, so that ``--help`` and mistakes are answered at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from understudy import __version__
from understudy.cli.parser import parse
from understudy.cli.perform import perform
from understudy.cli.streams import never_fail_for_a_letter, quiet_when_unread
from understudy.errors import ExitCode, UsageError
from understudy.failure import Failure


def main(arguments: Sequence[str] | None = None, serve: Callable[[], int] | None = None) -> int:
    """Run the command with ``arguments`` (those of the process when None); returns its exit code.

    ``serve`` does the command ``serve``, which is another room's work. Help and malformed options leave by
    ``SystemExit``, as usual.
    """
    never_fail_for_a_letter()
    arguments = sys.argv[1:] if arguments is None else arguments
    request = None
    try:
        with quiet_when_unread(sys.stdout):
            if list(arguments) == ["--version"]:
                print(f"understudy {__version__}")
            else:
                request = parse(arguments)
    except UsageError as error:
        Failure.of(error).tell()
        return error.code
    return perform(request, serve) if request else ExitCode.OK
