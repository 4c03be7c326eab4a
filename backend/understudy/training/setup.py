"""What a training begins with: everybody's faces, and a network that is new, goes on, or comes from another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from understudy.errors import FacesetError, ModelError, UsageError
from understudy.model.card import ModelCard
from understudy.model.comb import CombArchitecture, CombNetwork
from understudy.model.families import DEEP, architecture_from_json, build, default_architecture
from understudy.model.growth import grow, grown_architecture
from understudy.model.network import SIDES, Architecture, SwapNetwork
from understudy.model.store import load_card, load_model
from understudy.settings import TrainSettings
from understudy.training.data.dataset import Side, load_side
from understudy.training.data.device_faces import MemoryBudget
from understudy.training.output.checkpoint import Checkpoint
from understudy.training.presets import PRESETS, Preset, Recipe, recipe


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that is decided before the first step."""

    network: SwapNetwork
    sides: Mapping[str, Side]
    recipe: Recipe
    crop: str


def preset_of(settings: TrainSettings, device: torch.device) -> Preset:
    """The preset that ``settings`` name, or the one that suits the device."""
    name = settings.preset
    return PRESETS[name if name != "auto" else "cpu" if device.type == "cpu" else "gpu"]


def begin(settings: TrainSettings, device: torch.device, checkpoint: Checkpoint | None) -> TrainingSetup:
    """Load the faces, and build the network with its first weights; those of ``checkpoint`` are not yet in it.

    Raises UsageError, FacesetError and ModelError for settings, facesets and models that do not go together.
    """
    _check_together(settings)
    preset = preset_of(settings, device)
    folders = _folders(settings)
    arch = _architecture(settings, preset, checkpoint, tuple(folders))
    sides: dict[str, Side] = {}
    room = MemoryBudget(device, settings.data_budget)
    for name, held in folders.items():
        # A base's two sides are the same people: one copy of their faces serves both.
        known = next((other for other in sides if folders[other] == held), None)
        sides[name] = sides[known] if known else load_side(held, arch.resolution, device, room)
    crop = _common_crop(sides)
    if checkpoint is not None and (before := checkpoint.numbers.get("crop", crop)) != crop:
        raise ModelError(
            f"The model in {settings.model} was trained on {before} crops; these faces are {crop} crops.",
            f"Extract {before} crops to go on with it, or train a new model.",
        )
    spaces = {card.working_space for card in [_card(settings.model)] if card} - {""}
    if spaces and spaces != {sides["target"].colour_space}:
        raise ModelError(
            f"The model in {settings.model} was trained in {spaces.pop()}; these faces are in {sides['target'].colour_space}.",
            "Extract with the same OCIO configuration to go on with it, or train a new model.",
        )
    _refuse_exchanged(settings.model, sides)
    torch.manual_seed(settings.seed)
    network = build(arch)
    if checkpoint is None:
        means = {name: side.mean_face().cpu() for name, side in sides.items()}
        network.start(means)
        if settings.base is not None:
            _start_from(settings.base, network, sides, means, crop)
    method = recipe(settings, preset)
    if settings.pretrain:  # everybody is on both sides: nobody has a look-alike
        method = replace(method, weights=replace(method.weights, pairs=0.0))
    return TrainingSetup(network, sides, method, crop)


def _check_together(settings: TrainSettings) -> None:
    if settings.find_rate and settings.learning_rate is not None:
        raise UsageError("A learning rate is either given or found.", "Leave out --learning-rate or --find-rate.")
    if settings.plateau is not None and settings.plateau < settings.preview_every:
        raise UsageError(
            f"Held-out faces are looked at every {settings.preview_every} steps: "
            f"nobody could see them become better within {settings.plateau}.",
            "Raise --plateau, or lower --preview-every.",
        )


def _folders(settings: TrainSettings) -> dict[str, list[Path]]:
    """The facesets of each identity."""
    if settings.pretrain:
        if settings.source or settings.target or settings.others:
            raise UsageError("A base is trained with --pretrain alone.", "Leave --source, --target and --others out.")
        return dict.fromkeys(SIDES, settings.pretrain)
    if not settings.source or not settings.target:
        raise UsageError("Training wants facesets of both people.", "Give --source and --target.")
    folders = {"source": settings.source, "target": settings.target}
    for given in settings.others:
        name, equals, folder = given.partition("=")
        if not (equals and name and folder):
            raise UsageError(f"{given!r} does not name a person.", "Write --others NAME=FACESET.")
        if name in SIDES:
            raise UsageError(f"{name!r} is a side of the swap and no name for another person.", "Choose another name.")
        folders.setdefault(name, []).append(Path(folder))
    return folders


