"""When a transient is kept on the disk, and how a run goes on from there."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from mpi4py import MPI

from pbte.case import Case
from pbte.errors import RunError
from pbte.observables.evolution import Evolution
from pbte.observables.gathering import local_snapshot
from pbte.output.checkpoint import (
    Piece,
    Progress,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from pbte.setup import Say, Setup
from pbte.transport.partition import Part
from pbte.transport.step_control import StepControl
from pbte.transport.transient import TimeStepper
from pbte.types import Array

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Keeping:
    """The checkpoint of a run, in a folder beside that of its results.

    Args:
        results: The result folder.
        resume: Whether to go on from what is there.
    """

    def __init__(self, results: Path, *, resume: bool = False) -> None:
        self.folder = results.with_name(f"{results.name}.checkpoint")
        self.resume = resume
        self.interval = float("inf")
        self._last = time.monotonic()

    def take_up(self, case: Case, setup: Setup, fields: tuple[Array, ...]) -> Progress | None:
        """Return where the transient was, its fields filled in; None to begin at the beginning.

        Note: Collective over the ranks.
        """
        assert case.transient is not None
        self.interval = case.transient.checkpoint_interval
        self._last = time.monotonic()
        if not self.resume:
            return None
        pieces, comm = _pieces(setup, fields), setup.system.comm
        found = read_checkpoint(self.folder, fingerprint(case), pieces, comm)
        if found is None or found.evolution is None:
            return None
        return replace(found, evolution=_local(found.evolution, setup.part))

    def is_due(self, comm: MPI.Intracomm) -> bool:
        """Return whether it is time for another checkpoint, by the first rank's clock."""
        return bool(comm.bcast(time.monotonic() - self._last >= self.interval))

    def keep(
        self,
        case: Case,
        setup: Setup,
        stepper: TimeStepper,
        control: StepControl,
        evolution: Evolution,
        progress: Say,
    ) -> None:
        """Write a checkpoint; one that cannot be written is told, and the run goes on.

        Note: Collective over the ranks.
        """
        state = Progress(
            case=fingerprint(case),
            time=stepper.time,
            scale=stepper.scale,
            size=control.size,
            last_error=control.last_error,
            evolution=evolution,
        )
        try:
            write_checkpoint(self.folder, state, _pieces(setup, stepper.fields), setup.system.comm)
            progress(f"checkpoint at {stepper.time:.4g} s in {self.folder}")
        except (OSError, RunError) as error:
            progress(f"the checkpoint could not be written ({error}); the run goes on")
        self._last = time.monotonic()

    def done(self) -> None:
        """Remove the checkpoint: the results are complete. To be called on one rank."""
        remove_checkpoint(self.folder)


def fingerprint(case: Case) -> str:
    """Return what must be the same when a run goes on: all but ranks, output and checkpoints."""
    text = case.model_dump_json(
        exclude={"output": True, "parallel": True, "transient": {"checkpoint_interval"}}
    )
    return str(text)


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


def _pieces(setup: Setup, fields: tuple[Array, ...]) -> list[Piece]:
    """Return the fields of this rank with the numbers of their modes and cells."""
    return [
        Piece(
            modes=body.share.indices,
            cells=np.arange(body.mesh.num_cells) if setup.part is None else setup.part.cells,
            theta=field,
        )
        for body, field in zip(setup.system.bodies, fields, strict=True)
    ]


def _local(evolution: Evolution, part: Part | None) -> Evolution:
    """Return what a rank holds of a record that was read as a whole."""
    integral = evolution.integral
    return replace(
        evolution,
        snapshots=tuple(local_snapshot(snapshot, part) for snapshot in evolution.snapshots),
        integral=None if integral is None else local_snapshot(integral, part),
    )
