from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from understudy.cli.parser import COMMANDS, parse
from understudy.errors import UsageError
from understudy.settings import (
    CompareSettings,
    ExtractSettings,
    FacesetListSettings,
    FindSettings,
    ModelSettings,
    PeopleSettings,
    SwapSettings,
    TrainSettings,
    parse_job,
)

REQUIRED = {
    "extract": ["p.exr", "--out", "faces"],
    "train": ["--model", "m"],
    "convert": ["p.exr", "--out", "o.####.exr"],
    "swap": ["p.exr", "--source", "s.mov", "--out", "o.####.exr"],
    "run": ["job.json"],
    "compare": ["a.exr", "b.exr"],
    "qc": ["o.####.exr"],
    "inspect": ["p.exr"],
    "find": ["p.exr", "--frame", "7"],
    "preview": ["p.exr", "--frame", "7", "--out", "o"],
    "faceset list": ["faces"],
    "faceset sort": ["faces", "--by", "yaw"],
    "faceset select": ["faces", "--count", "9"],
    "faceset dedupe": ["faces"],
    "faceset cluster": ["faces"],
    "faceset trash": ["faces"],
    "faceset restore": ["faces"],
    "faceset recrop": ["faces", "--out", "new"],
    "faceset report": ["faces"],
    "faceset pack": ["faces", "--out", "faces.zip"],
    "faceset unpack": ["faces.zip", "--out", "faces"],
    "faceset people": ["faces", "--pictures", "p"],
    "tracks export": ["faces", "--format", "csv", "--out", "t.csv"],
    "tracks import": ["t.csv", "--out", "c.json"],
    "export nuke": ["o.####.exr", "--out", "comp.nk"],
    "export tracks": ["faces", "--format", "chan", "--out", "t.chan"],
    "model info": ["m"],
    "model preview": ["m"],
    "model timelapse": ["m", "--out", "m.mp4"],
    "model backups": ["m"],
    "model restore": ["m", "--step", "200"],
    "model export": ["m", "--format", "dfm", "--out", "m.dfm"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_defaults_of_its_settings(command: str) -> None:
    request = parse([*command.split(), *REQUIRED.get(command, [])])
    assert request.command == command
    assert type(request.settings) is COMMANDS[command]
    for name, field in COMMANDS[command].model_fields.items():
        if not field.is_required():
            assert getattr(request.settings, name) == field.default, name
    if command in {"run", "serve"}:
        return
    # And what was typed is a job document's settings, word for word.
    document = {"stage": command, "settings": request.settings.model_dump(mode="json")}
    job = parse_job(json.dumps(document))
    assert job.settings == request.settings and type(job.settings) is COMMANDS[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_tells_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*command.split(), "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for name, field in COMMANDS[command].model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        choices = "{" if "Literal" in str(field.annotation) else name.upper()
        shown = choices if extra.get("positional") else f"--{extra.get('flag', name)}".replace("_", "-")
        assert shown in told
        assert str(field.description).split()[0] in told


def test_help_shows_ranges_units_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["extract", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--crop-size PX Side of the stored crops. (32 to 2048 px; default: 256)" in told
    assert "(at least 4 px; default: 24)" in told
    assert "None" not in told


def test_options_reach_the_settings() -> None:
    settings = parse(["extract", "p.####.exr", "--out", "f", "--crop-size", "512", "--face", "index:1"]).settings
    assert settings == ExtractSettings(plate="p.####.exr", out=Path("f"), crop_size=512, face="index:1")
    settings = parse(["train", "--source", "a", "b", "--target", "c", "--model", "m", "--minutes", "2.5"]).settings
    assert settings == TrainSettings(source=[Path("a"), Path("b")], target=[Path("c")], model=Path("m"), minutes=2.5)
    settings = parse(["swap", "p.mov", "--source", "s.mov", "--out", "o.####.exr", "--force", "--erode", "-3"]).settings
    assert settings == SwapSettings(plate="p.mov", source="s.mov", out="o.####.exr", force=True, erode=-3)
    settings = parse(["compare", "a", "b", "--matte", "m.####.exr:mask.face"]).settings
    assert settings == CompareSettings(a="a", b="b", matte="m.####.exr:mask.face")
    settings = parse(["find", "p.exr", "--frame", "-3", "--min-face", "30"]).settings
    assert settings == FindSettings(plate="p.exr", frame=-3, min_face=30)
    settings = parse(["faceset", "people", "f", "--pictures", "p"]).settings
    assert settings == PeopleSettings(faceset=Path("f"), pictures=Path("p"))
    assert parse(["model", "info", "m"]).settings == ModelSettings(model=Path("m"))
    assert parse(["faceset", "list", "f", "--json"]).settings == FacesetListSettings(faceset=Path("f"), as_json=True)


def test_every_command_can_speak_json_and_show_tracebacks() -> None:
    for command in COMMANDS:
        common = parse([*command.split(), *REQUIRED.get(command, []), "--events", "json", "--debug"]).common
        assert (common.events, common.debug) == ("json", True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["extract", "p", "--out", "f", "--crop-size", "8"], "--crop-size must be at least 32 px, not 8."),
        (["convert", "p", "--model", "m", "--out", "o", "--opacity", "1.5"], "--opacity must be at most 1, not 1.5."),
        (
            ["convert", "p", "--model", "m", "--out", "o", "--feather", "nan"],
            "--feather: 'nan' is no finite number.",
        ),
        (["demo", "--minutes", "-1"], "--minutes must be at least 0 min, not -1.0."),
    ],
)
def test_a_value_out_of_range_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(arguments)
    assert raised.value.message == sentence
    assert raised.value.hint == f"See: understudy {arguments[0]} --help"


@pytest.mark.parametrize(
    "arguments", [["extrat"], ["extract", "p"], ["doctor", "--loud"], ["extract", "--crop", "eye"]]
)
def test_a_malformed_line_ends_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err


def test_nothing_heavy_is_loaded_for_the_command_line() -> None:
    look = (
        "import sys; from understudy.cli import main; from understudy.cli.parser import build, parse; build();"
        "parse(['compare', 'a', 'b']);"
        "print([name for name in ('torch', 'cv2', 'OpenImageIO', 'mediapipe', 'numpy', 'av', 'matplotlib', 'rich')"
        " if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
