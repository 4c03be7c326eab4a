"""Being imported first, this puts what the tests of several folders make within reach."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for room in (TESTS / "support", TESTS / "fuzz"):
    if str(room) not in sys.path:
        sys.path.append(str(room))
