"""The table of exchange formats holds what the options name, and an ending names one format."""

from __future__ import annotations

from typing import get_args

from understudy.settings import TracksExportSettings
from understudy.stages.tracks._formats import FORMATS


def test_the_table_has_the_formats_that_the_option_names():
    assert list(FORMATS) == list(get_args(TracksExportSettings.model_fields["format"].annotation))


def test_an_ending_is_read_as_one_format_and_what_has_one_can_be_read():
    endings = [one.ending for one in FORMATS.values() if one.ending]
    assert len(set(endings)) == len(endings)
    assert all((one.ending is None) == (one.read is None) for one in FORMATS.values())
