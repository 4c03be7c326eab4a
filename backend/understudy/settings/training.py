"""What a model is, how it learns, and from whom."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.option import Options, option

Choice = Literal["usual", "yes", "no"]
"""A yes or no that is otherwise left to what suits."""


class TrainingOptions(Options):
    """How a model learns and when it stops."""

    preset: Literal["auto", "cpu", "gpu", "deepfacelab"] = option(
        "auto",
        "What a new model is and how it learns: cpu in minutes, gpu in hours, deepfacelab as that tool by default.",
    )
    family: Literal["preset", "quick", "df", "liae", "comb", "morph"] = option(
        "preset", "Kind of network of a new model."
    )
    resolution: int | None = option(
        None, "Side of the model's picture, a multiple of 16; from the preset when left out.", unit="px", ge=64, le=1024
    )
    bottleneck: int | None = option(
        None,
        "Length of the code of a df, liae, comb or morph network; to suit the resolution when left out.",
        ge=16,
        le=2048,
    )
    encoder_width: int | None = option(None, "Channels of its encoder's first layer.", ge=8, le=256)
    decoder_width: int | None = option(None, "Half the channels of its decoder's last layer.", ge=8, le=256)
    mask_width: int | None = option(None, "The same of the mask's branch.", ge=4, le=256)
    normalised_code: Choice = option("usual", "Bring its codes to spread 1.")
    half_resolution_decoder: Choice = option("usual", "Make all but the last pixels at half the resolution.")
    texture: Choice = option("usual", "Give encoder and decoder a layer more each, for finer texture.")
    cosine: Choice = option("usual", "Use x cos x between the layers in place of leaky rectifiers.")
    base: Path | None = option(
        None, "Folder of a model that a new one starts from: finer, larger, or on other people.", flag="from"
    )
    minutes: float | None = option(None, "Plan the phases of training into so many minutes in all.", unit="min", ge=0)
    iterations: int | None = option(None, "Plan the phases of training into so many steps in all.", ge=1)
    plateau: int | None = option(
        None, "Go on to the next phase when held-out faces have not become better for so many steps.", ge=100
    )
    batch: int | None = option(
        None,
        "Faces of each person per step and process; as many as fit, up to the preset's, when left out.",
        ge=1,
        le=256,
    )
    learning_rate: float | None = option(None, "Peak learning rate; from the preset when left out.", gt=0, le=0.1)
    find_rate: bool = option(False, "Look for a new model's learning rate by a short trial, with a picture of it.")
    ssim_weight: float = option(1.0, "Structural loss, against the preset's weight.", ge=0)
    mse_weight: float = option(1.0, "Squared error inside the face, against the preset's weight.", ge=0)
    l1_weight: float = option(0.0, "Absolute error inside the face.", ge=0)
    edge_weight: float = option(0.0, "Error of the edges inside the face.", ge=0)
    mask_weight: float = option(1.0, "Error of the learned mask, against the preset's weight.", ge=0)
    feature_weight: float = option(1.0, "Priority of eyes and mouth, against the preset's weight.", ge=0)
    pair_weight: float = option(1.0, "Look-alike moments of both people, against the preset's weight.", ge=0)
    identity_weight: float = option(0.0, "How strongly codes are kept from telling who they are of.", ge=0)
    style_weight: float = option(0.0, "How closely the swap takes the local colours of the face it replaces.", ge=0)
    adversarial_weight: float = option(
        1.0, "Strength of the critic that asks for fine detail in the last phase, against the preset's.", ge=0
    )
    background_weight: float = option(0.0, "Error of what surrounds the face, which is to be painted blurred.", ge=0)
    warp: float = option(1.0, "Strength of the random warp that parts expression from identity.", ge=0, le=2)
    affine: float = option(1.0, "Strength of random rotation, scale and shift, against the preset's.", ge=0, le=10)
    flip: Literal["preset", "none", "source", "target", "both"] = option(
        "preset", "Whose faces are mirrored at random: doubles a small faceset of a symmetric face."
    )
    exposure: float = option(0.0, "Spread of random exposure of what the encoder sees.", unit="stops", ge=0, le=4)
    white_balance: float = option(0.0, "Spread of random gains of its channels.", unit="stops", ge=0, le=2)
    hue: float = option(0.0, "Spread of random hue of it.", unit="deg", ge=0, le=180)
    saturation: float = option(0.0, "Spread of random saturation of it.", ge=0, le=1)
    colour_of_others: float = option(
        0.0, "How often a source face is shown in the colours of a random target face.", ge=0, le=1
    )
    blur: float = option(0.0, "How often what the encoder sees is blurred.", ge=0, le=1)
    downscale: float = option(0.0, "How often it is coarser than the model.", ge=0, le=1)
    noise: float = option(0.0, "How often it is noisy.", ge=0, le=1)
    occluders: float = option(
        0.0, "How often something random covers a part of it, which the mask leaves out.", ge=0, le=1
    )
    pose_balance: float = option(0.0, "How evenly over poses faces are drawn: 0 as they are, 1 evenly.", ge=0, le=1)
    seed: int = option(0, "Seed of everything random.", ge=0)
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")
    data_budget: float | None = option(
        None,
        "Memory of the device for faces; the rest stays in the host's. 60 % of what is free when left out.",
        unit="GiB",
        gt=0,
    )
    save_every: float = option(2.0, "Time between checkpoints.", unit="min", gt=0)
    preview_every: int = option(200, "Steps between previews and validations.", ge=1)


class TrainSettings(TrainingOptions):
    """Train a model on two people's facesets, or go on training one."""

    model: Path = option(..., "Folder of the model; training goes on where it stopped.", writes="folder")
    source: list[Path] = option([], "Facesets of the new face.")
    target: list[Path] = option([], "Facesets of the face in the plate.")
    others: list[str] = option([], "More people of a comb model, as NAME=FACESET; a name may come again.")
    pretrain: list[Path] = option(
        [], "Facesets of many people, in place of source and target: trains a base for --from."
    )
