"""Schema: what a job document may say."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.settings import SchemaSettings, job_schema


def run(_settings: SchemaSettings, _events: Events) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of every job document; see :func:`understudy.settings.job_schema`."""
    return job_schema()
