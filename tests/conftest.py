"""Fixtures for tests that run the same on one rank and on many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpi4py import MPI


@pytest.fixture
def comm() -> MPI.Intracomm:
    """Return the world communicator."""
    return MPI.COMM_WORLD


@pytest.fixture
def shared_tmp_path(comm: MPI.Intracomm) -> Iterator[Path]:
    """Yield one temporary directory that all ranks share, and remove it when all are done."""
    name = tempfile.mkdtemp(prefix="pbte-test-") if comm.rank == 0 else None
    path = Path(comm.bcast(name))
    yield path
    comm.barrier()
    if comm.rank == 0:
        shutil.rmtree(path, ignore_errors=True)
