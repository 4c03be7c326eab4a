"""The ``understudy`` command: a person's way in.

Nothing heavy is imported before a stage runs, so that ``--help`` and mistakes are answered at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from understudy import __version__
from understudy.cli.failure import Failure
from understudy.errors import ExitCode, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with ``arguments`` (those of the process when None); returns its exit code.

    Help and malformed options leave by ``SystemExit``, as usual.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) == ["--version"]:
        print(f"understudy {__version__}")
        return ExitCode.OK

    from understudy.cli.parser import parse

    try:
        request = parse(arguments)
    except UsageError as error:
        Failure.of(error).tell()
        return error.code

    from understudy.cli.perform import perform

    return perform(request)
