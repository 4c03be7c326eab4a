from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_people import ANNE, BERT, make_faceset, tiny_preset
from understudy.errors import ModelError, UsageError
from understudy.model.growth import grown_architecture
from understudy.model.store import ModelCard, load_model, save_model
from understudy.settings import TrainSettings
from understudy.training.presets import PRESETS
from understudy.training.setup import TrainingSetup, begin

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("people")
    return {
        "bert": make_faceset(folder / "bert", BERT, 5, seed=1),
        "anne": make_faceset(folder / "anne", ANNE, 4, seed=2),
        "carl": make_faceset(folder / "carl", replace(BERT, width=0.9), 3, seed=3),
    }


@pytest.fixture(autouse=True)
def tiny(monkeypatch) -> None:
    monkeypatch.setitem(PRESETS, "cpu", tiny_preset())


def beginning(people, model: Path, **changes: Any) -> TrainingSetup:
    sides = {} if changes.get("pretrain") else {"source": [people["bert"]], "target": [people["anne"]]}
    return begin(TrainSettings(**{**sides, "model": model, "device": "cpu", **changes}), CPU, None)


def save(folder: Path, begun: TrainingSetup, **card: Any) -> Path:
    """The network of ``begun`` as a model, with weights that cannot be mistaken."""
    with torch.no_grad():
        for parameter in begun.network.parameters():
            parameter.add_(0.125)
    origin = {name: side.origin for name, side in begun.sides.items()}
    save_model(
        folder,
        begun.network,
        ModelCard(**{"architecture": begun.network.arch, "crop": begun.crop, "trained_on": origin, **card}),
    )
    return folder


def test_a_model_of_the_same_people_is_taken_as_it_is(people, tmp_path):
    base = save(tmp_path / "base", beginning(people, tmp_path / "new"))
    network = beginning(people, tmp_path / "finer", base=base).network
    known, _ = load_model(base, CPU)
    for name, value in network.state_dict().items():
        assert torch.equal(value, known.state_dict()[name]), name


def test_a_new_person_starts_at_the_own_mean_face(people, tmp_path):
    base = save(tmp_path / "base", beginning(people, tmp_path / "new"))
    begun = beginning(people, tmp_path / "other", source=[people["carl"]], base=base)
    known, fresh = load_model(base, CPU)[0].state_dict(), begun.network.state_dict()
    different = {name for name in fresh if not torch.equal(fresh[name], known[name])}
    assert different == {"decoders.source.mean"}
    assert torch.equal(fresh["decoders.source.mean"][0], begun.sides["source"].mean_face())


def test_a_base_of_many_is_what_both_sides_start_from(people, tmp_path):
    pool = beginning(people, tmp_path / "base", pretrain=list(people.values()))
    assert pool.sides["source"] is pool.sides["target"], "their faces lie in memory once"
    assert pool.recipe.weights.pairs == 0
    held = sum(len(side.held_out) for side in (pool.sides["source"],))
    assert pool.sides["source"].count + held >= 12
    base = save(tmp_path / "base", pool)
    begun = beginning(people, tmp_path / "new", base=base)
    assert torch.equal(begun.network.encoder.squeeze.weight, load_model(base, CPU)[0].encoder.squeeze.weight)


def test_a_larger_model_grows_from_a_smaller_one(people, tmp_path):
    base = save(tmp_path / "base", beginning(people, tmp_path / "new"))
    network = beginning(people, tmp_path / "large", resolution=128, base=base).network
    known, _ = load_model(base, CPU)
    assert network.arch == grown_architecture(known.arch, 128)
    assert torch.equal(network.encoder.look[1].weight, known.encoder.look[1].weight)
    with pytest.raises(ModelError, match="doubling"):
        beginning(people, tmp_path / "odd", resolution=96, base=base)
    with pytest.raises(ModelError, match="finer than 64 px"):
        large = save(tmp_path / "fine", beginning(people, tmp_path / "l", resolution=128))
        beginning(people, tmp_path / "small", resolution=64, base=large)


