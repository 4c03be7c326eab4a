"""Takes pictures of the add-on at work in a real window. Run by hand, inside Blender, never by the tests:

    blender --factory-startup --enable-event-simulate --window-geometry 0 0 1600 1000 --python tests/blender/pictures.py

It clicks the buttons that an artist would click. Told by the environment:

* UNDERSTUDY_ZIP       the extension, as ``make extension`` builds it
* UNDERSTUDY_COMMAND   the backend's command
* UNDERSTUDY_SHOT      a folder with plate.####.exr and source_B.####.exr, where the shot's files go too
* UNDERSTUDY_PICTURES  where the pictures go

The pictures are taken of the X server's root window, by ImageMagick's ``import``: what Blender itself reads back from
a software renderer is black.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

SHOT, PICTURES = Path(os.environ["UNDERSTUDY_SHOT"]), Path(os.environ["UNDERSTUDY_PICTURES"])
TAB = "Understudy"
PATIENCE = 120.0
"""Seconds that any one thing may take."""


def steps() -> Iterator[float]:
    """The artist's way through the panels; each yield hands Blender that many seconds to draw."""
    install()
    press("ESC")  # the splash
    yield 0.5
    yield from lay_out("IMAGE_EDITOR")
    for chapter in (plate, faces, new_face, swap, result, compositor, settings):
        yield from chapter(bpy.context.scene)


def plate(_scene: bpy.types.Scene) -> Iterator[float]:
    """A shot is chosen."""
    picture("1_empty")
    bpy.ops.understudy.load_plate(filepath=str(SHOT / "plate.1001.exr"))
    yield from until(idle)
    yield from zoom("image.view_all", fit_view=True)
    picture("2_plate")


def faces(_scene: bpy.types.Scene) -> Iterator[float]:
    """Its faces are found."""
    yield from click("understudy.find_faces")
    yield from until(lambda: bool(part("jobs.session").session.tasks(bpy.context.scene, stage="extract")))
    yield 5.0
    picture("3_finding_faces")
    yield from until(idle)
    yield 1.0
    picture("4_faces")
    yield from scroll(8)


def new_face(scene: bpy.types.Scene) -> Iterator[float]:
    """The new face is chosen, and found in its footage."""
    scene.understudy.source_footage = str(SHOT / "source_B.####.exr")
    yield 0.5
    yield from click("understudy.find_source_faces")
    yield from until(idle)
    yield 1.0
    picture("5_new_face")


def swap(scene: bpy.types.Scene) -> Iterator[float]:
    """A frame with the new face is looked at."""
    scene.frame_set(1010)
    yield from scroll(20)
    yield from click("understudy.preview_frame")
    yield from until(idle)
    yield 1.0
    yield from zoom("image.view_all", fit_view=True)
    picture("6_preview")
    for mode in ("WIPE", "DIFFERENCE", "MATTE"):
        bpy.ops.understudy.compare(mode=mode)
        yield 1.0
        picture(f"7_{mode.lower()}")
    bpy.ops.understudy.compare(mode="OFF")


def result(_scene: bpy.types.Scene) -> Iterator[float]:
    """The range is converted."""
    yield from scroll(20)
    yield from click("understudy.convert")
    yield 6.0
    picture("8_converting")
    yield from until(idle)
    yield 1.0
    picture("9_result")


def compositor(_scene: bpy.types.Scene) -> Iterator[float]:
    """The result stands among the compositor's nodes."""
    bpy.ops.understudy.send_to_compositor()
    yield from lay_out("CompositorNodeTree")
    yield from zoom("node.view_all")
    yield 2.0
    picture("10_compositor")


def settings(_scene: bpy.types.Scene) -> Iterator[float]:
    """The machine's settings, tested."""
    yield from lay_out("PREFERENCES")
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = TAB
    bpy.ops.preferences.addon_expand(module=module())
    bpy.ops.understudy.test_backend("INVOKE_DEFAULT")
    yield from until(lambda: part("jobs.session").session.backend().state != "starting")
    yield 6.0
    picture("11_preferences")


