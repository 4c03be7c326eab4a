"""Panels: their place, their order, and that each can be drawn in every state of a shot."""

import os
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

ORDER = ["Plate", "Faces", "New Face", "Swap", "Compare", "Result"]


class Recorder:
    """Stands for a layout: takes whatever a panel draws, checks that what it names exists, and keeps the words."""

    def __init__(self, words=None):
        self.__dict__["words"] = [] if words is None else words

    def __setattr__(self, name, value):
        assert name in bpy.types.UILayout.bl_rna.properties, f"layouts have no {name}"

    def __getattr__(self, name):
        assert name in bpy.types.UILayout.bl_rna.functions, f"layouts have no {name}"

        def draw(*args, **kwargs):
            known = bpy.types.UILayout.bl_rna.functions[name].parameters
            for one in kwargs:
                assert one in known, f"{name} takes no {one}"
            if "icon" in kwargs:
                assert kwargs["icon"] in known["icon"].enum_items, kwargs["icon"]
            if name == "prop":
                assert args[1] in args[0].bl_rna.properties, args[1]
            if kwargs.get("text"):
                self.words.append(kwargs["text"])
            if name == "operator":
                group, _, operator = args[0].partition(".")
                rna = getattr(getattr(bpy.ops, group), operator).get_rna_type()
                return _Button({prop.identifier for prop in rna.properties})
            return Recorder(self.words)

        return draw


class _Button:
    def __init__(self, names):
        self.__dict__["names"] = names

    def __setattr__(self, name, value):
        assert name in self.names, f"the operator has no {name}"


def _families():
    from bl_ext.user_default.understudy.addon.panels import compare, faces, model, new_face, plate, result, swap

    return [cls for family in (plate, faces, new_face, model, swap, compare, result) for cls in family.CLASSES]


def _draw(cls):
    """What the panel says."""
    layout = Recorder()
    panel = type("Drawn", (), dict(vars(cls), layout=layout))()
    panel.draw = None
    cls.body(panel, bpy.context, layout)
    return " | ".join(layout.words)


@pytest.fixture
def shot(extension, fresh):
    from bl_ext.user_default.understudy.addon.jobs.session import session

    yield fresh.understudy
    session.reopen()


def _panel(name):
    return getattr(bpy.types, f"UNDERSTUDY_PT_{name}")


def test_the_panels_stand_in_one_tab_in_the_order_of_the_work(extension):
    panels = [cls for cls in _families() if issubclass(cls, bpy.types.Panel)]
    assert {(cls.bl_space_type, cls.bl_region_type, cls.bl_category) for cls in panels} == {
        ("IMAGE_EDITOR", "UI", "Understudy")
    }
    main = sorted((cls for cls in panels if not getattr(cls, "bl_parent_id", "")), key=lambda cls: cls.bl_order)
    assert [cls.bl_label for cls in main] == ORDER


def test_the_swap_has_a_sub_panel_for_each_subject(extension):
    held = [cls for cls in _families() if getattr(cls, "bl_parent_id", "") == "UNDERSTUDY_PT_swap"]
    assert [cls.bl_label for cls in held] == ["Matte", "Color", "Finish", "Placement", "More"]


def test_every_panel_draws_in_a_new_file(shot):
    for cls in _families():
        if issubclass(cls, bpy.types.Panel):
            _draw(cls)
    assert "Load Plate" in _draw(_panel("plate"))


def test_the_plate_panel_tells_facts_and_gaps(shot):
    shot.plate.plate, shot.width, shot.height, shot.first, shot.last = "/p/a.####.exr", 1920, 1080, 1001, 1048
    shot.fps, shot.colour, shot.gaps = 24, "ACEScg", "1003, 1007-1010"
    said = _draw(_panel("plate"))
    assert "1920 × 1080 at 24 fps" in said
    assert "Frames 1001-1048" in said
    assert "ACEScg" in said
    assert "1003, 1007-1010" in said


def test_where_things_go_is_said_while_the_file_is_not_saved(shot):
    shot.plate.plate = "/show/sh010/a.####.exr"
    assert "/show/sh010/understudy" in _draw(_panel("plate_settings")).replace(" | ", "").replace("\\", "/")


