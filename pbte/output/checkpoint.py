"""The state of a transient on the disk, from which a run goes on after it was interrupted.

    NAME.checkpoint/latest          names the complete one of two folders
    NAME.checkpoint/0, 1            rank-N.npz: mode temperatures with the numbers of modes and
                                    cells; evolution.h5: what was recorded; progress.json

The folders are written in turn, flushed to the disk, and `latest` is replaced at the end in one go:
an interruption at any moment leaves a complete checkpoint. Ranks may be others on the way back.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from mpi4py import MPI

from pbte.errors import InputError
from pbte.observables.evolution import Evolution
from pbte.output.results import read_evolution, write_evolution
from pbte.parallel import on_all_ranks
from pbte.types import Array, IntArray

FORMAT = "pbte-checkpoint-1"
LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a transient is, besides its fields.

    Attributes:
        case: What identifies the case; another case must not go on from here.
        time: The present [s].
        scale: Norm of the largest state so far.
        size: Next step [s].
        last_error: Error of the last step; None if it was refused, or there was none.
        evolution: What was recorded; on the first rank.
    """

    case: str
    time: float
    scale: float
    size: float
    last_error: float | None
    evolution: Evolution | None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The part of one body that a rank holds.

    Attributes:
        modes: Number of each local mode in its crystal.
        cells: Number of each local cell in its body.
        theta: Mode temperatures, shape (local modes, num_dofs) [K].
    """

    modes: IntArray
    cells: IntArray
    theta: Array


def write_checkpoint(
    folder: Path, progress: Progress, pieces: Sequence[Piece], comm: MPI.Intracomm
) -> None:
    """Replace the checkpoint in a folder.

    Raises:
        OSError: It cannot be written; the one before is kept (RunError on other ranks).

    Note: Collective over `comm`.
    """
    slot = ""
    with on_all_ranks(comm):
        if comm.rank == 0:
            slot = "1" if _latest(folder) == "0" else "0"
            shutil.rmtree(folder / slot, ignore_errors=True)
            (folder / slot).mkdir(parents=True)
    slot = comm.bcast(slot)
    with on_all_ranks(comm), open(folder / slot / f"rank-{comm.rank}.npz", "wb") as file:
        arrays = {}
        for number, piece in enumerate(pieces):
            for name in ("modes", "cells", "theta"):
                arrays[f"{name}_{number}"] = getattr(piece, name)
        np.savez(file, **arrays)
        _flush(file)
    with on_all_ranks(comm):
        if comm.rank == 0:
            _write_progress(folder / slot, progress, comm.size)
            with open(folder / f"{LATEST}.new", "w", encoding="utf-8") as file:
                file.write(slot)
                _flush(file)
            os.replace(folder / f"{LATEST}.new", folder / LATEST)


def read_checkpoint(
    folder: Path, case: str, pieces: Sequence[Piece], comm: MPI.Intracomm
) -> Progress | None:
    """Return where the transient was and fill in its fields; None if there is no checkpoint.

    Args:
        folder: The folder of the checkpoint.
        case: What identifies the case.
        pieces: The part of each body that this rank holds; `theta` is overwritten.
        comm: All ranks; not necessarily as many as wrote it.

    Raises:
        InputError: It is damaged, or of another case.

    Note: Collective over `comm`.
    """
    found: tuple[Progress, str, int] | None = None
    with on_all_ranks(comm):
        if comm.rank == 0:
            slot = _latest(folder)
            if slot is not None:
                progress, size = _read_progress(folder / slot)
                if progress.case != case:
                    raise InputError(
                        f"{folder}: the checkpoint is of another case; remove it, or run without "
                        "--resume"
                    )
                found = progress, slot, size
    found = comm.bcast(found)
    if found is None:
        return None
    progress, slot, size = found
    with on_all_ranks(comm):
        for piece in pieces:
            piece.theta.fill(np.nan)
        for rank in range(size):
            _fill(folder / slot / f"rank-{rank}.npz", pieces)
        if any(np.isnan(piece.theta).any() for piece in pieces):
            raise InputError(f"{folder}: the checkpoint does not hold all modes and cells")
    return progress


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint once the results are written. To be called on one rank."""
    if _latest(folder) is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(path: Path, pieces: Sequence[Piece]) -> None:
    """Take from a file what this rank holds."""
    try:
        with np.load(path) as file:
            for number, piece in enumerate(pieces):
                modes, cells = file[f"modes_{number}"], file[f"cells_{number}"]
                _, mine, theirs = np.intersect1d(piece.modes, modes, return_indices=True)
                _, here, there = np.intersect1d(piece.cells, cells, return_indices=True)
                if not (mine.size and here.size):
                    continue
                corners = piece.theta.shape[1] // piece.cells.size
                new = file[f"theta_{number}"].reshape(modes.size, cells.size, corners)
                old = piece.theta.reshape(piece.modes.size, piece.cells.size, corners)
                old[np.ix_(mine, here)] = new[np.ix_(theirs, there)]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error


def _latest(folder: Path) -> str | None:
    try:
        return (folder / LATEST).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def _write_progress(folder: Path, progress: Progress, size: int) -> None:
    assert progress.evolution is not None
    write_evolution(progress.evolution, folder / "evolution.h5")
    with open(folder / "evolution.h5", "rb") as written:
        _flush(written)
    names = ("case", "time", "scale", "size", "last_error")
    data = {name: getattr(progress, name) for name in names}
    with open(folder / "progress.json", "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "ranks": size, **data}, file)
        _flush(file)


def _read_progress(folder: Path) -> tuple[Progress, int]:
    try:
        data = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise ValueError("of another version")
        size = int(data.pop("ranks"))
        return Progress(**data, evolution=read_evolution(folder / "evolution.h5")), size
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: not a readable checkpoint ({error})") from error


def _flush(file: IO[Any]) -> None:
    """Wait until a file is on the disk."""
    file.flush()
    os.fsync(file.fileno())
