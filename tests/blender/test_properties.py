"""The shot in the scene: generated settings against the schema, what a job gets of them, and what a .blend keeps."""

import json
from pathlib import Path

import bpy
import pytest

SCHEMA = json.loads((Path(__file__).parents[2] / "addon" / "schema.json").read_text(encoding="utf-8"))
HELD = ("TrainSettings", "SwapSettings", "FindSettings")
GROUPS = ("plate", "analysis", "training", "conversion")
OPTIONS = {
    (entry["group"], name): entry
    for definition in HELD
    for name, entry in SCHEMA["$defs"][definition]["properties"].items()
    if entry["group"] in GROUPS
}
KEYS = {"$ref": "#/$defs/Keys"}


@pytest.fixture
def properties(extension):
    return extension.addon.scene.properties


@pytest.fixture
def shot(fresh):
    return fresh.understudy


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_option_of_the_schema_is_a_property_like_it(shot, group, name):
    entry = OPTIONS[group, name]
    branches = entry.get("anyOf", [entry])
    [form] = [branch for branch in branches if branch not in (KEYS, {"type": "null"})]
    optional = {"type": "null"} in branches
    held = getattr(shot, group)
    rna = held.bl_rna.properties[name]
    assert rna.name
    assert rna.description.startswith(entry["description"].removesuffix("."))
    assert not rna.description.endswith(".")
    expected = {"boolean": "BOOLEAN", "integer": "INT", "number": "FLOAT", "string": "STRING"}[form["type"]]
    assert rna.type == ("ENUM" if "enum" in form else expected)
    if rna.type == "ENUM":
        assert [item.identifier for item in rna.enum_items] == form["enum"]
    value = getattr(held, name)
    default = entry.get("default")
    assert value == (pytest.approx(default) if isinstance(default, float) else default or type(value)())
    if "maximum" in form:
        assert rna.hard_max == pytest.approx(form["maximum"])
    if "minimum" in form:
        assert rna.hard_min == pytest.approx(0 if optional else form["minimum"])
    if "exclusiveMinimum" in form and not optional:
        assert rna.hard_min > form["exclusiveMinimum"]
    if entry.get("unit") == "px":
        assert rna.subtype == "PIXEL"
    assert rna.is_animatable == (KEYS in branches)


def test_untouched_settings_are_the_schemas_defaults_exactly(shot, properties):
    for group in GROUPS:
        wanted = {name: entry.get("default") for (held, name), entry in OPTIONS.items() if held == group}
        if group == "plate":
            wanted["plate"] = ""
        assert properties.settings_of(shot, group) == wanted


def test_settings_come_back_as_they_were_set(shot, properties):
    shot.plate.frames = "1001-1010"
    shot.analysis.crop = "head"
    shot.training.minutes = 7.5
    shot.training.resolution = 128
    shot.training.learning_rate = 1e-4
    shot.conversion.feather = 0.123
    shot.conversion.erode = -3.5
    shot.conversion.force = True
    settings = properties.settings_of(shot, *GROUPS)
    assert settings["frames"] == "1001-1010"
    assert settings["crop"] == "head"
    assert settings["minutes"] == 7.5
    assert settings["resolution"] == 128
    assert settings["learning_rate"] == 1e-4
    assert settings["feather"] == 0.123
    assert settings["erode"] == -3.5
    assert settings["force"] is True
    json.dumps(settings)


def test_what_is_emptied_again_is_left_out(shot, properties):
    shot.training.resolution, shot.plate.frames = 128, "1-5"
    shot.training.resolution, shot.plate.frames = 0, ""
    settings = properties.settings_of(shot, "training", "plate")
    assert settings["resolution"] is None
    assert settings["frames"] is None


def _with_people(shot, *tracks):
    for track in tracks:
        shot.people.add().track = track


def test_who_is_chosen_in_the_list_is_replaced(shot):
    _with_people(shot, 4, 9)
    shot.person_index = 1
    assert shot.analysis.face == "track:9"
    shot.person_index = 0
    assert shot.analysis.face == "track:4"
    shot.person_index = -1
    assert shot.analysis.face == "track:4"


def test_the_only_person_needs_no_choice(shot):
    _with_people(shot, 4)
    shot.person_index = 0
    assert shot.analysis.face == "one", "the faceset and its versions stay those of one person"


def test_a_choice_in_the_list_is_undone_whole(fresh):
    _with_people(fresh.understudy, 4, 9)
    fresh.understudy.person_index = 0
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.understudy.select_person(index=1)
    bpy.ops.ed.undo_push(message="select")
    bpy.ops.ed.undo()
    shot = bpy.context.scene.understudy
    assert (shot.person_index, shot.analysis.face, len(shot.people)) == (0, "track:4", 2)