def test_a_person_is_told_with_the_weakest_frame(shot):
    person = shot.people.add()
    person.name, person.track, person.frames, person.first, person.last = "Person 1", 3, 48, 1001, 1048
    person.weakest, person.confidence, person.weakest_confidence = 1017, 0.93, 0.41
    shot.person_index = 0
    said = _draw(_panel("faces"))
    assert "1017 (41%)" in said
    assert "93%" in said


@pytest.fixture
def task(shot, fresh):
    from bl_ext.user_default.understudy.addon.jobs.session import session
    from bl_ext.user_default.understudy.addon.jobs.task import Task

    def make(family, **more):
        made = Task("extract", family, "Find Faces", fresh.session_uid, {}, **more)
        session._tasks.append(made)
        return made

    return make


def test_a_job_shows_frames_and_a_stop_button(task):
    task("faces", state="running", progress=(12, 48, "frames", ""))
    assert "Frame 12 of 48" in _draw(_panel("faces"))


def test_a_failure_shows_its_sentence_its_remedy_and_the_log(task):
    task("result", state="failed", problem="The disk is full.", hint="Free some space.")
    said = _draw(_panel("result"))
    assert "The disk is full." in said
    assert "Free some space." in said
    assert "The disk is full." not in _draw(_panel("faces")), "each panel tells its own"


def test_a_face_that_is_meant_by_a_point_is_told(shot):
    shot.people.add()
    shot.person_index, shot.analysis.face = -1, "point:1001,250.0,140.0"
    assert "Face: point:1001,250.0,140.0" in _draw(_panel("faces"))


def test_the_train_button_says_what_it_does(shot, tmp_path):
    shot.model = str(tmp_path)
    assert "Train New Model" in _draw(_panel("model"))
    (tmp_path / "model.safetensors").touch()
    assert "Resume Training" in _draw(_panel("model"))


@pytest.mark.parametrize("mode", ["OFF", "WIPE", "DIFFERENCE", "MATTE"])
def test_the_comparison_panel_offers_all_four(shot, mode):
    shot.preview_composite = "/p/composite.1001.exr"
    shot.compare = mode
    said = _draw(_panel("compare"))
    assert "Off | Wipe | Difference | Matte" in said
    assert ("Gain" in said.split(" | ")) == (mode == "DIFFERENCE")
    assert "Color Gain R | G | B" in said


class Rows:
    """Stands for a layout that settings are drawn into: which of them are in force, and which may be keyed there."""

    def __init__(self):
        self.use_property_split = self.use_property_decorate = False
        self.active, self.rows, self.drawn, self.offered = True, [], "", {}

    def column(self, **_options):
        self.rows.append(Rows())
        return self.rows[-1]

    row = split = column

    def label(self, text, **_look):
        self.said = text

    def prop(self, _settings, name):
        self.drawn = name

    def prop_enum(self, settings, name, value, text):
        assert value in settings.bl_rna.properties[name].enum_items
        self.offered[name] = [*self.offered.get(name, ()), text]

    def dimmed(self):
        return {row.drawn for column in self.rows for row in column.rows if not row.active}


def _dimmed(shot):
    from bl_ext.user_default.understudy.addon.panels import settings

    layout = Rows()
    settings.draw_group(layout, shot.conversion, "conversion")
    return layout.dimmed()


def test_what_has_no_effect_as_things_are_set_is_dimmed(shot):
    matched = {"colour_strength", "colour_part", "colour_encoding", "colour_window"}
    own, shot.renderer = shot.conversion, "network"
    assert _dimmed(shot) == {"roto_operation", "shutter"}
    own.colour_match, own.relight, own.roto, own.motion_blur = "none", 0, "//roto.####.exr", 0.5
    assert _dimmed(shot) == {*matched, "relight_reach"}
    own.colour_match, own.colour_strength, own.relight = "idt", 0, 1
    assert _dimmed(shot) == matched - {"colour_strength"}


def test_footage_has_the_settings_that_mean_something_for_it(shot):
    from bl_ext.user_default.understudy.addon.panels import settings

    assert _dimmed(shot) == {"roto_operation", "shutter", "colour_encoding", "colour_window", "person", "morph"}
    layout = Rows()
    settings.draw_group(layout, shot.conversion, "conversion")
    offered = [split.rows for column in layout.rows for whole in column.rows for split in whole.rows]
    assert [(label.said, row.offered) for label, row in offered] == [
        ("Matte", {"matte": ["Head", "Hull"]}),
        ("Color Match", {"colour_match": ["Plate", "None"]}),
    ]