def test_options_name_the_network(people, tmp_path):
    words = {
        "bottleneck": 24,
        "encoder_width": 8,
        "decoder_width": 8,
        "mask_width": 4,
        "cosine": "yes",
        "texture": "no",
    }
    arch = beginning(people, tmp_path, family="liae", resolution=64, **words).network.arch
    assert (arch.family, arch.resolution, arch.bottleneck, arch.cosine, arch.texture) == ("liae", 64, 24, True, False)
    with pytest.raises(ModelError, match="quick network has no bottleneck"):
        beginning(people, tmp_path, bottleneck=24)
    with pytest.raises(ModelError, match="multiple of 16"):
        beginning(people, tmp_path, resolution=100)
    base = save(tmp_path / "base", beginning(people, tmp_path / "new"))
    with pytest.raises(ModelError, match="of the family quick, not liae"):
        beginning(people, tmp_path / "other", family="liae", base=base)


def test_a_comb_knows_more_people(people, tmp_path):
    small = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4, "resolution": 64}
    begun = beginning(people, tmp_path, family="comb", others=[f"carl={people['carl']}"], **small)
    assert begun.network.arch.identities == ("source", "target", "carl") and set(begun.sides) == {
        "source",
        "target",
        "carl",
    }
    with pytest.raises(ModelError, match=r"identities|comb"):
        beginning(people, tmp_path, others=[f"carl={people['carl']}"])


def test_people_join_a_comb_that_was_trained_without_them(people, tmp_path):
    small = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4, "resolution": 64}
    pool = beginning(people, tmp_path / "pool", family="comb", pretrain=list(people.values()), **small)
    base = save(tmp_path / "base", pool)
    three = beginning(people, tmp_path / "three", base=base, others=[f"carl={people['carl']}"])
    known, network = load_model(base, CPU)[0], three.network
    assert network.arch.identities == ("source", "target", "carl")
    for name, value in known.decoder.state_dict().items():
        assert torch.equal(network.decoder.state_dict()[name], value), name
    assert torch.equal(network.offset[:2], known.offset) and torch.allclose(network.offset[2], known.offset.mean(0))
    assert torch.equal(network.mean[2], three.sides["carl"].mean_face())
    # And one more to those who are there, at twice the size; who was there keeps even the mean face.
    base = save(tmp_path / "larger", three)
    more = [f"carl={people['carl']}", f"dora={people['anne']}"]
    four = beginning(people, tmp_path / "four", base=base, others=more, resolution=128).network
    assert four.arch.identities == ("source", "target", "carl", "dora") and four.arch.resolution == 128
    assert torch.equal(four.offset[2], load_model(base, CPU)[0].offset[2])
    with pytest.raises(ModelError, match="is of source, target, not of"):
        quick = save(tmp_path / "quick", beginning(people, tmp_path / "q"))
        beginning(people, tmp_path / "no", base=quick, others=more)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": []}, "both people"),
        ({"others": ["carl"]}, "does not name a person"),
        ({"others": ["target=x"]}, "side of the swap"),
    ],
)
def test_mistakes_are_said(people, tmp_path, changes, said):
    with pytest.raises(UsageError, match=said):
        beginning(people, tmp_path, **changes)
    with pytest.raises(UsageError, match="alone"):
        begin(TrainSettings(model=tmp_path, source=[people["bert"]], pretrain=[people["anne"]]), CPU, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"find_rate": True, "learning_rate": 1e-3}, "either given or found"),
        ({"plateau": 100, "preview_every": 200}, "every 200 steps"),
        ({"adversarial_weight": 5.0}, "no adversarial term"),
    ],
)
def test_options_that_would_do_nothing_or_harm_are_refused(people, tmp_path, changes, said):
    with pytest.raises(UsageError, match=said):
        beginning(people, tmp_path, **changes)


def test_a_model_is_not_gone_on_with_the_other_way_round(people, tmp_path):
    model = save(tmp_path / "m", beginning(people, tmp_path / "new"))
    with pytest.raises(UsageError, match="other way round"):
        beginning(people, model, source=[people["anne"]], target=[people["bert"]])
    assert beginning(people, model).crop == "whole"


def test_a_model_keeps_to_its_colour_space(people, tmp_path):
    model = save(tmp_path / "m", beginning(people, tmp_path / "new"), working_space="lin_rec709_scene")
    for changes in ({"model": model}, {"model": tmp_path / "other", "base": model}):
        with pytest.raises(ModelError, match=r"lin_rec709_scene.*lin_ap1_scene"):
            beginning(people, changes.pop("model"), **changes)
