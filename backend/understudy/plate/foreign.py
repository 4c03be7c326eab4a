"""Pictures and movies of kinds that are not read, and what to make of them so that they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_PHOTOGRAPH = "Convert it to PNG or 16-bit TIFF, as with ImageMagick: magick PHOTO.heic PHOTO.png."
_RAW = "Develop it to 16-bit TIFF or EXR, as with darktable, RawTherapee or Lightroom."
_CAMERA = "Develop it to an EXR sequence, as with DaVinci Resolve or the camera maker's own program."
_PAINTED = "Save it flattened, as EXR, TIFF or PNG."
_PLAIN = "Convert it to EXR, TIFF or PNG, as with oiiotool or ImageMagick."

_RAWS = (
    ".3fr .arw .cr2 .cr3 .crw .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srf "
    ".srw .x3f"
)

FOREIGN: dict[str, tuple[str, str]] = {
    **dict.fromkeys((".heic", ".heif", ".hif"), ("a HEIC photograph", _PHOTOGRAPH)),
    **dict.fromkeys((".avif", ".avifs"), ("an AVIF picture", _PHOTOGRAPH)),
    ".jxl": ("a JPEG XL picture", _PLAIN),
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpx", ".jpf"), ("a JPEG 2000 picture", _PLAIN)),
    **dict.fromkeys(_RAWS.split(), ("a camera's raw picture", _RAW)),
    **dict.fromkeys((".ari", ".arx", ".braw", ".crm", ".r3d"), ("a film camera's raw footage", _CAMERA)),
    **dict.fromkeys((".kra", ".xcf", ".clip", ".procreate"), ("a painting program's document", _PAINTED)),
}
"""Suffix in lower case: what it is, and what to do."""

_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), ".heic"),
    **dict.fromkeys((b"avif", b"avis"), ".avif"),
    b"crx ": ".cr3",
    b"jxl ": ".jxl",
    b"jp2 ": ".jp2",
}
_BEGINNINGS = {
    b"II*\0\x10\0\0\0CR": ".cr2",
    b"FUJIFILMCCD-RAW": ".raf",
    b"IIU\0": ".rw2",
    b"IIRO": ".orf",
    b"IIRS": ".orf",
    b"\xff\x0a": ".jxl",
    b"\0\0\0\x0cJXL ": ".jxl",
    b"\0\0\0\x0cjP  ": ".jp2",
    b"\xff\x4f\xff\x51": ".j2k",
}


def what_to_do(suffix: str) -> tuple[str, str] | None:
    """What a file of that ``suffix`` is and what to do about it, as a hint; None for kinds that are read or not known."""
    return FOREIGN.get(suffix.lower())


def recognised(path: Path) -> tuple[str, str] | None:
    """As :func:`what_to_do`, by the file's first bytes, whatever it is called. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(32)
    if start[4:8] == b"ftyp":
        suffix = _BRANDS.get(start[8:12])
    else:
        suffix = next((suffix for bytes_, suffix in _BEGINNINGS.items() if start.startswith(bytes_)), None)
    return FOREIGN[suffix] if suffix else what_to_do(path.suffix)


def seen_in(names: Iterable[str]) -> tuple[str, str] | None:
    """What a folder with files of these ``names`` holds most of that is not read, and what to do; None for nothing known."""
    kinds = Counter(kind for name in names if (kind := what_to_do(Path(name).suffix)))
    if not kinds:
        return None
    (what, hint), count = kinds.most_common(1)[0]
    return f"{what}{f' and {count - 1} more' if count > 1 else ''}", hint
