"""Ranks and threads: errors raised on all ranks, cores and memory per rank.

MPI is imported inside the functions that need it, so that ``pbte --help`` does not start it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pbte.core.errors import InputError, RunError

if TYPE_CHECKING:
    from mpi4py import MPI

T = TypeVar("T")

_FAILED = 1  # tag of the message "I failed"
PATIENCE = 2.0  # time that a failed rank waits for the others before it aborts them [s]
_ABORT_TAKES = 30.0  # an abort by another rank arrives within this time [s]
# Time that the launcher is given to pass a message on before an abort [s]: an abort at once lost
# it in 1 of 25 trials on a busy machine, one after this time in none of 100.
_FORWARDING = 1.0
_LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK")


def under_launcher() -> bool:
    """Return whether a launcher such as mpirun started this process (without starting MPI)."""
    return any(name in os.environ for name in _LAUNCHERS)


@contextmanager
def on_all_ranks(comm: MPI.Comm) -> Iterator[None]:
    """Raise an exception of any rank inside the block on every rank.

    The block itself must not communicate: use it around work of single ranks, such as reading a
    file on rank 0. An InputError is raised as such everywhere; any other exception keeps its type
    on its rank and is a RunError on the others.

    Note:
        Collective over ``comm``.
    """
    failure: Exception | None = None
    try:
        yield
    except Exception as error:
        failure = error
    report = None if failure is None else (isinstance(failure, InputError), describe(failure))
    reports = comm.allgather(report)
    if failure is not None:
        raise failure
    for rank, other in enumerate(reports):
        if other is not None:
            wrong_input, message = other
            raise InputError(message) if wrong_input else RunError(f"rank {rank}: {message}")


def run_together(comm: MPI.Comm, function: Callable[[], T]) -> T:
    """Return the result of a function on this rank, or raise on every rank if it failed on any.

    The function must not communicate (see ``on_all_ranks``).

    Note:
        Collective over ``comm``.
    """
    with on_all_ranks(comm):
        result = function()
    return result


def describe(error: BaseException) -> str:
    """Return the message of an expected error, or type and message of an unexpected one."""
    if isinstance(error, InputError | RunError):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def stop_all(
    comm: MPI.Comm,
    status: int,
    message: str,
    write: Callable[[str], None],
) -> NoReturn:
    """End all ranks with one message, from any rank that failed.

    When every rank arrives here (the same invalid input was found on all of them) rank 0 writes and
    all exit with ``status``. A rank that does not arrive is waiting for one that has failed: the
    failed rank with the lowest number then writes and aborts the others.

    Args:
        comm: A communicator used for nothing else, because the missing ranks may be inside a
            collective call of another one.
        status: Exit status.
        message: Text for the user.
        write: Writes the message.
    """
    request = comm.Ibarrier()
    # Sent to the ranks above, so that only the lowest of those that failed writes.
    sent = [comm.isend(None, dest=rank, tag=_FAILED) for rank in range(comm.rank + 1, comm.size)]
    deadline = time.monotonic() + PATIENCE
    while not request.Test():
        if time.monotonic() > deadline:
            if any(comm.iprobe(source=rank, tag=_FAILED) for rank in range(comm.rank)):
                time.sleep(_ABORT_TAKES)
            else:
                write(message)
                sys.stdout.flush()
                sys.stderr.flush()
                time.sleep(_FORWARDING)
            comm.Abort(status)
        time.sleep(0.005)
    del sent
    if comm.rank == 0:
        write(message)
    sys.exit(status)


def available_threads(comm: MPI.Comm) -> int:
    """Return the number of threads of this rank, at least 1.

    The cores in the affinity mask of this rank, each divided by the number of ranks of the node
    that may use it. OMP_NUM_THREADS, where set, is an upper limit.

    Note:
        Collective over ``comm``.
    """
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    try:
        masks = node.allgather(_usable_cores())
        mine = masks[node.rank]
    finally:
        node.Free()
    return max(1, min(_fair_share(mine, masks), _requested_threads()))


def limit_threads(comm: MPI.Comm) -> int:
    """Limit Numba and the BLAS library to this rank's cores; return the number of threads.

    Note:
        Collective over ``comm``.
    """
    import numba
    import threadpoolctl

    threads = available_threads(comm)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    threadpoolctl.threadpool_limits(limits=threads)
    return threads


def peak_memory(comm: MPI.Comm) -> int:
    """Return the peak memory of all ranks together [bytes].

    Memory shared by the ranks of a node (libraries, arrays in node memory) counts once, where the
    operating system reports it.

    Note:
        Collective over ``comm``.
    """
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    most = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resident, own = resident_memory()
    return int(comm.allreduce(most - (resident - own)))


def resident_memory() -> tuple[int, int]:
    """Return the resident and the proportional memory of this process [bytes].

    In the second number (Pss in proc(5)) a page that n processes share counts 1/n, so that the sum
    over the processes is the memory in use. Both are 0 where there is no /proc.
    """
    found = {"Rss:": 0, "Pss:": 0}
    with contextlib.suppress(OSError), open("/proc/self/smaps_rollup", encoding="ascii") as lines:
        for key, *rest in (line.split() for line in lines):
            if key in found:
                found[key] = 1024 * int(rest[0])
    return found["Rss:"], found["Pss:"]


def _usable_cores() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _fair_share(mine: frozenset[int], masks: list[frozenset[int]]) -> int:
    """Return the integer number of cores per rank on a node."""
    users = Counter(core for mask in masks for core in mask)
    share = sum(1.0 / users[core] for core in mine)
    return int(share + 1e-9)


def _requested_threads() -> int:
    """Return the limit set by OMP_NUM_THREADS, or a very large number."""
    try:
        return max(1, int(os.environ["OMP_NUM_THREADS"].split(",")[0]))
    except (KeyError, ValueError):
        return sys.maxsize
