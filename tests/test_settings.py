from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic import ValidationError
from understudy import settings as schema
from understudy.errors import UsageError
from understudy.settings import (
    STAGES,
    ConversionOptions,
    ConvertSettings,
    ExtractSettings,
    Keys,
    Options,
    SwapSettings,
    TrainSettings,
    animates,
    job_schema,
    parse_job,
)

MODELS = [
    model
    for _, model in inspect.getmembers(schema, inspect.isclass)
    if issubclass(model, Options) and model is not schema.Job
]


def document(**settings: object) -> str:
    return json.dumps({"stage": "extract", "settings": {"plate": "p.exr", "out": "faces", **settings}})


def test_a_job_document_becomes_settings() -> None:
    job = parse_job(document(crop="full", frames="1-9x2"))
    assert job.stage == "extract"
    assert job.settings == ExtractSettings(plate="p.exr", out=Path("faces"), crop="full", frames="1-9x2")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (document(crop_size=31), "crop_size"),
        (document(crop="eye"), "crop"),
        (document(unheard_of=1), "unheard_of"),
        (json.dumps({"stage": "extract", "settings": {"plate": "p"}}), "out"),
        (json.dumps({"settings": {}}), "stage"),
        ("no JSON", "JSON"),
    ],
)
def test_a_malformed_job_names_the_field(text: str, part: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_job(text, "shot.json")
    assert raised.value.message.startswith("shot.json is not a valid job: ")
    assert part in raised.value.message
    assert "\n" not in raised.value.message


def test_checked_settings_stay_as_they_are() -> None:
    settings = ExtractSettings(plate="p", out=Path("f"))
    with pytest.raises(ValidationError):
        settings.crop_size = 8  # type: ignore[misc]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_option_says_what_it_does_and_accepts_its_default(model: type[Options]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description and field.description.endswith("."), name
    required = {name: field for name, field in model.model_fields.items() if field.is_required()}
    samples = {int: 1, list[Path]: ["x"], dict[int, float]: {1: 1.0}}
    filled = {
        name: get_args(field.annotation)[0]
        if get_origin(field.annotation) is Literal
        else samples.get(field.annotation, "x")
        for name, field in required.items()
    }
    defaults = model(**filled).model_dump(exclude=set(required))
    assert model(**filled, **defaults) == model(**filled)  # a default goes through the same checks as a given value


def test_an_option_of_several_stages_means_the_same_in_each() -> None:
    own = {"source", "target", "model", "others", "pretrain"}
    for name, field in TrainSettings.model_fields.items():
        if name not in own:
            assert SwapSettings.model_fields[name].description == field.description


def test_the_schema_describes_every_option_with_range_and_unit() -> None:
    definitions = job_schema()["$defs"]
    size = definitions["ExtractSettings"]["properties"]["crop_size"]
    assert (size["minimum"], size["maximum"], size["unit"], size["default"]) == (32, 2048, "px", 256)
    assert definitions["ExtractSettings"]["additionalProperties"] is False
    assert "frames" in definitions["ConvertSettings"]["properties"]


def test_every_option_in_the_schema_says_whose_it_is() -> None:
    definitions = job_schema()["$defs"]
    groups = {
        name: {option: told["group"] for option, told in definitions[model.__name__]["properties"].items()}
        for name, model in STAGES.items()
    }
    assert groups["preview"]["model"] == groups["preview"]["source"] == "newface"
    named = [groups["swap"][name] for name in ("plate", "crop", "minutes", "device", "holdout", "source")]
    assert named == ["plate", "analysis", "training", "training", "conversion", "source"]
    assert {name for name, group in groups["preview"].items() if group == "own"} == {
        *("frame", "out", "faceset", "face", "device")
    }
    assert set(groups["inspect"].values()) == {"plate"}
    assert set(groups["model info"].values()) == {"own"}


def test_the_schema_that_the_add_on_ships_is_this_one() -> None:
    shipped = Path(__file__).parents[1] / "addon" / "schema.json"
    assert json.loads(shipped.read_text(encoding="utf-8")) == job_schema(), "stale: renew it with `make schema`"


def test_a_number_that_animates_is_a_constant_or_keys_in_any_form() -> None:
    def opacity(value: object) -> object:
        return ConvertSettings(plate="p", model="m", out="o", opacity=value).opacity

    keys = opacity({"keys": {"1001": 0, "1010": 1}, "interpolation": "smooth"})
    assert keys == opacity("1001:0, 1010:1 smooth") == Keys(keys={1001: 0.0, 1010: 1.0}, interpolation="smooth")
    assert opacity("0.25") == opacity(0.25) == 0.25
    assert str(keys) == "1001:0 1010:1 smooth"
    settings = ConvertSettings(plate="p", model="m", out="o", opacity=keys)
    written = json.dumps({"stage": "convert", "settings": settings.model_dump(mode="json")})
    assert parse_job(written).settings == settings


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1001:0,1010:1.5", "less than or equal to 1"),
        ({"keys": {"1": -1}}, "greater than or equal to 0"),
        ("1001:0,fast", "'fast' is neither frame:value nor one of linear, constant, smooth"),
        ("1001:0,1001:1", "frame 1001 has two values"),
        ("half", "'half' is no number"),
        ("1001:inf", "'inf' is no finite number"),
        ({"keys": {}}, "at least 1 item"),
        ({"keys": {"1": 1}, "interpolation": "bezier"}, "'linear', 'constant' or 'smooth'"),
    ],
)
def test_bad_keys_are_told_in_one_sentence(value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as raised:
        ConvertSettings(plate="p", model="m", out="o", opacity=value)
    assert raised.value.error_count() == 1


def test_every_number_of_a_look_takes_keys() -> None:
    counts = {"colour_window", "convert_batch"}
    for name, field in ConversionOptions.model_fields.items():
        if isinstance(field.default, int | float) and not isinstance(field.default, bool) and name not in counts:
            assert animates(field.annotation), name


def test_the_schema_tells_what_animates_and_in_which_range() -> None:
    erode = job_schema()["$defs"]["ConvertSettings"]["properties"]["erode"]
    number, keys = erode["anyOf"]
    assert number == {"type": "number", "minimum": -200, "maximum": 200} and keys == {"$ref": "#/$defs/Keys"}