def install() -> None:
    """Install the zip, and tell the add-on where the backend is."""
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.ui_scale = 0.9
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["UNDERSTUDY_ZIP"], repo="user_default", enable_on_install=True
    )
    bpy.context.preferences.addons[module()].preferences.command = os.environ["UNDERSTUDY_COMMAND"]


def module() -> str:
    """The add-on's name among Blender's modules."""
    return "bl_ext.user_default.understudy"


def part(name: str):
    """A module of the add-on."""
    return sys.modules[f"{module()}.addon.{name}"]


def idle() -> bool:
    """Whether every task has ended."""
    return not part("jobs.session").session.is_busy(bpy.context.scene)


def window() -> bpy.types.Window:
    """The window."""
    return bpy.context.window_manager.windows[0]


def area() -> bpy.types.Area:
    """The largest editor."""
    return max(window().screen.areas, key=lambda one: one.width * one.height)


BUTTONS = {"understudy.find_faces": 180}
"""Where some buttons are, in pixels below the sidebar's top, as the first picture of the plate shows them."""


def lay_out(kind: str) -> Iterator[float]:
    """Make the largest editor one of ``kind`` with our tab in front."""
    area().ui_type = kind
    if kind != "PREFERENCES":
        area().spaces.active.show_region_ui = True
        yield 0.6
        sidebar().active_panel_category = TAB
    area().tag_redraw()
    yield 1.0


def sidebar() -> bpy.types.Region:
    """The largest editor's sidebar."""
    return next(region for region in area().regions if region.type == "UI")


def zoom(operator: str, **options: bool) -> Iterator[float]:
    """Have an editor's view operator show everything."""
    region = next(region for region in area().regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window(), area=area(), region=region):
        called(operator)(**options)
    yield 1.0


def called(operator: str) -> Callable[..., set[str]]:
    """The operator of that name."""
    group, name = operator.split(".")
    return getattr(getattr(bpy.ops, group), name)


def scroll(down: int) -> Iterator[float]:
    """Turn the mouse's wheel over the sidebar; a negative number scrolls up."""
    region = sidebar()
    x, y = region.x + region.width // 2, region.y + region.height // 2
    for _ in range(abs(down)):
        window().event_simulate("MOUSEMOVE", "NOTHING", x=x, y=y)
        window().event_simulate("WHEELDOWNMOUSE" if down > 0 else "WHEELUPMOUSE", "PRESS", x=x, y=y)
        yield 0.05
    for x in (area().x + 50, area().x + 60):  # over the picture, which has no tooltip
        window().event_simulate("MOUSEMOVE", "NOTHING", x=x, y=area().y + 50)
        yield 0.3


def click(operator: str) -> Iterator[float]:
    """Press the button of ``operator`` with the mouse, where its place is known; else do what pressing it does."""
    if operator in BUTTONS:
        region = sidebar()
        x, y = region.x + region.width // 2, region.y + region.height - BUTTONS[operator]
        window().event_simulate("MOUSEMOVE", "NOTHING", x=x, y=y)
        yield 0.3
        for value in ("PRESS", "RELEASE"):
            window().event_simulate("LEFTMOUSE", value, x=x, y=y)
    else:
        called(operator)("INVOKE_DEFAULT")
    yield 0.3


def press(key: str) -> None:
    """Press a key over the middle of the window."""
    x, y = window().width // 2, window().height // 2
    window().event_simulate("MOUSEMOVE", "NOTHING", x=x, y=y)
    for value in ("PRESS", "RELEASE"):
        window().event_simulate(key, value, x=x, y=y)


def picture(name: str) -> None:
    """Take one."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["import", "-window", "root", str(PICTURES / f"{name}.png")], check=True)


def until(reached: Callable[[], bool]) -> Iterator[float]:
    """Wait for something; raises TimeoutError when it takes too long."""
    started = time.monotonic()
    while not reached():
        if time.monotonic() - started > PATIENCE:
            raise TimeoutError("It took too long.")
        yield 0.2


_sequence = steps()


def tick() -> float | None:
    """Take the next step; quit after the last one."""
    try:
        return next(_sequence)
    except StopIteration:
        pass
    except Exception:
        traceback.print_exc()
        picture("failed")
    bpy.ops.wm.quit_blender()
    return None


bpy.app.timers.register(tick, first_interval=1.0)
