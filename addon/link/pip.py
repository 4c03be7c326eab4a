"""What an installation by pip downloads, and how far it is."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass

_DOWNLOAD = re.compile(r"\s*(Downloading|Using cached) (\S+\.(?:whl|gz|zip)) \(([\d.]+) (bytes|kB|MB|GB)\)")
_RAW = re.compile(r"Progress (\d+) of (\d+)")
_SIZES = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}  # in MB
_FETCHING = 0.85  # of the whole: what downloading takes; the rest is unpacking


@dataclass(frozen=True)
class Plan:
    """What an installation brings; sizes in MB."""

    packages: tuple[str, ...]
    download: int
    disk: int
    basis: str

    @property
    def sentence(self) -> str:
        """What is downloaded, and how much."""
        named = f"{', '.join(self.packages[:-1])} and {self.packages[-1]}"
        return f"Downloads about {self.download / 1000:.1f} GB ({named}) and takes about {self.disk / 1000:.0f} GB on the disk"


def plan(options: Sequence[str] = (), *, system: str = "") -> Plan:
    """What pip will bring on ``system`` (this one when empty), with pip's ``options``, which may name another index."""
    rest = ("MediaPipe", "JAX", "OpenCV", "SciPy", "PyAV", "OpenImageIO and some 45 smaller packages")
    index = " ".join(options)
    basis = "The sum of the wheels for Python 3.11 on 64-bit Linux"
    # Only for Linux does the package index hold PyTorch with CUDA; PyTorch's own indexes name it in their address.
    cuda = (system or platform.system()) == "Linux" or re.search(r"/cu\d", index)
    if cuda and not index.rstrip("/").endswith("/cpu"):
        return Plan(("PyTorch with CUDA", *rest), 3400, 8000, basis)
    return Plan(("PyTorch", *rest), 600, 2000, basis)


class Progress:
    """Reads pip's output line by line: ``fraction`` of the whole (0 to 1, by a plan's size) and a ``text``."""

    def __init__(self, expected: int) -> None:
        self.fraction = 0.0
        self.text = "Looking up what is needed"
        self._expected = float(expected)  # MB
        self._before = 0.0  # MB of the files that are finished
        self._size = 0.0  # MB of the file at hand
        self._fetching = self.text

    def read(self, line: str) -> bool:
        """Take in a line; whether it told something new."""
        if raw := _RAW.match(line):
            done, total = int(raw[1]) / 1e6, int(raw[2]) / 1e6
            return self._tell(f"{self._fetching}: {done:.0f} of {total:.0f} MB", self._before + done)
        if file := _DOWNLOAD.match(line):
            self._before += self._size
            self._size = float(file[3]) * _SIZES[file[4]]
            name = file[2].rpartition("/")[2].partition("-")[0]
            self._fetching = f"Downloading {name}"
            cached = file[1] == "Using cached"
            return self._tell(f"Found {name} in the cache" if cached else self._fetching, self._before)
        if line.startswith("Installing collected packages:"):
            self.fraction = max(self.fraction, _FETCHING)
            self.text = f"Unpacking {line.count(',') + 1} packages"
            return True
        return False

    def _tell(self, text: str, megabytes: float) -> bool:
        self.text = text
        self.fraction = max(self.fraction, min(1.0, megabytes / self._expected) * _FETCHING)
        return True