def test_a_number_between_left_out_and_the_smallest_allowed_is_lifted(shot):
    shot.training.resolution = 5
    assert shot.training.resolution == 64
    shot.training.plateau = 1
    assert shot.training.plateau == 100


def test_paths_beside_the_blend_are_absolute_for_the_backend(shot, properties, tmp_path):
    (tmp_path / "shots").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shots" / "a.blend"))
    shot = bpy.context.scene.understudy
    shot.plate.plate = "//../plates/sh.####.exr"
    shot.analysis.reference = "//face.png"
    shot.conversion.holdout = "//matte.####.exr:mask.face"
    shot.plate.ocio = "ocio://default"
    settings = properties.settings_of(shot, *GROUPS)
    assert settings["plate"] == str(tmp_path / "plates" / "sh.####.exr")
    assert settings["reference"] == str(tmp_path / "shots" / "face.png")
    assert settings["holdout"] == str(tmp_path / "shots" / "matte.####.exr:mask.face")
    assert settings["ocio"] == "ocio://default"
    assert Path(properties.absolute(shot.folder)) == tmp_path / "shots" / "understudy"


def test_a_blend_opens_again_in_the_same_state(shot, tmp_path):
    shot.plate.plate = "//plates/sh.####.exr"
    shot.conversion.opacity = 0.25
    shot.analysis.crop = "face"
    shot.compare, shot.wipe = "WIPE", 0.75
    for track in (3, 1):
        person = shot.people.add()
        person.name, person.track, person.weakest = f"Person {track}", track, 1000 + track
    shot.person_index = 1
    version = shot.versions.add()
    version.name, version.pattern, version.first, version.last = "v001", "//renders/v001/sh.####.exr", 1001, 1048
    other = bpy.data.scenes.new("Other")
    other.understudy.conversion.opacity = 0.5
    file = str(tmp_path / "state.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert bpy.context.scene.understudy.conversion.opacity == 1
    bpy.ops.wm.open_mainfile(filepath=file)
    shot = bpy.data.scenes["Scene"].understudy
    assert shot.plate.plate == "//plates/sh.####.exr"
    assert (shot.conversion.opacity, shot.analysis.crop, shot.compare, shot.wipe) == (0.25, "face", "WIPE", 0.75)
    assert [(p.name, p.track, p.weakest) for p in shot.people] == [("Person 3", 3, 1003), ("Person 1", 1, 1001)]
    assert shot.person_index == 1
    assert [(v.name, v.pattern, v.first, v.last) for v in shot.versions] == [
        ("v001", "//renders/v001/sh.####.exr", 1001, 1048)
    ]
    assert bpy.data.scenes["Other"].understudy.conversion.opacity == 0.5


def test_scenes_have_shots_of_their_own_and_a_copy_takes_its_shot_along(fresh):
    fresh.understudy.conversion.opacity = 0.5
    empty = bpy.data.scenes.new("Empty")
    copy = fresh.copy()
    assert empty.understudy.conversion.opacity == 1
    assert copy.understudy.conversion.opacity == 0.5
    copy.understudy.conversion.opacity = 0.1
    assert fresh.understudy.conversion.opacity == 0.5


def test_undo_takes_a_setting_back(fresh):
    bpy.ops.ed.undo_push(message="before")
    bpy.context.scene.understudy.conversion.opacity = 0.5
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert bpy.context.scene.understudy.conversion.opacity == 1
    bpy.ops.ed.redo()
    assert bpy.context.scene.understudy.conversion.opacity == 0.5


def test_undo_does_not_forget_the_model_that_is_being_trained(extension, fresh, tmp_path, monkeypatch):
    from bl_ext.user_default.understudy.addon import preferences
    from bl_ext.user_default.understudy.addon.jobs.session import session

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    monkeypatch.setattr(session, "waits", lambda: False)
    preferences.preferences().command = "nothing"  # no job starts before the next poll
    shot = bpy.context.scene.understudy
    shot.plate.plate, shot.source_footage = "/p/sh010.####.exr", "/p/new.####.exr"
    bpy.ops.ed.undo_push(message="plate")
    try:
        assert bpy.ops.understudy.train() == {"FINISHED"}
        bpy.context.scene.understudy.conversion.opacity = 0.5
        bpy.ops.ed.undo_push(message="opacity")
        bpy.ops.ed.undo()
        assert bpy.context.scene.understudy.model == "//understudy/models/sh010"
    finally:
        preferences.preferences().command = ""
        session.reopen()
