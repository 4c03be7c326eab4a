"""Being imported first, this puts what other rooms' tests make within reach."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for room in (TESTS, TESTS / "faceset", TESTS / "tracks", TESTS / "fuzz"):
    if str(room) not in sys.path:
        sys.path.append(str(room))