def _architecture(
    settings: TrainSettings, preset: Preset, checkpoint: Checkpoint | None, identities: tuple[str, ...]
) -> Architecture:
    """The architecture of the checkpoint, or that of the base at the size asked for, else the one asked for.

    Raises ModelError when what is asked for disagrees, or cannot be.
    """
    if checkpoint is not None:
        try:
            known = architecture_from_json(checkpoint.numbers["architecture"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"The training state in {settings.model} is not understood: {error}.") from None
        return _agreed(settings, known, settings.model, identities, "go on, or train into a new folder")
    if settings.base is not None:
        known = load_card(settings.base).architecture
        resolution = settings.resolution or known.resolution
        if resolution < known.resolution:
            raise ModelError(
                f"The model in {settings.base} works at {known.resolution} px, finer than {resolution} px.",
                "Start from a smaller one, or from none.",
            )
        try:
            wanted = known if resolution == known.resolution else grown_architecture(known, resolution)
        except ValueError as error:
            raise ModelError(f"The model in {settings.base} cannot grow so: {error}.") from None
        if isinstance(wanted, CombArchitecture):  # people may join and leave
            wanted = replace(wanted, identities=identities)
        return _agreed(settings, wanted, settings.base, identities, "start from it")
    family = preset.architecture(preset.resolution).family if settings.family == "preset" else settings.family
    words = _asked(settings, family, identities)
    resolution = words.pop("resolution", preset.resolution)
    try:
        usual = preset.architecture(resolution)
        if family == usual.family and not words:
            return _checked(usual)
        return _checked(default_architecture(family, resolution, **words))
    except (TypeError, ValueError) as error:
        raise ModelError(f"There is no such network: {error}.") from None


def _agreed(
    settings: TrainSettings, known: Architecture, folder: Path, identities: tuple[str, ...], purpose: str
) -> Architecture:
    """``known``, the architecture of the model in ``folder``, if the settings ask for nothing else."""
    if settings.family not in ("preset", known.family):
        raise ModelError(
            f"The model in {folder} is of the family {known.family}, not {settings.family}.",
            f"Leave --family out to {purpose}.",
        )
    if set(known.identities) != set(identities):
        raise ModelError(
            f"The model in {folder} is of {', '.join(known.identities)}, not of {', '.join(identities)}.",
            f"Give the same people to {purpose}.",
        )
    for name, value in _asked(settings, known.family, known.identities).items():
        if getattr(known, name) != value:
            option, unit = name.replace("_", "-"), " px" if name == "resolution" else ""
            raise ModelError(
                f"The {option.replace('-', ' ')} of the model in {folder} is {getattr(known, name)}{unit}, not {value}{unit}.",
                f"Leave --{option} out to {purpose}.",
            )
    return known


def _asked(settings: TrainSettings, family: str, identities: tuple[str, ...]) -> dict[str, Any]:
    """What the settings ask of an architecture of ``family``, by the names of its fields."""
    asked: dict[str, Any] = {}
    for name in ("resolution", "bottleneck", "encoder_width", "decoder_width", "mask_width"):
        if (value := getattr(settings, name)) is not None:
            asked[name] = value
    for name in ("normalised_code", "half_resolution_decoder", "texture", "cosine"):
        if (choice := getattr(settings, name)) != "usual":
            asked[name] = choice == "yes"
    if identities != SIDES:
        asked["identities"] = identities
    known = {field.name for field in fields(DEEP[family])} if family in DEEP else {"resolution"}
    if strange := [name for name in asked if name not in known]:
        raise ModelError(
            f"A {family} network has no {strange[0].replace('_', ' ')} to choose.",
            "People besides the two sides need --family comb."
            if strange[0] == "identities"
            else "Choose another family, or leave it out.",
        )
    return asked


def _checked(arch: Architecture) -> Architecture:
    if arch.resolution % 16:
        raise ValueError(f"a model's resolution is a multiple of 16; {arch.resolution} is not")
    return arch


def _common_crop(sides: Mapping[str, Side]) -> str:
    """The crop kind of everybody. Raises :class:`FacesetError` when some are framed differently."""
    source = sides["source"]
    for name, side in sides.items():
        if (source.crop, source.colour_space) != (side.crop, side.colour_space):
            raise FacesetError(
                f"The source faces are {source.crop} crops in {source.colour_space}, "
                f"the {name} faces {side.crop} crops in {side.colour_space}.",
                "Extract both with the same crop and OCIO configuration.",
            )
    return source.crop


def _start_from(
    folder: Path, network: SwapNetwork, sides: Mapping[str, Side], means: Mapping[str, torch.Tensor], crop: str
) -> None:
    """Give a new network the weights of the model in ``folder``, grown where that is smaller, with its own people.

    Who was not among those it was trained on starts at the own mean face.
    """
    base, card = load_model(folder, torch.device("cpu"))
    if card.crop != crop:
        raise ModelError(
            f"The model in {folder} was trained on {card.crop} crops; these faces are {crop} crops.",
            f"Extract {card.crop} crops to start from it.",
        )
    if card.working_space not in ("", sides["target"].colour_space):
        raise ModelError(
            f"The model in {folder} was trained in {card.working_space}; these faces are in {sides['target'].colour_space}.",
            "Extract with the same OCIO configuration to start from it.",
        )
    if base.arch.resolution < network.arch.resolution:
        base = grow(base, network.arch.resolution)
    if isinstance(base, CombNetwork):
        base = base.regrouped(network.arch.identities)
    network.load_state_dict(base.state_dict())
    strangers = {
        name: means[name]
        for name, side in sides.items()
        if not _plates(card.trained_on.get(name, [])) & _plates(side.origin)
    }
    network.introduce(strangers)


def _card(folder: Path) -> ModelCard | None:
    """The card of the model in ``folder``; None where there is none, or none that can be read."""
    try:
        return load_card(folder)
    except ModelError:
        return None


def _plates(origin: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(one["plate"]) for one in origin}


def _refuse_exchanged(folder: Path, sides: Mapping[str, Side]) -> None:
    """Raises :class:`UsageError` where the model was trained with source and target the other way round."""
    card = _card(folder)
    if card is None:
        return
    source, target = (_plates(card.trained_on.get(side, [])) for side in SIDES)
    own, other = (_plates(sides[side].origin) for side in SIDES)
    if own & target and not own & source and other & source and not other & target:
        raise UsageError(
            f"The model in {folder} was trained with these people the other way round.",
            "Exchange --source and --target, or train into a new folder.",
        )
