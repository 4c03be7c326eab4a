"""Puts the add-on's folder on the path: what it has without Blender is tested without Blender, as ``link``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "addon"))
