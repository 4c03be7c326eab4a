"""Which channels of a picture file are the picture itself, among layers, passes, parts and views.

By the conventions of the programs that write them: bare R G B, or the layer that each of them calls its picture. A layer
of anything else is never taken without being asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.errors import UnreadableError, UsageError

_LETTERS = {
    **{name: name[0].upper() for name in ("r", "g", "b", "a", "red", "green", "blue", "alpha")},
    "y": "Y",
}

# Nuke, Arnold, OpenEXR; then Houdini, RenderMan, Blender, Redshift, Octane, Fusion, V-Ray, Clarisse by their names for it.
_BEAUTY = (
    "rgba", "rgb", "beauty", "c", "ci", "combined", "main", "image", "color", "colour", "rgb_color", "rgb color",
    "rgba_main", "final", "default",
)  # fmt: skip
_FIRST = ("composite", "viewlayer", "view layer", "renderlayer", "render layer")  # Blender's layers, best first
_DATA = {
    "n", "p", "z", "st", "uv", "uvs", "ng", "pref", "nref", "normal", "normals", "position", "pos", "point", "points",
    "depth", "motion", "forward", "backward", "velocity", "vector", "vectors", "motionvector", "motionvectors", "id",
    "ids", "mask", "masks", "matte", "worldposition", "worldnormal", "denoising", "tangent", "noise",
}  # fmt: skip
_SHOWN = 8


@dataclass(frozen=True)
class ColourLayer:
    """Three channels of one part that make a colour picture: the indices of R G B, or of Y alone, and of its A."""

    part: int
    colour: tuple[int, ...]
    alpha: int | None
    layer: str  # empty for bare channels
    view: str  # empty where the file knows no views


@dataclass(frozen=True)
class PartNames:
    """What one part of a file says of its channels."""

    channels: Sequence[str]
    name: str = ""
    view: str = ""
    views: Sequence[str] = ()  # of all channels of a file, the first of which is not named in them


def colour_layers(parts: Sequence[PartNames]) -> list[ColourLayer]:
    """All layers of colour in a file's ``parts``, in their order; grey where there is no other."""
    views = {view for part in parts for view in (part.view, *part.views) if view}
    found: list[ColourLayer] = []
    for index, part in enumerate(parts):
        groups: dict[str, dict[str, int]] = {}
        for channel, full in enumerate(part.channels):
            prefix, _, last = full.rpartition(".")
            if letter := _LETTERS.get(last.casefold()):
                groups.setdefault(prefix, {}).setdefault(letter, channel)
        for prefix, letters in groups.items():
            name = prefix or (part.name if len(parts) > 1 else "")
            layer, view = _without_view(name, part, views)
            if {"R", "G", "B"} <= letters.keys():
                found.append(ColourLayer(index, tuple(letters[c] for c in "RGB"), letters.get("A"), layer, view))
            elif "Y" in letters and not prefix and not {"x", "z"} & {name.casefold() for name in part.channels}:
                found.append(ColourLayer(index, (letters["Y"],), letters.get("A"), layer, view))
    return [one for one in found if len(one.colour) == 3] or found


def choose_layer(
    layers: Sequence[ColourLayer], path: object, channels: Sequence[str], layer: str | None, view: str | None
) -> ColourLayer:
    """The one of ``layers`` that is called ``layer`` and seen from ``view``, or else the picture of the file ``path``.

    Raises UsageError for a layer or view that is not there, and UnreadableError that names what there is, of which
    ``channels`` are all, where no layer is known to be the picture.
    """
    if not layers:
        raise UnreadableError(
            f"{path} has no channels R, G and B; it has {_listed(channels)}.",
            "Write the plate's colour to the main layer of the EXR.",
        )
    seen = _of_view(layers, path, view)
    names = list(dict.fromkeys(one.layer or "rgba" for one in seen))
    found = _named(seen, layer) if layer else _known(seen)
    if len(found) == 1:
        return found[0]
    if layer:
        what = "no layer of colour" if not found else "several layers"
        raise UsageError(f"{path} has {what} {layer!r}; it has {_listed(names)}.", "Give --layer one of these names.")
    raise UnreadableError(
        f"It is not clear which layer of {path} is its picture; it has {_listed(names)}.",
        f"Name one by --layer, like --layer {names[0]}.",
    )


def views_of(layers: Sequence[ColourLayer]) -> list[str]:
    """The views there are, the one that is taken unless another is asked for first."""
    return list(dict.fromkeys(one.view for one in layers if one.view))


def _without_view(name: str, part: PartNames, views: set[str]) -> tuple[str, str]:
    """A layer's name and its view, which stands in the name, in the part's header, or goes without saying."""
    pieces = name.split(".")
    told = part.view or next((piece for piece in reversed(pieces) if piece in views), "")
    if not told and not part.name and part.views:
        told = part.views[0]
    layer = ".".join(piece for piece in pieces if piece != told)
    for joint in "_-":
        layer = layer.removesuffix(f"{joint}{told}") if told else layer
    return layer, told


def _of_view(layers: Sequence[ColourLayer], path: object, view: str | None) -> list[ColourLayer]:
    views = views_of(layers)
    if view and view.casefold() not in (name.casefold() for name in views):
        raise UsageError(
            f"{path} has no view {view!r}; it has {_listed(views) or 'none'}.", "Give --view one of these."
        )
    wanted = view or (views[0] if views else "")
    return [one for one in layers if one.view.casefold() in ("", wanted.casefold())]


def _named(layers: Sequence[ColourLayer], name: str) -> list[ColourLayer]:
    """Those called ``name``: in full, or else by the beginning or end of their names."""
    wanted = name.casefold()
    own = [one.layer.casefold() for one in layers]
    exact = [one == wanted or (not one and wanted in ("rgba", "rgb", "main")) for one in own]
    partly = [one.endswith(f".{wanted}") or one.startswith(f"{wanted}.") for one in own]
    found = [one for one, fits in zip(layers, exact if any(exact) else partly, strict=True) if fits]
    best = _best(found)
    return best if len(best) == 1 else found


def _known(layers: Sequence[ColourLayer]) -> list[ColourLayer]:
    """The layers that may be the picture; one, where that is clear."""
    return _best([one for one in layers if not _is_data(one.layer)])


def _best(layers: Sequence[ColourLayer]) -> list[ColourLayer]:
    ranks = [_rank(one.layer) for one in layers]
    return [one for one, rank in zip(layers, ranks, strict=True) if rank == min(ranks)]


def _rank(layer: str) -> tuple[int, int]:
    """How much a name says that it is the picture; less is more."""
    pieces = layer.casefold().split(".")
    if not layer:
        return 0, 0
    if pieces[-1] not in _BEAUTY:
        return 3, 0
    if len(pieces) == 1:
        return 1, _BEAUTY.index(pieces[0])
    return 2, _FIRST.index(pieces[0]) if pieces[0] in _FIRST else len(_FIRST)


def _is_data(layer: str) -> bool:
    words = layer.casefold().replace("_", ".").replace("-", ".").replace(" ", ".").split(".")
    return any(word in _DATA or word.startswith("crypto") for word in words)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
