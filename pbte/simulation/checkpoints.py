"""When a run is kept on the disk, and how it goes on from there.

One checkpoint holds what the finished stages have reported and all that the stage under way needs
to go on. A finished stage is not repeated.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from mpi4py import MPI

from pbte.core.errors import RunError
from pbte.core.types import Array, IntArray
from pbte.geometry.partition import Part
from pbte.observables.gathering import local_snapshot
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import SpectralEstimate, SteadyReport
from pbte.observables.snapshot import Balance, Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.checkpoint import (
    Checkpoint,
    DistributedArray,
    latest,
    read_checkpoint,
    read_fields,
    remove_checkpoint,
    write_checkpoint,
)
from pbte.simulation.problem import Problem
from pbte.transport.system import Boundary

LOG = logging.getLogger("pbte.simulation")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_KINDS = (Balance, SpectralEstimate, TransientResult, HarmonicResult, Snapshot, SteadyReport)


class CheckpointManager:
    """The checkpoint of a run, in a folder beside that of its results.

    Args:
        results: The result folder; nothing is kept if None.
        resume: Whether to go on from what is there.
    """

    def __init__(self, results: Path | None = None, *, resume: bool = False) -> None:
        self.folder = None if results is None else results.with_name(f"{results.name}.checkpoint")
        self.resume = resume
        self.interval = float("inf")
        self.remarks: tuple[str, ...] = ()
        self._case = ""
        self._comm: MPI.Intracomm = MPI.COMM_SELF
        self._found: Checkpoint | None = None
        self._finished: dict[str, Any] = {}
        self._told: list[int] = []
        self._last = time.monotonic()

    def begin(self, problem: Problem, interval: float) -> None:
        """Look for a checkpoint to go on from, and remember whose it is.

        Raises:
            InputError: The checkpoint is damaged, or of another case.

        Note: Collective over the ranks.
        """
        self._comm = problem.system.comm
        self.interval, self._last = interval, time.monotonic()
        if self.folder is None:
            return
        self._case = problem.fingerprint
        if not self.resume:
            if latest(self.folder) is not None:
                LOG.info(
                    "%s stays until this run writes a checkpoint of its own; --resume would "
                    "continue from it",
                    self.folder,
                )
            return
        found = read_checkpoint(self.folder, self._case, _KINDS, self._comm)
        if found is None:
            LOG.info("no checkpoint in %s: the run starts from the beginning", self.folder)
            return
        self._found, self._finished = _local(found, problem.part), dict(found.finished)
        done = ", ".join(self._finished) or "nothing"
        self.remarks = (
            f"The run was interrupted and went on from a checkpoint: finished were {done}, under "
            f"way {found.stage}. Its times are those of the last part.",
        )
        LOG.info("restart from %s: finished %s, under way %s", self.folder, done, found.stage)

    def finished(self, stage: str) -> Any:
        """Return what a stage reported, or None if it is not finished."""
        return self._finished.get(stage)

    def begun(self, stage: str) -> Any:
        """Return what a stage had come to when the run was interrupted in it, or None."""
        found = self._found
        return None if found is None or found.stage != stage else found.present

    def fill(self, pieces: Mapping[str, DistributedArray]) -> None:
        """Fill in the fields of the stage that was under way. Collective over the ranks."""
        assert self.folder is not None and self._found is not None
        read_fields(self.folder, self._found, pieces, self._comm)

    def finish(self, stage: str, report: Any) -> None:
        """Take note that a stage is finished, to be kept with the next checkpoint."""
        self._finished[stage] = report

    def is_due(self) -> bool:
        """Return whether to keep the run now: it was told to stop, or time is up. Collective."""
        mine = self._comm.rank == 0 and time.monotonic() - self._last >= self.interval
        return bool(self._comm.allreduce(int(mine or bool(self._told)), op=MPI.MAX))

    def keep(self, stage: str, present: Any, pieces: Mapping[str, DistributedArray]) -> None:
        """Write a checkpoint; one that cannot be written is told, and the run goes on.

        Args:
            stage: The stage under way.
            present: What it has come to.
            pieces: Its fields.

        Raises:
            KeyboardInterrupt: The run was told to stop.

        Note: Collective over the ranks.
        """
        if self.folder is None:
            return
        state = Checkpoint(case=self._case, stage=stage, present=present, finished=self._finished)
        try:
            write_checkpoint(self.folder, state, pieces, self._comm)
            LOG.info("checkpoint in %s, under way: %s", self.folder, stage)
        except (OSError, RunError) as error:
            LOG.warning("the checkpoint could not be written (%s); the run continues", error)
        self._last = time.monotonic()
        if self._comm.allreduce(int(bool(self._told)), op=MPI.MAX):
            raise KeyboardInterrupt

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let the run stop at its next checkpoint when it is told to. Collective at the end."""
        if self.folder is None:
            yield
            return
        with interruptions() as self._told:
            yield
            if self.is_due():
                self.keep("end", None, {})

    def done(self) -> None:
        """Remove the checkpoint: the results are complete. To be called on one rank."""
        if self.folder is not None:
            remove_checkpoint(self.folder)


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Yield a list that is no longer empty once the run was told to stop.

    The signal is only noted, so that the state can be kept at the end of a step; a second one stops
    at once. In threads other than the main one signals are not taken over.
    """
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> Any:
        told.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def cells_of(problem: Problem) -> list[IntArray]:
    """Return the number of each local cell of each body."""
    if problem.part is not None:
        return [problem.part.cells]
    return [np.arange(body.mesh.num_cells) for body in problem.system.bodies]


def field_pieces(problem: Problem, fields: tuple[Array, ...]) -> dict[str, DistributedArray]:
    """Return fields of all modes, one of each body, shape (local modes, num_dofs)."""
    return {
        f"field_{number}": DistributedArray(
            rows=body.mode_partition.indices, columns=cells, values=field
        )
        for number, (body, cells, field) in enumerate(
            zip(problem.system.bodies, cells_of(problem), fields, strict=True)
        )
    }


def of_modes(modes: IntArray, values: Array) -> DistributedArray:
    """Return some numbers of each local mode, shape (local modes, any)."""
    return DistributedArray(rows=modes, columns=np.arange(values.shape[1]), values=values)


def boundary_pieces(problem: Problem, boundary: Boundary) -> dict[str, DistributedArray]:
    """Return what walls and interfaces send in; the arrays themselves."""
    pieces, first = {}, problem.system.group.rank == 0
    for number, state in enumerate(boundary.states):
        sides = state.surface.sides
        facets = sides[0].boundary_dofs[:, 0] // sides[0].boundary_dofs.shape[1]
        if problem.part is not None:
            facets = problem.part.facets[facets]
        width = sides[0].dofs.size
        if state.bins.size:
            pieces[f"bins_{number}"] = DistributedArray(
                rows=np.arange(state.bins.shape[0]),
                columns=facets,
                values=state.bins.reshape(-1, width),
                is_written=first,
            )
        for side, inflow in enumerate(state.inflow):
            if state.surface.is_sparse:
                pieces[f"inflow_{number}_{side}"] = DistributedArray(
                    rows=sides[side].mode_partition.indices,
                    columns=facets,
                    values=inflow.reshape(inflow.shape[0], width),
                )
    return pieces


def _local(value: Any, part: Part | None) -> Any:
    """Return what a rank holds of a record that was read as a whole: snapshots of its cells."""
    if isinstance(value, Snapshot):
        return local_snapshot(value, part)
    if isinstance(value, tuple):
        return tuple(_local(each, part) for each in value)
    if isinstance(value, dict):
        return {key: _local(each, part) for key, each in value.items()}
    if isinstance(value, Checkpoint):
        return replace(
            value, present=_local(value.present, part), finished=_local(value.finished, part)
        )
    if isinstance(value, TransientResult):
        return replace(
            value,
            snapshots=_local(value.snapshots, part),
            integral=_local(value.integral, part),
        )
    if isinstance(value, HarmonicResult):
        return replace(
            value, real=_local(value.real, part), imaginary=_local(value.imaginary, part)
        )
    return value
