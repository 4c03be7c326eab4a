"""A shot that is converted in memory, by a network that need not be on disk or from a person's footage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.convert.inverse_warp import PlacedFace
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.convert.network_renderer import NetworkRenderer
from understudy.convert.new_face import Frames, footage_renderer
from understudy.convert.select_faces import chosen_faces
from understudy.convert.shot_converter import ShotConverter
from understudy.events import Events
from understudy.extraction.shot import Shot, prepare
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.model.card import ModelCard
from understudy.model.network import SwapNetwork
from understudy.plate.frame import Frame
from understudy.plate.reader import read_frames
from understudy.settings import ConversionOptions, PlateOptions

Model = tuple[SwapNetwork, ModelCard]


@dataclass(frozen=True, eq=False)
class InMemoryShot:
    """A shot, its faceset, and the face of each frame."""

    shot: Shot
    faceset: Faceset
    faces: dict[int, Face]

    @staticmethod
    def of(plate: str, faces: Path, events: Events, colour_space: str | None = None) -> InMemoryShot:
        """``plate`` is a pattern, ``faces`` the folder of its extraction."""
        shot = prepare(PlateOptions(plate=plate, colour_space=colour_space), events)
        faceset = Faceset.open(faces)
        return InMemoryShot(shot, faceset, chosen_faces(faceset, "one", shot))

    def converter(self, model: Model, look: ConversionOptions) -> ShotConverter:
        """What converts the shot by ``model``, face by face."""
        network, card = model
        renderer = NetworkRenderer(
            self.shot, network, card, self.faceset, self.faces,
            occlusion=look.occlusion, batch=1, person=look.person, morph=look.morph,
        )  # fmt: skip
        return ShotConverter(self.shot, renderer, self.faceset, self.faces)

    def footage(self, source: Path, look: ConversionOptions) -> ShotConverter:
        """What converts the shot from the faceset ``source``, face by face."""
        renderer = footage_renderer(self.shot, source, self.faceset, self.faces, look.occlusion, Frames())
        return ShotConverter(self.shot, renderer, self.faceset, self.faces)

    def placed(
        self, model: Model, look: ConversionOptions, frames: Sequence[int]
    ) -> Iterator[tuple[Frame, PlacedFace | None]]:
        """``frames`` of the shot with what conversion by ``model`` lays into them: None where there is no face."""
        return self.laid(self.converter(model, look), look, frames)

    def laid(
        self, converter: ShotConverter, look: ConversionOptions, frames: Sequence[int]
    ) -> Iterator[tuple[Frame, PlacedFace | None]]:
        """The same, of what ``converter`` lays."""
        for frame in read_frames(self.shot.plate, frames):
            aligned = converter.align(frame)
            if aligned is None:
                yield frame, None
            else:
                yield frame, converter.lay(frame, (aligned, converter.predict([aligned])[0]), look, FrameMattes())
