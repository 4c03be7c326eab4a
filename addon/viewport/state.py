"""The faces that the overlay draws over each scene's plate: plain data, no Blender.

Found again by the scene's name, and handed over by whoever learns it; nothing here is saved with the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Face = Mapping[str, Any]
"""``frame``, ``box`` [x0, y0, x1, y1], ``landmarks`` (68 pairs) or None, ``confidence``, ``track`` or none.

In plate pixels from the display window's top left: what the stages ``find`` and ``people`` report.
"""


@dataclass
class View:
    """One scene's faces by frame; ``generation`` counts how often they were replaced."""

    faces: dict[int, list[Face]] = field(default_factory=dict)
    generation: int = 0

    def take_faces(self, faces: Sequence[Face]) -> None:
        """Replace every face; each says its frame."""
        self.faces = {}
        for face in faces:
            self.faces.setdefault(int(face["frame"]), []).append(face)
        self.generation += 1


_views: dict[str, View] = {}


def view_of(scene: str) -> View:
    """The view of the scene of that name, made when first asked for."""
    return _views.setdefault(scene, View())


def forget(scene: str | None = None) -> None:
    """Forget one scene's view, or all of them."""
    if scene is None:
        _views.clear()
    else:
        _views.pop(scene, None)
