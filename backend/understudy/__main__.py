"""``python -m understudy``: the same as the ``understudy`` command."""

from __future__ import annotations

import sys

from understudy import cli


def main() -> int:
    """The ``understudy`` command: a person's way in and, as ``understudy serve``, a program's."""
    return cli.main(serve=_serve)


def _serve() -> int:
    from understudy.serve import serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
