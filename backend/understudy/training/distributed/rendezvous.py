"""How the processes that train together find each other."""

from __future__ import annotations

import datetime
import errno
import os
import socket
import time
import uuid

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store

from understudy.training.distributed.process_rank import ProcessRank

JOINING = datetime.timedelta(minutes=10)
"""How long the first processes wait for the last: a farm does not start all at once."""

_WAITING = 2048
"""Processes that may knock at the same time, as with torch's own socket."""

BETWEEN_LOOKS = 0.05  # seconds


def meet(place: ProcessRank) -> Store:
    """Wait for all processes; returns the board on which they, and no others, leave messages for each other.

    Whoever reaches the address and the port that were named may read and write there: torch asks nobody who they are. So
    the first process listens at that address alone, not on every network of its host, wherever torch can be told to.

    A launcher that starts a group again keeps its board, with what those before have left there. So everybody asks
    with a word that was never used, and the first process answers with the name of their part of the board. Raises
    OSError (TimeoutError when somebody does not come), or torch's errors of the network.
    """
    listens = place.is_main and not place.hosted
    if not listens:
        _knock(place)
    own = _listening(place.address, place.port) if listens else None
    board: Store = dist.TCPStore(  # type: ignore[attr-defined]
        place.address,
        place.port,
        place.size,
        is_master=listens,
        timeout=JOINING,
        wait_for_workers=False,
        master_listen_fd=own.detach() if own else None,  # torch closes it
        use_libuv=os.name != "nt",  # torch for Windows is built without it
    )
    name = _gather(board, place.size) if place.is_main else _ask(board, place.rank)
    return PrefixStore(name, board)


def _listening(address: str, port: int) -> socket.socket | None:
    """A socket that listens at ``address`` alone.

    None where torch has to listen by itself, on every network of the host: on Windows, where it takes no socket, and
    where the address is that of a gateway before this host. Raises OSError for an address that nobody has, and for a port
    that is taken.
    """
    if os.name == "nt":
        return None
    for family, kind, protocol, _, place in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM):
        own = socket.socket(family, kind, protocol)
        try:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            own.bind(place)
            own.listen(_WAITING)
        except OSError as error:
            own.close()
            if error.errno != errno.EADDRNOTAVAIL:
                raise
        else:
            return own
    return None


def _knock(place: ProcessRank) -> None:
    """Wait until somebody listens; torch can wait as well, but neither quietly nor so that Ctrl-C is heard."""
    give_up = time.monotonic() + JOINING.total_seconds()
    while True:
        try:
            socket.create_connection((place.address, place.port), timeout=5).close()
            return
        except socket.gaierror:  # there is no such host, and waiting makes none
            raise
        except OSError:
            _pause(give_up)


def _gather(board: Store, size: int) -> str:
    """Tell everybody who asks a name for this meeting, until all have heard it; returns it."""
    name, missing, give_up = uuid.uuid4().hex, set(range(1, size)), time.monotonic() + JOINING.total_seconds()
    while missing:
        for rank in tuple(missing):
            if board.check([f"{name} heard by {rank}"]):
                missing.remove(rank)
            elif board.check([f"asked by {rank}"]):
                board.set(f"answer to {board.get(f'asked by {rank}').decode()}", name)
        _pause(give_up)
    return name


def _ask(board: Store, rank: int) -> str:
    """The name of the meeting, as the first process tells it."""
    word, give_up = uuid.uuid4().hex, time.monotonic() + JOINING.total_seconds()
    board.set(f"asked by {rank}", word)
    while not board.check([f"answer to {word}"]):
        _pause(give_up)
    name = board.get(f"answer to {word}").decode()
    board.set(f"{name} heard by {rank}", "")
    return name


def _pause(give_up: float) -> None:
    if time.monotonic() > give_up:
        raise TimeoutError
    time.sleep(BETWEEN_LOOKS)
