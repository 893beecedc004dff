"""Fixtures for tests that run the same on one rank and on many."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from domains import domain_of_cells, simplex_grid
from mpi4py import MPI

from pbte.cli.main import main
from pbte.core.parallel import on_all_ranks, under_launcher
from pbte.geometry.domain import Domain, read_domain
from pbte.geometry.shapes import film, nanoparticle
from pbte.materials.storage import Material, read_material


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return on how many processes `docker/run pytest` runs: the whole suite on up to four.

    Each is a job of one rank with one thread. More would compile the same loops over and over.
    """
    if config.args != config.getini("testpaths") or under_launcher():
        return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return min(4, len(os.sched_getaffinity(0)))


# What the workers begin with. One compiles the loops of the sweep, which the others then find on
# the disk, while these do what has none; after the long ones, files of seconds fill the end.
FIRST = (
    "tests/transport/sweep",
    "tests/demos/test_demos.py::test_a_script_ends_in_its_own_assertions[strain_mismatch.py]",
    "tests/interfaces",
    "tests/materials",
    "tests/reference",
    "tests/demos",
    "tests/simulation",
    "tests/transport",
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Return what deals tests to the workers: files whole, each demo alone, the sweep to one."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(FIRST[0]):
                return FIRST[0]
            return nodeid if nodeid.startswith("tests/demos") else nodeid.partition("::")[0]

        def _assign_work_unit(self, node: Any) -> None:
            self.workqueue.move_to_end(min(self.workqueue, key=place_in_queue), last=False)
            super()._assign_work_unit(node)

    return Scheduler(config, log)


def place_in_queue(scope: str) -> int:
    """Return the place of a test, file or folder among those that are begun first."""
    return next((n for n, start in enumerate(FIRST) if scope.startswith(start)), len(FIRST))


@pytest.fixture
def comm() -> MPI.Intracomm:
    """Return the world communicator."""
    return MPI.COMM_WORLD


def _shared_directory() -> Iterator[Path]:
    """Yield one temporary directory that all ranks share, and remove it when all are done."""
    comm = MPI.COMM_WORLD
    path = Path(comm.bcast(tempfile.mkdtemp(prefix="pbte-test-") if comm.rank == 0 else None))
    yield path
    comm.barrier()
    if comm.rank == 0:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def shared_tmp_path() -> Iterator[Path]:
    """Yield a temporary directory of one test."""
    yield from _shared_directory()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Yield a temporary directory for cases and meshes of all tests of a module."""
    yield from _shared_directory()


@pytest.fixture(scope="session")
def mesh_folder() -> Iterator[Path]:
    """Yield a temporary directory for meshes of all tests."""
    yield from _shared_directory()


@pytest.fixture
def lone_environment() -> dict[str, str]:
    """The environment without the traces of an MPI job, for programs that tests start."""
    job = ("OMPI_COMM", "OMPI_MCA_ess", "OMPI_APP", "PMIX", "PRTE", "PMI_", "MPI_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(job)}
    return {**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


Launch = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mpirun() -> Launch:
    """Return a function that runs Python with the given arguments on several ranks."""
    if under_launcher():
        pytest.skip("starts an mpirun of its own")
    # Variables that a launcher set for the tests must not leak into the one they start.
    prefixes = ("OMPI_COMM", "OMPI_UNIVERSE", "PMIX", "PMI_", "PRTE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}

    def launch(size: int, *arguments: str, cwd: Path | None = None) -> object:
        return subprocess.run(
            ["mpirun", "--oversubscribe", "-n", str(size), sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env={**clean, "OMP_NUM_THREADS": "1"},
            check=False,
            cwd=cwd,
        )

    return launch  # type: ignore[return-value]


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def pbte(comm, capfd, monkeypatch) -> Command:
    """Return a function that runs the command line here, on all ranks; the first one's output."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("PBTE_TRACEBACK", raising=False)
    # On a busy machine ranks fall behind each other; here no rank fails alone.
    monkeypatch.setattr("pbte.core.parallel.PATIENCE", 60.0)

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        outcomes = comm.allgather((caught.value.code or 0, out, err))
        assert all(out == "" for _, out, _ in outcomes[1:]), "one rank talks"
        assert len({status for status, _, _ in outcomes}) == 1
        return Outcome(*outcomes[0])

    return run


BUILDERS = {"nanoparticle": nanoparticle, "film": film}


@pytest.fixture(scope="session")
def body(mesh_folder: Path) -> Callable[..., Domain]:
    """Return a function that builds a named body once and reads it. Collective."""
    known: dict[str, Domain] = {}

    def build(shape: str, **parameters: float) -> Domain:
        key = shape + "".join(f"-{name}-{value:g}" for name, value in parameters.items())
        if key not in known:
            comm, path = MPI.COMM_WORLD, mesh_folder / f"{key}.msh"
            with on_all_ranks(comm):
                if comm.rank == 0:
                    BUILDERS[shape](path, **parameters)
            known[key] = read_domain(path, comm)
        return known[key]

    return build


@pytest.fixture(scope="session")
def silicon() -> Material:
    """Return silicon with its full scattering matrix on the 5 x 5 x 5 grid (747 modes)."""
    return read_material("Si-5")


@pytest.fixture(scope="session")
def grid() -> Callable[..., Domain]:
    """Return the function that cuts the unit interval, square or cube into simplices."""
    return simplex_grid


@pytest.fixture(scope="session")
def cells() -> Callable[..., Domain]:
    """Return the function that makes a domain of vertices and cells."""
    return domain_of_cells
