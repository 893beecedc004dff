"""Checkpoints of a run: when they are written, and the restart from them.

A checkpoint holds the records of the finished stages, the progress of the stage under way, and its
state: the arrays of sources, surfaces and solvers (`pbte.transport.state`). A finished stage is not
repeated.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from mpi4py import MPI

from pbte.core.distributed_array import DistributedArray
from pbte.core.errors import RunError
from pbte.core.parallel import on_all_ranks
from pbte.geometry.partition import Part
from pbte.observables.gathering import local_snapshot
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.checkpoint import (
    Checkpoint,
    StageKinds,
    has_checkpoint,
    read_arrays,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from pbte.simulation.problem import Problem
from pbte.simulation.records import (
    HarmonicRecord,
    OrdersProgress,
    OrdersRecord,
    SteadyRecord,
    TransientProgress,
)
from pbte.transport.steady.iterate import SteadyProgress

LOG = logging.getLogger("pbte.simulation")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_KINDS = {
    "orders": StageKinds(progress=OrdersProgress, finished=OrdersRecord),
    "steady": StageKinds(progress=SteadyProgress, finished=SteadyRecord),
    "transient": StageKinds(progress=TransientProgress, finished=TransientResult),
    "harmonic": StageKinds(progress=HarmonicRecord, finished=HarmonicRecord),
}


class CheckpointManager:
    """The checkpoint of a run, in a folder next to that of its results.

    Args:
        results: The result folder; no checkpoints are written if None.
        resume: Whether to restart from what is there.
        any_version: Whether it may be of another version of pbte.

    Attributes:
        notes: Notes on a restart, for the reader of the results.
    """

    def __init__(
        self, results: Path | None = None, *, resume: bool = False, any_version: bool = False
    ) -> None:
        self.folder = None if results is None else results.with_name(f"{results.name}.checkpoint")
        self.resume, self.any_version = resume, any_version
        self.interval = float("inf")
        self.notes: tuple[str, ...] = ()
        self._case, self._dim = "", 3
        self._comm: MPI.Intracomm = MPI.COMM_SELF
        self._found: Checkpoint | None = None
        self._finished: dict[str, Any] = {}
        self._signals: list[int] = []
        self._last = time.monotonic()

    def begin(self, problem: Problem) -> None:
        """Prepare the checkpoints of a problem, and read the one to restart from, if there is one.

        Raises:
            InputError: The checkpoint is damaged, or of another case.

        Note: Collective over the ranks.
        """
        self._comm = problem.system.comm
        self.interval = problem.settings.checkpoint_interval
        self._last = time.monotonic()
        if self.folder is None:
            return
        self._dim = problem.bodies.whole.dim
        with on_all_ranks(self._comm):
            if self._comm.rank == 0:
                self._case = problem.fingerprint.digest()
        if not self.resume:
            if has_checkpoint(self.folder):
                LOG.info(
                    "%s stays until this run writes a checkpoint of its own; --resume would "
                    "continue from it",
                    self.folder,
                )
            return
        found = read_checkpoint(
            self.folder, self._case, _KINDS, self._comm, any_version=self.any_version
        )
        if found is None:
            LOG.info("no checkpoint in %s: the run starts from the beginning", self.folder)
            return
        self._found, self._finished = _local(found, problem.part), dict(found.finished)
        done = ", ".join(self._finished) or "nothing"
        self.notes = (
            f"The run was interrupted and went on from a checkpoint: finished were {done}, under "
            f"way {found.stage or 'nothing'}. Its times are those of the last part.",
        )
        LOG.info(
            "restart from %s: finished %s, under way %s",
            self.folder,
            done,
            found.stage or "nothing",
        )

    def finished(self, stage: str) -> Any:
        """Return the record of a stage, or None if it is not finished."""
        return self._finished.get(stage)

    def progress(self, stage: str) -> Any:
        """Return the progress of a stage when the run was interrupted in it, or None."""
        found = self._found
        return None if found is None or found.stage != stage else found.progress

    def restore(self, arrays: Mapping[str, DistributedArray]) -> None:
        """Overwrite the arrays of the stage that was under way. Collective over the ranks."""
        assert self._found is not None
        read_arrays(self._found, arrays, self._comm)

    def finish(self, stage: str, report: Any) -> None:
        """Store the record of a finished stage, for the next checkpoint."""
        self._finished[stage] = report

    def checkpoint_due(self) -> bool:
        """Return whether a checkpoint is due, by a signal or by the time elapsed. Collective."""
        mine = self._comm.rank == 0 and time.monotonic() - self._last >= self.interval
        return bool(self._comm.allreduce(int(mine or bool(self._signals)), op=MPI.MAX))

    def write(self, stage: str, progress: Any, arrays: Mapping[str, DistributedArray]) -> None:
        """Write a checkpoint; if it cannot be written, log a warning and continue the run.

        Args:
            stage: The stage under way.
            progress: Its progress.
            arrays: Its state.

        Raises:
            KeyboardInterrupt: A signal requested a stop.

        Note: Collective over the ranks.
        """
        if self.folder is None:
            return
        state = Checkpoint(case=self._case, stage=stage, progress=progress, finished=self._finished)
        try:
            write_checkpoint(self.folder, state, arrays, self._comm, self._dim)
            LOG.info("checkpoint in %s, under way: %s", self.folder, stage or "nothing")
        except (OSError, RunError) as error:
            LOG.warning("the checkpoint could not be written (%s); the run continues", error)
        self._last = time.monotonic()
        if self._comm.allreduce(int(bool(self._signals)), op=MPI.MAX):
            raise KeyboardInterrupt

    @contextmanager
    def stop_signals(self) -> Iterator[None]:
        """Let a signal stop the run at its next checkpoint. Collective at the end."""
        if self.folder is None:
            yield
            return
        with noted_signals() as self._signals:
            yield
            if self.checkpoint_due():
                self.write("", None, {})

    def done(self) -> None:
        """Remove the checkpoint: the results are complete. To be called on one rank."""
        if self.folder is not None:
            remove_checkpoint(self.folder)


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Yield the list of the stop signals received so far.

    A signal is only recorded, so that the state can be written at the end of a step; a second one
    stops at once. In threads other than the main one no signals are handled.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> Any:
        noted.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _local(value: Any, part: Part | None) -> Any:
    """Return this rank's part of a record that was read as a whole: snapshots of its cells."""
    if isinstance(value, Snapshot):
        return local_snapshot(value, part)
    if isinstance(value, tuple):
        return tuple(_local(each, part) for each in value)
    if isinstance(value, dict):
        return {key: _local(each, part) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        own = {each.name: _local(getattr(value, each.name), part) for each in fields(value)}
        return replace(value, **own)
    return value
