"""Spoilt data of every kind is taken or refused in a sentence: a short run of what ``fuzz_run.py`` does at length."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from fuzz_attempts import attempt
from fuzz_readers import READERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INPUTS = 12
"""Of each reader; the same ones every time."""

DOCUMENTS = ("face record", "tracks", "corrections", "trash log", "job", "request", "truth", "backup's description")


@pytest.mark.parametrize("name", READERS)
def test_spoilt_data_is_taken_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    reader, dice = READERS[name], random.Random(name)
    for number in range(INPUTS):
        data = reader.make(dice)
        folder = tmp_path / str(number)
        folder.mkdir()
        became = attempt(reader.read, data, folder)
        assert not became.failure, (data[:2000], became.failure)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=4), inside, max_size=4),
    max_leaves=12,
)


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=JSON)
def test_any_json_is_taken_or_refused_in_a_sentence(document: object, tmp_path: Path) -> None:
    data = json.dumps(document).encode()
    for name in DOCUMENTS:
        became = attempt(READERS[name].read, data, tmp_path)
        assert not became.failure, (name, data, became.failure)
