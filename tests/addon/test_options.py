"""The add-on's reading of the schema, against the backend's own models."""

import json
from pathlib import Path

import pytest
from link import options
from pydantic import BaseModel
from understudy import settings


class Conversion(settings.WritingOptions, settings.ConversionOptions):
    """What the add-on has in one group."""


GROUPS: dict[str, type[BaseModel]] = {
    "plate": settings.PlateOptions,
    "analysis": settings.AnalysisOptions,
    "training": settings.TrainingOptions,
    "conversion": Conversion,
    "layer": settings.LayerOptions,
    "newface": settings.NewFaceOptions,
}
SHIPPED = options.read()


def by_name(group):
    return {option.name: option for option in SHIPPED.groups[group]}


@pytest.mark.parametrize(("group", "model"), GROUPS.items())
def test_a_group_has_the_backends_options_with_their_defaults_in_its_order(group, model):
    held = by_name(group)
    assert list(held) == list(model.model_fields)
    for name, field in model.model_fields.items():
        assert held[name].required == field.is_required()
        if not field.is_required():
            assert held[name].default == (field.default if held[name].kind != "list" else None)
        assert held[name].description == field.description.removesuffix(".")


@pytest.mark.parametrize(("group", "model"), GROUPS.items())
def test_the_edges_of_a_range_are_taken_by_the_backend_and_what_lies_beyond_is_refused(group, model):
    edges = 0
    for option in by_name(group).values():
        step = 1 if option.kind == "int" else 1e-3
        for edge, out in ((option.minimum, -step), (option.maximum, step)):
            if edge is None:
                continue
            edges += 1
            inside = edge + step if option.above and out < 0 else edge
            outside = edge if option.above and out < 0 else edge + out
            cast = int if option.kind == "int" else float
            given = {"plate": {"plate": "shot.exr"}, "analysis": {"reference": "a.png"}}.get(group, {})
            given |= {"motion_blur": 1.0} if option.name == "shutter" else {}
            model(**given, **{option.name: cast(inside)})
            with pytest.raises(ValueError, match=option.name):
                model(**given, **{option.name: cast(outside)})
    assert edges > 0 or group in ("plate", "layer", "newface")


def test_the_numbers_that_take_keys_are_those_that_the_backend_animates():
    for group, model in GROUPS.items():
        animated = {name for name, field in model.model_fields.items() if settings.animates(field.annotation)}
        assert {option.name for option in by_name(group).values() if option.animates} == animated
    for option in by_name("conversion").values():
        keys = {option.name: {"keys": {"1001": option.maximum}}}
        if option.animates:
            settings.ConversionOptions(**{"motion_blur": 1.0, **keys})
            assert option.kind == "float" and not option.optional
        else:
            with pytest.raises(ValueError, match=option.name):
                settings.ConversionOptions(**keys)


def test_kinds_choices_and_units_are_those_of_the_fields():
    conversion, training, plate = by_name("conversion"), by_name("training"), by_name("plate")
    assert conversion["force"].kind == "bool"
    assert conversion["convert_batch"].kind == "int"
    assert conversion["feather"].kind == "float"
    assert conversion["matte"].kind == "choice"
    assert conversion["roto_operation"].choices == ("intersect", "union", "subtract", "replace")
    assert conversion["erode"].unit == "px"
    assert plate["plate"].kind == "text"
    assert by_name("analysis")["reference"].kind == "path"
    assert training["minutes"].optional
    assert training["learning_rate"].above
    assert not training["seed"].optional


def test_no_optional_number_means_something_by_zero():
    """Zero stands in the panels for an optional number that is left out."""
    for group in SHIPPED.groups.values():
        for option in group:
            if option.optional and option.kind in ("int", "float"):
                assert option.minimum is not None, option.name
                # In no minutes nothing is trained, which a panel for training has no use for.
                assert option.minimum > 0 or option.above or option.name == "minutes", option.name


def test_labels_are_in_title_case_us_spelling_and_tell_units():
    assert by_name("conversion")["relight_reach"].label == "Relight Reach"
    assert by_name("conversion")["colour_match"].label == "Color Match"
    assert by_name("conversion")["erode"].label == "Erode"
    assert by_name("training")["save_every"].label == "Save Every (min)"
    assert by_name("training")["minutes"].label == "Time Limit (min)"
    assert by_name("training")["mse_weight"].label == "MSE Weight"
    assert options.words("mediapipe") == "MediaPipe"
    assert by_name("conversion")["feather_in"].label == "Feather In"
    assert by_name("conversion")["face_rotate"].label == "Face Rotate (°)"
    assert [options.words(word) for word in ("idt", "monge-kantorovich", "learned-union", "dlib-hog")] == [
        "IDT", "Monge-Kantorovich", "Learned Union", "Dlib HOG",
    ]  # fmt: skip


def test_every_stage_has_all_of_its_settings():
    assert [o.name for o in SHIPPED.stages["convert"]] == list(settings.ConvertSettings.model_fields)
    train = {o.name: o for o in SHIPPED.stages["train"]}
    assert train["source"].kind == "list"
    assert train["model"].required and not train["source"].required


def test_an_option_in_an_unknown_form_is_named(tmp_path: Path):
    schema = json.loads(options.SCHEMA.read_text(encoding="utf-8"))
    schema["$defs"]["ConvertSettings"]["properties"]["opacity"] = {"type": "object", "description": "Odd."}
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(schema), encoding="utf-8")
    with pytest.raises(ValueError, match="opacity"):
        options.read(file)


def test_a_document_takes_what_its_stage_knows_and_what_does_something_there():
    """The backend refuses the rest; the oracle is its own check of what is left."""
    shown = {"plate": "p.exr", "frames": None, "missing": "error", "detector": "dlib-hog", "recogniser": "dlib",
             "reference": None, "likeness": 0.4, "crop": "head", "face": "track:2", "roto": None, "roto_operation": "union",
             "motion_blur": 0.0, "shutter": 90.0, "relight": 0.0, "relight_reach": 0.1, "force": True, "erode": 2.0,
             "model": "m", "faceset": "faces"}  # fmt: skip
    made = {"convert": {"out": "o.####.exr"}, "preview": {"out": "o", "frame": 1}, "find": {"frame": 1}, "inspect": {}}
    kept = {stage: options.taken(stage, {**shown, **own}) for stage, own in made.items()}
    for stage, values in kept.items():
        settings.STAGES[stage](**values)
        with pytest.raises(ValueError, match=r"would do nothing|Extra inputs"):
            settings.STAGES[stage](**{**shown, **made[stage]})
    assert kept["convert"].keys() & shown.keys() == {
        "plate", "frames", "face", "roto", "motion_blur", "relight", "force", "erode", "model", "faceset",
    } | ({"missing"} & kept["convert"].keys())  # fmt: skip
    assert kept["find"] == {"plate": "p.exr", "detector": "dlib-hog", "frame": 1}
    assert options.taken("convert", {**shown, "motion_blur": 1.0, "out": "o"})["shutter"] == 90.0
    assert options.taken("convert", {**shown, "motion_blur": {"keys": {"1": 0.0}}, "out": "o"})["shutter"] == 90.0
