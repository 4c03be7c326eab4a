"""A GPU that is not there: its tensors lie in the host's memory, but say that they are on a device of their own.

What is computed on it comes out as on the processor. But like a GPU it refuses tensors of the host's among its own, and
it keeps a book of what a GPU would make the host wait for, and of what is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

aten = torch.ops.aten
CPU = torch.device("cpu")

READS = {
    aten._local_scalar_dense,
    aten.equal,
    aten.is_nonzero,
    aten.nonzero,
    aten.masked_select,
    aten._unique2,
    aten.unique_dim,
    aten.repeat_interleave,
}
"""What hands the host a result, if only the size of one."""

INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
"""What does so where it is given a mask."""


class _Module(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("pretended", _Module())
GPU = torch.device("pretended", 0)


class Book:
    """What happened between host and device."""

    def __init__(self) -> None:
        self.operations = 0  # on the device
        self.sent: list[tuple[int, ...]] = []  # shapes of what was copied to it
        self.waits: list[str] = []  # what the host had to wait for


class There(torch.Tensor):
    """A tensor on the device; ``held`` is what it really is."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> There:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=GPU,
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {}, Book())


class _Machine(TorchDispatchMode):
    """Sees every operation, those that make tensors out of nothing as well."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self.book = book

    def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {}, self.book)


@contextmanager
def machine() -> Iterator[Book]:
    """The machine with that device: only in here are there tensors on it."""
    book = Book()
    with _Machine(book):
        yield book


def _run(function: Any, args: Any, kwargs: dict[str, Any], book: Book) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, There)]
    asked = kwargs.get("device")
    book.operations += bool(there)
    if there and _reads(function, args):
        book.waits.append(str(function))
    real_kwargs = {**_real(kwargs), **({"device": CPU} if asked is not None else {})}
    compute: Callable[[], Any] = lambda: function(*_real(args), **real_kwargs)  # noqa: E731
    if function is aten._to_copy.default:
        goes = torch.device(asked).type == GPU.type if asked is not None else bool(there)
        _note_copy(book, bool(there), goes, args[0])
        return _shown(compute(), goes)
    if function is aten.copy_.default:
        _note_copy(book, isinstance(args[1], There), isinstance(args[0], There), args[1])
        compute()
        return args[0]
    if there and any(tensor.dim() for tensor in tensors if not isinstance(tensor, There)):
        raise RuntimeError(f"{function} has tensors of the host's among those of the device")
    result = compute()
    if function._schema.is_mutable:
        if not function._schema.returns:
            return None
        return kwargs.get("out", args[0])
    return _shown(result, bool(there) or (asked is not None and torch.device(asked).type == GPU.type))


def _reads(function: Any, args: Any) -> bool:
    packet = function.overloadpacket
    masks = any(isinstance(leaf, torch.Tensor) and leaf.dtype == torch.bool for leaf in tree_leaves(args[1:2]))
    return packet in READS or (packet in INDEXING and masks)


def _note_copy(book: Book, from_device: bool, to_device: bool, tensor: torch.Tensor) -> None:
    if to_device and not from_device:
        book.sent.append(tuple(tensor.shape))
    if from_device and not to_device:
        book.waits.append(f"copy of {tuple(tensor.shape)}")


def _real(values: Any) -> Any:
    return tree_map_only(There, lambda tensor: tensor.held, values)


def _shown(values: Any, there: bool) -> Any:
    return tree_map_only(torch.Tensor, There, values) if there else values