def test_a_strength_that_is_keyed_counts_though_it_is_nothing_on_this_frame(shot, fresh):
    own = shot.conversion
    assert own.keyframe_insert("motion_blur", frame=1001)
    own.motion_blur = 1
    assert own.keyframe_insert("motion_blur", frame=1010)
    fresh.frame_set(1001)
    assert own.motion_blur == 0
    assert "shutter" not in _dimmed(shot)


def test_settings_that_animate_have_the_button_that_sets_a_key(shot):
    from bl_ext.user_default.understudy.addon.panels import settings

    for group, keyed in (("conversion", True), ("training", False)):
        layout = Rows()
        settings.draw_group(layout, getattr(shot, group), group)
        assert [column.use_property_decorate for column in layout.rows] == [keyed]


@pytest.mark.parametrize(("group", "name"), [("training", "batch"), ("conversion", "erode")])
def test_a_preset_brings_settings_back(shot, group, name):
    settings = getattr(shot, group)
    setattr(settings, name, 3)
    add = getattr(bpy.ops.understudy, f"{group}_preset_add")
    assert add(name="Mine") == {"FINISHED"}
    setattr(settings, name, 5)
    folders = bpy.utils.preset_paths(f"understudy/{group}")
    [file] = [Path(folder, "Mine.py") for folder in folders if Path(folder, "Mine.py").is_file()]
    menu = f"UNDERSTUDY_PT_{group}_presets"
    assert bpy.ops.script.execute_preset(filepath=str(file), menu_idname=menu) == {"FINISHED"}
    assert getattr(settings, name) == 3
    assert add(name="Mine", remove_name=True, remove_active=False) == {"FINISHED"}
    assert not file.exists()


@pytest.mark.parametrize(
    ("menu", "held"),
    [
        ("IMAGE_MT_image", "UNDERSTUDY_MT_image"),
        ("CLIP_MT_clip", "UNDERSTUDY_MT_clip"),
        ("NODE_MT_compositor_node_add_all", ""),
    ],
)
def test_the_editors_menus_offer_it_too(extension, menu, held):
    def ours():
        return [draw for draw in getattr(bpy.types, menu)._dyn_ui_initialize() if "understudy" in draw.__module__]

    from bl_ext.user_default.understudy.addon import panels

    [draw] = ours()
    layout = Recorder()
    draw(SimpleNamespace(layout=layout), bpy.context)
    if held:
        cls = getattr(bpy.types, held)
        cls.draw(SimpleNamespace(layout=layout), bpy.context)
        assert cls.bl_label == "Understudy"
    assert layout.words
    panels.menus.unregister()
    assert not ours()
    panels.menus.register()


def test_lists_draw_their_rows(shot):
    person, version = shot.people.add(), shot.versions.add()
    person.frames, version.name = 1, "v001"
    for name, item in (("people", person), ("versions", version)):
        cls = getattr(bpy.types, f"UNDERSTUDY_UL_{name}")
        layout = Recorder()
        cls.draw_item(None, None, layout, shot, item, 0, None, "", 0)
        assert layout.words


def test_a_picture_that_was_written_again_is_read_again(extension, tmp_path):
    from bl_ext.user_default.understudy.addon.images.icons import icons

    def paint(colour):
        image = bpy.data.images.new("Paint", 8, 8)
        image.pixels = colour * 64
        image.filepath_raw, image.file_format = str(tmp_path / "a.png"), "PNG"
        image.save()
        bpy.data.images.remove(image)

    assert icons.of(str(tmp_path / "a.png")) == 0, "no picture, no icon"
    for written, colour in enumerate(([1, 0, 0, 1], [0, 0, 1, 1])):
        paint(colour)
        os.utime(tmp_path / "a.png", (written, written))  # Blender's own thumbnails go by whole seconds
        icons.of(str(tmp_path / "a.png"))  # in background an icon's number is always 0
        shown = icons._collection[str(tmp_path / "a.png")].image_pixels_float[:]
        assert list(shown[:4]) == pytest.approx(colour, abs=0.02)
