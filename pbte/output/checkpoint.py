"""A run on the disk, from which it goes on after it was interrupted.

    NAME.checkpoint/latest          names the folder of the complete checkpoint
    NAME.checkpoint/0, 1            rank-N.npz: fields of the stage under way, with the numbers of
                                    their rows (modes) and columns (cells); form.json, arrays.npz:
                                    everything else

The folders are written in turn and flushed, and `latest` is replaced at the end in one go: an
interruption at any moment leaves a complete checkpoint. Ranks may be others on the way back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.core.types import IntArray, Numbers
from pbte.output.durable import flush, flush_tree
from pbte.output.record_file import read_record, write_record

FORMAT = "pbte-checkpoint-2"
LATEST = "latest"
_OWN = {LATEST, f"{LATEST}.new", "0", "1"}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a run has come, besides the fields.

    Attributes:
        case: What identifies the case; another case must not go on from here.
        stage: The stage under way.
        present: What it has come to.
        finished: What each finished stage reported.
        ranks: Number of ranks that wrote the fields.
        format: Version of all this.
    """

    case: str
    stage: str
    present: Any
    finished: Mapping[str, Any]
    ranks: int = 0
    format: str = FORMAT


@dataclass(frozen=True, kw_only=True)
class DistributedArray:
    """The part of a field that a rank holds.

    Attributes:
        rows: Number of each local row in the whole field: modes, moments or bins.
        columns: Number of each local cell, or facet, in its body.
        values: Shape (local rows, any number for each local column), contiguous.
        is_written: Whether this rank writes it; where several hold the same, only one does.
    """

    rows: IntArray
    columns: IntArray
    values: Numbers
    is_written: bool = True


def write_checkpoint(
    folder: Path,
    checkpoint: Checkpoint,
    pieces: Mapping[str, DistributedArray],
    comm: MPI.Intracomm,
) -> None:
    """Replace the checkpoint in a folder.

    Args:
        folder: The folder; it and its parents are made.
        checkpoint: How far the run has come; that of the first rank is written.
        pieces: Parts of the fields by name, the same names on all ranks.
        comm: All ranks.

    Raises:
        OSError: It cannot be written; the one before is kept (RunError on other ranks).

    Note: Collective over `comm`.
    """
    before: str | None = None
    with on_all_ranks(comm):
        if comm.rank == 0:
            before = latest(folder)
            slot = folder / _other(before)
            shutil.rmtree(slot, ignore_errors=True)
            slot.mkdir(parents=True)
    slot = folder / _other(comm.bcast(before))
    with on_all_ranks(comm):
        arrays: dict[str, Any] = {}
        for name, piece in pieces.items():
            if piece.is_written:
                for part in ("rows", "columns", "values"):
                    arrays[f"{name}.{part}"] = getattr(piece, part)
        path = slot / f"rank-{comm.rank}.npz"
        np.savez(path, **arrays)
        flush(path)
    with on_all_ranks(comm):
        if comm.rank == 0:
            write_record(replace(checkpoint, ranks=comm.size), slot)
            flush_tree(slot)
            new = folder / f"{LATEST}.new"
            new.write_text(slot.name, encoding="utf-8")
            flush(new)
            os.replace(new, folder / LATEST)
            flush(folder)
            if before is not None:
                shutil.rmtree(folder / before, ignore_errors=True)


def read_checkpoint(
    folder: Path, case: str, kinds: Iterable[type], comm: MPI.Intracomm
) -> Checkpoint | None:
    """Return how far the run came that left a checkpoint; None if there is none.

    Args:
        folder: The folder of the checkpoint.
        case: What identifies the case; looked at on the first rank.
        kinds: All dataclasses that stages report.
        comm: All ranks; not necessarily as many as wrote it.

    Raises:
        InputError: It is damaged, or of another case.

    Note: Collective over `comm`.
    """
    found: Checkpoint | None = None
    with on_all_ranks(comm):
        slot = latest(folder) if comm.rank == 0 else None
        if slot is not None:
            found = _read(folder / slot, kinds)
            if found.case != case:
                raise InputError(
                    f"{folder}: the checkpoint is of another case, or its mesh or material has "
                    "changed; remove it, or run without --resume"
                )
    found = comm.bcast(found)
    return found


def read_fields(
    folder: Path,
    checkpoint: Checkpoint,
    pieces: Mapping[str, DistributedArray],
    comm: MPI.Intracomm,
) -> None:
    """Overwrite the values of all pieces by those in a checkpoint.

    Raises:
        InputError: It is damaged, or does not hold all of them.

    Note: Collective over `comm`.
    """
    with on_all_ranks(comm):
        slot = folder / (latest(folder) or "")
        for piece in pieces.values():
            piece.values.fill(np.nan)
        for rank in range(checkpoint.ranks):
            _fill(slot / f"rank-{rank}.npz", pieces)
        for name, piece in pieces.items():
            if np.isnan(piece.values).any():
                raise InputError(f"{folder}: the checkpoint does not hold all of {name}")


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint once the results are written. To be called on one rank."""
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= _OWN:
        shutil.rmtree(folder, ignore_errors=True)


def latest(folder: Path) -> str | None:
    """Return the name of the complete checkpoint in a folder, None if there is none."""
    try:
        return (folder / LATEST).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def _other(slot: str | None) -> str:
    return "1" if slot == "0" else "0"


def _read(slot: Path, kinds: Iterable[type]) -> Checkpoint:
    try:
        found = read_record(slot, (*kinds, Checkpoint))
        if not isinstance(found, Checkpoint) or found.format != FORMAT:
            raise ValueError("of another version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{slot}: not a readable checkpoint ({error})") from error
    return found


def _fill(path: Path, pieces: Mapping[str, DistributedArray]) -> None:
    """Take from a file what this rank holds."""
    try:
        with np.load(path, allow_pickle=False) as file:
            for name, piece in pieces.items():
                if f"{name}.rows" not in file:
                    continue
                rows, columns = file[f"{name}.rows"], file[f"{name}.columns"]
                _, mine, theirs = np.intersect1d(piece.rows, rows, return_indices=True)
                _, here, there = np.intersect1d(piece.columns, columns, return_indices=True)
                if not (mine.size and here.size):
                    continue
                places = piece.values.shape[1] // piece.columns.size
                new = file[f"{name}.values"].reshape(rows.size, columns.size, places)
                old = piece.values.reshape(piece.rows.size, piece.columns.size, places)
                old[np.ix_(mine, here)] = new[np.ix_(theirs, there)]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error
