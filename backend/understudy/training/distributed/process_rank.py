"""Which process this is of those that train one model together, by what its launcher says in the environment.

Torch's own names, as ``torchrun`` sets them, win over ours, which are those that a render farm sets. Knows nothing of
torch, so that a command may ask whether it is the one to speak up before anything heavy is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from understudy.errors import UsageError

NAMES = {
    "RANK": "UNDERSTUDY_RANK",
    "WORLD_SIZE": "UNDERSTUDY_WORLD_SIZE",
    "MASTER_ADDR": "UNDERSTUDY_MAIN_ADDR",
    "MASTER_PORT": "UNDERSTUDY_MAIN_PORT",
    "LOCAL_RANK": "UNDERSTUDY_LOCAL_RANK",
}
"""Torch's name of each variable, and ours."""

OPTIONAL = "LOCAL_RANK"


@dataclass(frozen=True)
class ProcessRank:
    """One process of ``size``: its ``rank`` among all, its ``local_rank`` on its host, and where they meet.

    There the first process listens, unless the launcher does (``hosted``).
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    address: str = ""
    port: int = 0
    hosted: bool = False

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes, prints and decides."""
        return self.rank == 0


def place_of_process(environment: Mapping[str, str] = os.environ) -> ProcessRank:
    """The place that ``environment`` names; the only one of one when it names none.

    Raises :class:`UsageError` when variables are missing beside others, are no numbers, or do not fit together.
    """
    found = {}
    for theirs, ours in NAMES.items():
        for name in (ours, theirs):
            if environment.get(name):
                found[theirs] = (name, environment[name])
    if not found:
        return ProcessRank()
    missing = [ours for theirs, ours in NAMES.items() if theirs not in found and theirs != OPTIONAL]
    if missing:
        raise UsageError(
            f"{', '.join(name for name, _ in found.values())} asks for several processes, "
            f"but {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            "Set all of "
            + ", ".join(ours for theirs, ours in NAMES.items() if theirs != OPTIONAL)
            + ", or none to train with one process.",
        )
    numbers = {theirs: _number(*found[theirs]) for theirs in found if theirs != "MASTER_ADDR"}
    rank, size, port = numbers["RANK"], numbers["WORLD_SIZE"], numbers["MASTER_PORT"]
    if rank >= size:
        raise UsageError(
            f"{found['RANK'][0]} is {rank}, but {found['WORLD_SIZE'][0]} is {size}.",
            "Processes are counted from 0: the last one is one less than their number.",
        )
    if not 0 < port < 2**16:
        raise UsageError(f"{found['MASTER_PORT'][0]} is {port}, which is no port.", "A port is from 1 to 65535.")
    hosted = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return ProcessRank(rank, size, numbers.get(OPTIONAL, 0), found["MASTER_ADDR"][1], port, hosted)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.strip().isdigit()):
        raise UsageError(f"{name} is {text!r}, which is no number from 0 on.")
    return int(text)
