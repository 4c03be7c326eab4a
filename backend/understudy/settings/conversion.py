"""How the new face is laid into the plate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from understudy.settings.analysis import AnalysisOptions
from understudy.settings.animation import Animated
from understudy.settings.option import Needs, Options, option
from understudy.settings.plate import PictureOptions, PlateOptions
from understudy.settings.training import TrainingOptions

Renderer = Literal["auto", "footage", "network"]

MATCHES = ("reinhard", "linear", "monge-kantorovich", "idt", "sliced", "histogram")
"""The ways to match colours."""

ExtraLayer = Literal["motion", "normals", "depth", "st_inv", "cryptomatte"]


class ConversionOptions(Options):
    """How the new face is laid into the plate. Numbers that animate take keys: 1001:0,1010:1."""

    needs: ClassVar[Mapping[str, Needs]] = {
        "roto_operation": ({"roto": True},),
        "shutter": ({"motion_blur": True},),
        "relight_reach": ({"relight": True},),
        **{f"colour_{name}": ({"colour_match": MATCHES},) for name in ("encoding", "strength", "part", "window")},
    }

    matte: Literal["both", "learned", "learned-source", "learned-target", "learned-union", "hull"] = option(
        "both",
        "Where the new face goes: the masks learned of both people (where they agree, of one, or of either), "
        "the landmarks' hull, or where hull and masks agree.",
    )
    occlusion: Literal["hands", "none"] = option(
        "hands", "What is kept before the face, beside other people: hands, or nothing."
    )
    holdout: str | None = option(
        None, "Sequence of a matte that stays in front of the new face; FILE:CHANNEL names a channel."
    )
    roto: str | None = option(None, "Sequence of a matte of your own; FILE:CHANNEL names a channel.")
    roto_operation: Literal["intersect", "union", "subtract", "replace"] = option(
        "intersect", "What the roto does to the matte: limit it, add to it, cut from it, or stand in its place."
    )
    erode: Animated = option(0.0, "Shrink the matte (grow it when negative).", unit="px", ge=-200, le=200)
    feather: Animated = option(
        0.05, "Soft inner edge of the matte, as a part of the crop's side: it grows with the face.", ge=0, le=0.5
    )
    feather_in: Animated = option(0.0, "Soft inner edge, added to the feather.", unit="px", ge=0, le=400)
    feather_out: Animated = option(0.0, "Soft outer edge of the matte.", unit="px", ge=0, le=400)
    opacity: Animated = option(1.0, "Overall strength of the swap.", ge=0, le=1)
    colour_match: Literal[
        "none", "reinhard", "linear", "monge-kantorovich", "idt", "sliced", "histogram"
    ] = option("monge-kantorovich", "How the new face's colour is matched to the plate's, over the shot.")  # fmt: skip
    colour_encoding: Literal["log", "linear"] = option("log", "In which values the colours are matched.")
    colour_strength: Animated = option(1.0, "How far the colour match goes.", ge=0, le=1)
    colour_part: Literal["all", "chroma", "exposure"] = option(
        "all", "What of the colour match is used: all, its chroma alone, or its exposure alone."
    )
    colour_window: int = option(
        0, "Frames over which the colour match follows a light that changes; 0 is one match for the shot.", ge=0
    )
    relight: Animated = option(
        1.0, "How much of the plate's own broad light, frame by frame, is laid on the new face.", ge=0, le=1
    )
    relight_reach: Animated = option(
        0.02, "How fine the plate's broad light is, as a part of the crop's side.", ge=0.01, le=0.5
    )
    blend: Literal["over", "gradient", "gradient-log", "pyramid"] = option(
        "over", "How the new face meets the plate: as it is, by its gradients (in linear or log light), by frequencies."
    )
    sharpness: Animated = option(
        1.0, "How far the new face's sharpness is brought to that of the face in the plate.", ge=0, le=1
    )
    defocus: Animated = option(0.0, "Further defocus of the new face.", unit="px", ge=0, le=100)
    motion_blur: Animated = option(
        0.0,
        "Motion blur of the new face and its matte along the head's movement, as a part of the shutter.",
        ge=0,
        le=1,
    )
    shutter: Animated = option(180.0, "Shutter angle of the plate's camera.", unit="degrees", ge=0, le=360)
    degrade: Animated = option(0.0, "Loss of resolution of the new face, as of a compressed source.", ge=0, le=1)
    grain: Animated = option(1.0, "Grain on the new face, as a part of the plate's own.", ge=0, le=4)
    face_scale: Animated = option(1.0, "Size of the new face.", ge=0.5, le=2)
    face_x: Animated = option(0.0, "Shift of the new face to the right.", unit="px", ge=-1000, le=1000)
    face_y: Animated = option(0.0, "Shift of the new face downwards.", unit="px", ge=-1000, le=1000)
    face_rotate: Animated = option(0.0, "Turn of the new face, clockwise.", unit="degrees", ge=-180, le=180)
    person: str = option("source", "Who is painted: source, or another person of a comb model, by name.")
    morph: Animated = option(1.0, "How far a morph model goes: 0 is the face in the plate, 1 the new one.", ge=0, le=1)
    convert_batch: int = option(8, "Frames per pass of the network.", ge=1, le=256)


class WritingOptions(Options):
    """How the converted frames are written, and which of those that are there again."""

    group: ClassVar[str] = "conversion"

    profile: Literal["flat", "parts"] = option("flat", "EXR layout: flat for Blender, parts for Nuke-class hosts.")
    compression: Literal["zip", "zips", "piz", "none", "dwaa"] = option("zip", "EXR compression; dwaa is lossy.")
    force: bool = option(False, "Write every frame again, complete or not.")
    keep: bool = option(False, "Leave complete frames alone, also where what they are made of changed since.")


class LayerOptions(Options):
    """What is written beside the usual layers, and who else is swapped."""

    extra_layers: list[ExtraLayer] = option(
        [], "More layers: motion (forward and backward), normals, depth, st_inv (parts only), cryptomatte."
    )
    also: list[str] = option(
        [],
        "More people in the same pass, each FACE=MODEL or FACE=FACESET, such as track:2=models/carl; layers are also "
        "written a person.",
    )


class NewFaceOptions(Options):
    """Whose the new face is, and what it is made of."""

    source: Path | None = option(None, "Faceset of the new face, whose own frames it is made of; no model is needed.")
    model: Path | None = option(None, "Folder of a trained model.")
    renderer: Renderer = option(
        "auto",
        "What makes the new face: the source's footage, or the model's network; auto is footage where a source is given.",
    )
    reference_frames: str | None = option(
        None, "Frames of the source that alone the new face is made of, such as 1001-1048x2,1060; chosen when left out."
    )
    forbidden_frames: str | None = option(None, "Frames of the source that the new face is never made of.")


class ConvertSettings(NewFaceOptions, WritingOptions, ConversionOptions, LayerOptions, AnalysisOptions, PlateOptions):
    """Lay a new face into a plate and write layered EXR."""

    # Whose face is chosen from a faceset; all else about it was decided when it was extracted.
    needs: ClassVar[Mapping[str, Needs]] = {
        name: ({"faceset": False},) for name in AnalysisOptions.model_fields if name != "face"
    }

    out: str = option(..., "Output sequence, such as out.####.exr.", writes="frames")
    faceset: Path | None = option(None, "Extraction of this plate; made beside the output when left out.")
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")


class PreviewSettings(NewFaceOptions, ConversionOptions, PictureOptions):
    """Convert one frame of a plate into pictures to look at; nothing else is written."""

    frame: int = option(..., "Frame to convert.")
    out: Path = option(..., "Folder for the pictures.", writes="folder")
    faceset: Path | None = option(None, "Extraction of this plate; a preview does not wait for one to be made.")
    face: str = option(
        "one", "Whose face of it: one, largest, index:N (from the left, from 0), track:N, or point:FRAME,X,Y."
    )
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")


_TRAINS = ("minutes", "iterations", "plateau")
"""Each of them says that a network is trained."""


class SourceOptions(Options):
    """The source's footage, and whose face in it; what has no twin here (detector, crop) is that of both footages."""

    source: str = option(..., "Footage of the new face.")
    source_frames: str | None = option(None, "Frames of the source footage; all when left out.")
    source_colour_space: str | None = option(None, "Colour space of the source footage.")
    source_layer: str | None = option(None, "Layer of the source footage's EXR, as for --layer.")
    source_view: str | None = option(None, "View of the source footage's EXR, as for --view.")
    source_missing: Literal["error", "skip"] = option("error", "What to do about frames of it that are not there.")
    source_face: str = option("one", "Whose face in the source footage: as for --face.")
    source_reference: Path | None = option(
        None, "Picture of the person to take from the source footage; needs a recogniser."
    )
    source_likeness: float | None = option(
        None, "Smallest cosine to that reference that counts; the recogniser's own when left out.", gt=0, le=1
    )
    source_min_face: float = option(24.0, "Smallest face that counts in the source footage.", unit="px", ge=4)
    source_smoothing: float = option(
        0.5, "How strongly the source's faces are steadied over time; 0 is off.", unit="frames", ge=0, le=100
    )
    source_lens: float | None = option(
        None, "Focal length of the source footage's camera, as for --lens.", unit="mm", ge=5, le=5000
    )
    source_cuts: str = option("auto", "Where the source footage is cut: as for --cuts.")
    source_corrections: Path | None = option(None, "Corrections of the source's faces: a JSON document.")


class SwapSettings(
    SourceOptions, WritingOptions, ConversionOptions, LayerOptions, TrainingOptions, AnalysisOptions, PlateOptions
):
    """From two people's footage to a converted shot: extract, train where wanted, and convert in one."""

    needs: ClassVar[Mapping[str, Needs]] = {
        "source_likeness": ({"source_reference": True},),
        **{
            name: ({"renderer": ("network",)}, *({limit: True} for limit in _TRAINS))
            for name in ("target_facesets", *TrainingOptions.model_fields)
            if name not in (*_TRAINS, "device")
        },
    }

    renderer: Renderer = option(
        "auto",
        "What makes the new face: the source's footage, or a network that is trained; auto is footage, unless a time of "
        "training is given.",
    )
    out: str = option(..., "Output sequence, such as out.####.exr.", writes="frames")
    work: Path | None = option(
        None, "Folder for facesets and the model; beside the output when left out.", writes="folder"
    )
    target_facesets: list[Path] = option(
        [], "More facesets of the face in the plate, from other footage of the same performer."
    )
