"""Threads, and failures that every rank hears of."""

from __future__ import annotations

import os

import pytest

from pbte.core.errors import InputError, RunError
from pbte.core.parallel import (
    _fair_share,
    available_threads,
    describe,
    limit_threads,
    on_all_ranks,
    peak_memory,
    resident_memory,
    run_together,
)


def test_wrong_input_on_the_last_rank_is_raised_on_every_rank(comm):
    with pytest.raises(InputError, match="bad mesh"), on_all_ranks(comm):
        if comm.rank == comm.size - 1:
            raise InputError("bad mesh")


def test_an_unexpected_error_keeps_its_type_where_it_happened(comm):
    expected = KeyError if comm.rank == 0 else RunError
    with pytest.raises(expected, match="lost"), on_all_ranks(comm):
        if comm.rank == 0:
            raise KeyError("lost")


def test_without_a_failure_every_rank_gets_its_own_result(comm):
    assert run_together(comm, lambda: comm.rank) == comm.rank


def test_an_expected_failure_is_described_by_its_message_alone():
    assert describe(InputError("no such mesh")) == "no such mesh"
    assert describe(ZeroDivisionError("division\nby zero")) == "ZeroDivisionError: division by zero"


def test_cores_that_several_ranks_may_use_are_divided():
    four = frozenset(range(4))
    assert _fair_share(four, [four]) == 4
    assert _fair_share(four, [four, four]) == 2
    assert _fair_share(four, [four] * 3) == 1


def test_cores_that_ranks_are_bound_to_are_not_divided():
    masks = [frozenset({0, 1}), frozenset({2, 3})]
    assert [_fair_share(mask, masks) for mask in masks] == [2, 2]


def test_the_number_of_threads_respects_omp_num_threads(comm, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert available_threads(comm) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "all")  # not a number: no limit
    assert 1 <= available_threads(comm) <= (os.cpu_count() or 1)


def test_numba_and_blas_use_no_more_threads_than_available(comm):
    numba = pytest.importorskip("numba")
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = numba.get_num_threads()
    with threadpoolctl.threadpool_limits():  # restores the limits at the end
        threads = limit_threads(comm)
        assert numba.get_num_threads() <= threads
        assert all(pool["num_threads"] <= threads for pool in threadpoolctl.threadpool_info())
    numba.set_num_threads(before)


def test_the_peak_counts_what_was_held_and_given_back(comm):
    block = b"x" * 200_000_000
    held = comm.allreduce(resident_memory()[1])
    assert len(block) * comm.size < held
    del block
    comm.barrier()
    assert peak_memory(comm) > 0.95 * held


def test_the_own_part_of_the_memory_is_at_most_all_of_it():
    resident, own = resident_memory()
    assert 0 < own <= resident


STOP = """
from mpi4py import MPI
from pbte.core import parallel
parallel.PATIENCE = {patience}
world, channel = MPI.COMM_WORLD, MPI.COMM_WORLD.Dup()
if {condition}:
    parallel.stop_all(channel, {status}, "the one message", print)
world.barrier()
"""


def test_a_failure_on_all_ranks_gives_one_message_and_its_status(mpirun):
    outcome = mpirun(3, "-c", STOP.format(condition="True", status=2, patience=60))
    assert outcome.stdout.count("the one message") == 1
    assert outcome.returncode == 2
    assert "MPI_ABORT" not in outcome.stderr  # all left by themselves


@pytest.mark.parametrize("condition", ["world.rank == 1", "world.rank == 0", "world.rank > 0"])
def test_a_failure_on_some_ranks_stops_the_others_with_one_message(mpirun, condition):
    outcome = mpirun(3, "-c", STOP.format(condition=condition, status=2, patience=2))
    assert outcome.stdout.count("the one message") == 1
    assert outcome.returncode == 2
