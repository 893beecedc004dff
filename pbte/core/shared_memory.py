"""One copy of large arrays per node, shared by its ranks.

The arrays are stored in a window of MPI shared memory, and every rank of the node gets a record
with read-only views of them. The record itself is sent pickled, with its arrays out of band (pickle
protocol 5, PEP 574), so that anything made of dataclasses, tuples and arrays can be shared.

Freeing a window is collective over its node, while Python deletes the views at any time. Windows
without views are therefore freed at the next call by the same ranks; the operating system frees the
rest at the end of the program.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
import numpy.typing as npt

from pbte.core.parallel import on_all_ranks

if TYPE_CHECKING:
    from mpi4py import MPI

T = TypeVar("T")
Bytes = npt.NDArray[np.uint8]

CACHE_LINE = 64  # every array starts on a cache line of its own [bytes]
LARGEST_MESSAGE = 2**30  # counts of MPI are 32-bit integers [bytes]

# Where Linux keeps shared memory; containers are often given very little of it.
_SHARED_MEMORY = "/dev/shm"

# Limits of the C library, from malloc.h: chunks above 32 MiB are mapped and returned to the system,
# as is a free end of the heap above twice that.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_LARGE_CHUNK = 32 * 2**20


def shared_on_node(comm: MPI.Intracomm, make: Callable[[], T]) -> T:
    """Return the record that a function makes on the first rank, on every rank, one copy per node.

    Where the node has too little shared memory every rank gets a copy of its own.

    Args:
        comm: The ranks.
        make: Called on the first rank alone; must not communicate. Returns an array, or a record of
            arrays: a dataclass, a tuple, anything that can be pickled.

    Returns:
        The same record on every rank; its contiguous arrays are read-only.

    Raises:
        InputError, RunError: `make` failed; on all ranks (see `on_all_ranks`).

    Note:
        Collective over ``comm``.
    """
    from mpi4py import MPI

    buffers: list[pickle.PickleBuffer] = []
    skeleton, sizes = b"", []
    with on_all_ranks(comm):
        if comm.rank == 0:
            skeleton = pickle.dumps(make(), protocol=5, buffer_callback=buffers.append)
            sizes = [buffer.raw().nbytes for buffer in buffers]
    skeleton, sizes = comm.bcast((skeleton, sizes))
    node = _split_by_node(comm)
    first_of_node = 0 if node.rank == 0 else MPI.UNDEFINED
    leaders = cast("MPI.Intracomm", comm.Split(first_of_node, comm.rank))
    try:
        free_unused_windows(node)
        views = _place(buffers, sizes, comm, node, leaders)
    finally:
        node.Free()
        if leaders != MPI.COMM_NULL:
            leaders.Free()
    del buffers
    # Wrapped, because NumPy lets an array that is a view of a view forget the one between.
    result: T = pickle.loads(skeleton, buffers=[memoryview(view) for view in views])
    return_freed_memory()
    return result


def return_freed_memory() -> None:
    """Return free memory to the operating system, now and from now on.

    SuperLU_DIST, which comes with PETSc, disables that in the C library on loading
    (mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1)): a process then stays as large as it
    ever was, 300 MB more per rank after reading a matrix of 4000 modes. Only in the GNU C library.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_CHUNK)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_CHUNK)
        library.mallopt(_M_MMAP_MAX, 65536)
        library.malloc_trim(0)


@dataclass(frozen=True, kw_only=True)
class _Window:
    """A window and its views; it is in use while one of them exists."""

    window: MPI.Win
    ranks: tuple[int, ...]  # of the node, in the world
    views: tuple[weakref.ref[Bytes], ...]


_windows: list[_Window] = []


def free_unused_windows(node: MPI.Intracomm) -> int:
    """Free the windows of these ranks that have no views left; return their number.

    Args:
        node: The ranks of one node.

    Note:
        Collective over ``node``.
    """
    from mpi4py import MPI

    ranks = _world_ranks(node)
    known = [item for item in _windows if item.ranks == ranks]
    used = np.array([any(view() is not None for view in item.views) for item in known], dtype="i4")
    node.Allreduce(MPI.IN_PLACE, used, op=MPI.MAX)
    unused = [item for item, in_use in zip(known, used, strict=True) if not in_use]
    for item in unused:
        item.window.Free()
        _windows.remove(item)
    return len(unused)


def _place(
    buffers: list[pickle.PickleBuffer],
    sizes: list[int],
    comm: MPI.Intracomm,
    node: MPI.Intracomm,
    leaders: MPI.Intracomm,
) -> list[Bytes]:
    """Return read-only views of the buffers, one copy on each node. Collective over `comm`."""
    starts = np.concatenate([[0], np.cumsum([-(-size // CACHE_LINE) for size in sizes])])
    starts = starts.astype(np.int64) * CACHE_LINE
    window, memory = _allocate(node, int(starts[-1]))
    if comm.rank == 0:
        for buffer, start, size in zip(buffers, starts[:-1], sizes, strict=True):
            memory[start : start + size] = np.frombuffer(buffer.raw(), dtype=np.uint8)
    if node.rank == 0:
        _broadcast(memory, leaders)
    if window is None:
        _broadcast(memory, node)
    else:
        window.Fence()  # makes the data of the first rank visible to all
    memory.flags.writeable = False
    views = [memory[start : start + size] for start, size in zip(starts[:-1], sizes, strict=True)]
    if window is not None:
        watched = tuple(weakref.ref(view) for view in views)
        _windows.append(_Window(window=window, ranks=_world_ranks(node), views=watched))
    return views


def _allocate(node: MPI.Intracomm, size: int) -> tuple[MPI.Win | None, Bytes]:
    """Return shared memory and its window, or memory of this rank and no window. Collective."""
    from mpi4py import MPI

    padded = size + CACHE_LINE
    window = None
    if node.size == 1 or not node.bcast(_has_room(padded)):
        memory: Bytes = np.empty(padded, dtype=np.uint8)
    else:
        window = MPI.Win.Allocate_shared(padded if node.rank == 0 else 0, 1, comm=node)
        memory = np.frombuffer(window.Shared_query(0)[0], dtype=np.uint8)
        window.Fence()
    # Whole pages are shared, so all ranks skip the same number of bytes.
    skip = -memory.ctypes.data % CACHE_LINE
    return window, memory[skip : skip + size]


def _has_room(size: int) -> bool:
    try:
        room = os.statvfs(_SHARED_MEMORY)
    except (OSError, AttributeError):  # another system: MPI chooses the place
        return True
    return size <= room.f_bavail * room.f_frsize


def _broadcast(memory: Bytes, comm: MPI.Intracomm) -> None:
    for start in range(0, memory.size, LARGEST_MESSAGE):
        comm.Bcast(memory[start : start + LARGEST_MESSAGE])


def _split_by_node(comm: MPI.Intracomm) -> MPI.Intracomm:
    from mpi4py import MPI

    return cast("MPI.Intracomm", comm.Split_type(MPI.COMM_TYPE_SHARED))


def _world_ranks(comm: MPI.Intracomm) -> tuple[int, ...]:
    from mpi4py import MPI

    group, world = comm.Get_group(), MPI.COMM_WORLD.Get_group()
    ranks = tuple(int(rank) for rank in group.Translate_ranks(range(comm.size), world))
    group.Free()
    world.Free()
    return ranks
