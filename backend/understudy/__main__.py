"""``python -m understudy``: the same as the ``understudy`` command."""

import sys

from understudy.cli import main

sys.exit(main())
