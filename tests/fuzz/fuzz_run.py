"""A long run of spoilt data over every reader, by hand: ``python tests/fuzz/fuzz_run.py --inputs 100000 [--seed 1] [NAME ...]``.

Each reader works in a process of its own, which the system ends when one input takes more than ten seconds of work, and
which cannot have more than one gigabyte beyond what it had at first. What fails is kept in ``--keep``. POSIX only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import fuzz_paths  # noqa: F401 - puts the rooms' tests within reach
from fuzz_attempts import attempt
from fuzz_readers import READERS, names
from fuzz_stages import STAGES

MOST_SECONDS, MOST_BYTES, PATIENCE = 10, 1 << 30, 900
BATCH = 20  # inputs that share a folder


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--inputs", type=int, default=100_000, help="of all readers together")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--stages", type=int, default=0, help="inputs of each whole stage beside them")
    asked.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for what failed")
    asked.add_argument("names", nargs="*", help="readers whose names begin like this; all when left out")
    told = asked.parse_args()
    chosen = names(told.names)
    shares = {name: READERS[name].share for name in chosen}
    plan = {name: round(told.inputs * share / sum(shares.values())) for name, share in shares.items()}
    if not told.names:
        plan |= dict.fromkeys(STAGES, told.stages)
    print(
        f"{'reader':32} {'inputs':>7} {'taken':>7} {'refused':>7} {'failed':>6} {'slowest':>8} {'memory':>9}",
        flush=True,
    )
    figures = [run_reader(name, count, told.seed, told.keep) for name, count in plan.items() if count]
    total = sum((Counter(one) for one in figures), Counter())
    print(f"{'all':32} {total['inputs']:7} {total['taken']:7} {total['refused']:7} {total['failed']:6}")
    return min(total["failed"], 1)


def run_reader(name: str, count: int, seed: int, keep: Path) -> Counter[str]:
    """Inputs 0 to ``count`` of a reader; a process that was ended is followed by another, from the next input on."""
    tally, kinds, slowest, most, begin = Counter[str](inputs=count), Counter[str](), 0.0, 0, 0
    while begin < count:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(target=work, args=(name, begin, count, seed, theirs))
        child.start()
        theirs.close()
        begin, last = count, begin
        try:
            while ours.poll(PATIENCE):
                number, taken, failure, seconds, most_now = ours.recv()
                slowest, most, last = max(slowest, seconds), max(most, most_now), number + 1
                tally["taken"] += taken
                tally["refused"] += not taken and not failure
                if failure:
                    tally["failed"] += 1
                    kinds[failure] += 1
                    save(keep, name, number, seed, failure, kinds[failure])
            child.kill()
            failure = "silent for ever"
        except EOFError:
            child.join()
            failure = "" if child.exitcode == 0 else f"ended with {child.exitcode}: too long, or a crash"
        if failure:
            tally["failed"] += 1
            kinds[failure] += 1
            save(keep, name, last, seed, failure, kinds[failure])
            begin = last + 1
    print(
        f"{name:32} {count:7} {tally['taken']:7} {tally['refused']:7} {tally['failed']:6} {slowest:6.2f} s {most >> 20:5} MiB",
        flush=True,
    )
    for kind, often in kinds.most_common(12):
        print(f"    {often:5} x {kind}", flush=True)
    return tally


def work(name: str, begin: int, end: int, seed: int, pipe: Connection) -> None:
    """In a process of its own: what becomes of each input."""
    import torch

    torch.set_num_threads(1)
    reader = (READERS | STAGES)[name]
    reader.make(random.Random(0))  # what the samples need is no input's fault
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # libraries complain aloud
    at_first = usage()
    space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (space + MOST_BYTES,) * 2)
    for start in range(begin, end, BATCH):
        with TemporaryDirectory() as place:
            for number in range(start, min(start + BATCH, end)):
                folder = Path(place) / str(number)
                folder.mkdir()
                data = made(name, number, seed)
                used = resource.getrusage(resource.RUSAGE_SELF)
                resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + MOST_SECONDS + 1, -1))
                became = attempt(reader.read, data, folder)
                pipe.send((number, became.taken, became.failure, became.seconds, usage() - at_first))
                shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def usage() -> int:
    """Bytes that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def made(name: str, number: int, seed: int) -> bytes:
    """The input ``number`` of a reader, the same every time."""
    key = hashlib.sha256(f"{name} {number} {seed}".encode()).digest()
    return (READERS | STAGES)[name].make(random.Random(key))


def save(keep: Path, name: str, number: int, seed: int, failure: str, often: int) -> None:
    """Keep the first few inputs of each failure."""
    if often > 2:
        return
    keep.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace(' ', '_')}.{number}"
    (keep / f"{stem}.bin").write_bytes(made(name, number, seed))
    (keep / f"{stem}.json").write_text(json.dumps({"reader": name, "number": number, "seed": seed, "failure": failure}))


if __name__ == "__main__":
    sys.exit(main())
