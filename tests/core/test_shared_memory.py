"""One copy per node: the same values everywhere, read-only, freed when nobody looks any more."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import numpy as np
import pytest

from pbte.core import shared_memory as node_memory
from pbte.core.errors import InputError, RunError
from pbte.core.parallel import resident_memory
from pbte.core.shared_memory import (
    CACHE_LINE,
    free_unused_windows,
    return_freed_memory,
    shared_on_node,
)
from pbte.core.types import Array


@dataclass(frozen=True, kw_only=True)
class Record:
    """Arrays of several kinds, one of them twice."""

    name: str
    matrix: Array
    same: Array
    numbers: tuple[Array, Array, Array]


def make_record():
    matrix = np.arange(12.0).reshape(3, 4)
    numbers = (np.arange(5, dtype=np.int32), np.zeros((0, 3)), np.asfortranarray(matrix))
    return Record(name="record", matrix=matrix, same=matrix, numbers=numbers)


def test_every_rank_gets_the_record_that_the_first_one_made(comm):
    calls = []

    def make():
        calls.append(comm.rank)
        return make_record()

    record = shared_on_node(comm, make)
    assert calls == ([0] if comm.rank == 0 else [])
    expected = make_record()
    assert record.name == "record"
    assert np.array_equal(record.matrix, expected.matrix)
    assert record.same is record.matrix
    for found, wanted in zip(record.numbers, expected.numbers, strict=True):
        assert found.dtype == wanted.dtype
        assert found.shape == wanted.shape
        assert np.array_equal(found, wanted)
    assert record.numbers[2].flags.f_contiguous


def test_shared_arrays_are_read_only_and_start_on_cache_lines(comm):
    record = shared_on_node(comm, make_record)
    for array in (record.matrix, *record.numbers):
        assert not array.flags.writeable
        assert array.size == 0 or array.ctypes.data % CACHE_LINE == 0
    with pytest.raises(ValueError, match="read-only"):
        record.matrix[0, 0] = 1.0


def test_a_failure_of_the_first_rank_is_raised_on_every_rank(comm):
    def refuse():
        raise InputError("no such material")

    with pytest.raises(InputError, match="no such material"):
        shared_on_node(comm, refuse)
    expected = ZeroDivisionError if comm.rank == 0 else RunError
    with pytest.raises(expected, match="division"):
        shared_on_node(comm, lambda: 1 / 0)


def test_a_node_holds_one_copy(comm):
    """The proportional share of memory grows by size / ranks, not by size, on each rank."""
    size = 64_000_000
    before = resident_memory()[1]
    comm.barrier()
    array = shared_on_node(comm, lambda: np.ones(size // 8))
    total = array.sum()  # touches all pages
    comm.barrier()
    grown = comm.allreduce(resident_memory()[1] - before)
    comm.barrier()
    assert total == size // 8
    assert 0.9 * size < grown < 1.3 * size


def test_what_nobody_looks_at_any_more_is_freed_by_the_next_call(comm):
    node = node_memory._split_by_node(comm)
    free_unused_windows(node)
    kept = shared_on_node(comm, make_record)
    part = shared_on_node(comm, lambda: np.arange(1000.0)).reshape(10, 100)[3:5]
    assert free_unused_windows(node) == 0
    assert part[0, 0] == 300.0
    del part
    gc.collect()
    assert free_unused_windows(node) == (1 if node.size > 1 else 0)
    if node.rank > 0 or node.size == 1:
        del kept  # still in use on the first rank of a node with others
    gc.collect()
    assert free_unused_windows(node) == 0
    node.Free()


def test_ranks_on_several_nodes_get_the_same_values(comm, monkeypatch):
    """Every other rank is taken for a second node; what it gets has travelled in messages."""
    monkeypatch.setattr(node_memory, "_split_by_node", lambda c: c.Split(c.rank % 2, c.rank))
    monkeypatch.setattr(node_memory, "LARGEST_MESSAGE", 1000)
    random = shared_on_node(comm, lambda: np.random.default_rng().random(10_000))
    assert np.array_equal(random, comm.bcast(random))
    assert not random.flags.writeable


def test_without_room_for_shared_memory_every_rank_has_its_own_copy(comm, monkeypatch):
    monkeypatch.setattr(node_memory, "_has_room", lambda size: False)
    monkeypatch.setattr(node_memory, "_windows", [])
    random = shared_on_node(comm, lambda: np.random.default_rng().random(1000))
    assert np.array_equal(random, comm.bcast(random))
    assert node_memory._windows == []


def test_a_request_beyond_the_machine_has_no_room():
    assert not node_memory._has_room(2**60)
    assert node_memory._has_room(4096)


FREED = """
import numpy as np
from petsc4py import PETSc
from pbte.core.shared_memory import return_freed_memory
from pbte.core.parallel import resident_memory
start = resident_memory()[0]
large = np.ones(20_000_000)
del large
kept = resident_memory()[0] - start
return_freed_memory()
given_back = resident_memory()[0] - start
large = np.ones(20_000_000)
del large
print(kept, given_back, resident_memory()[0] - start)
"""


def test_freed_memory_goes_back_to_the_system_in_spite_of_petsc(mpirun):
    outcome = mpirun(1, "-c", FREED)
    assert outcome.returncode == 0, outcome.stderr
    _, at_once, from_now_on = map(int, outcome.stdout.split())
    assert at_once < 20_000_000
    assert from_now_on < 20_000_000


ENDS = """
import numpy as np
from mpi4py import MPI
from pbte.core.shared_memory import shared_on_node
kept = [shared_on_node(MPI.COMM_WORLD, lambda: np.full(100_000, 7.0)) for _ in range(3)]
dropped = shared_on_node(MPI.COMM_WORLD, lambda: np.zeros(100_000))
del dropped
more = shared_on_node(MPI.COMM_WORLD, lambda: np.zeros(10))
print(kept[0].sum())
"""


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_program_that_shares_memory_ends_by_itself(mpirun, size):
    outcome = mpirun(size, "-c", ENDS)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("700000.0") == size
    assert outcome.stderr == ""


def test_returning_memory_twice_does_no_harm():
    return_freed_memory()
    return_freed_memory()
