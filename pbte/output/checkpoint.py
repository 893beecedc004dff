"""Checkpoint files, from which an interrupted run continues.

    NAME.checkpoint/latest          names the folder of the complete checkpoint
    NAME.checkpoint/0, 1            rank-N.npz: arrays of the stage under way, with the names of
                                    their axes and the number of each entry along them (modes,
                                    cells); progress.h5: everything else, as in results.h5

The folders are written in turn and flushed, and `latest` is replaced at the end in one go: an
interruption at any moment leaves a complete checkpoint. Ranks may be others on the way back.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import h5py
import numpy as np
from mpi4py import MPI

from pbte.core.distributed_array import DistributedArray
from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.output.durable import flush, flush_tree
from pbte.output.hdf5.records import get_record, put_record

FORMAT = "pbte-checkpoint-3"
LATEST = "latest"
PROGRESS = "progress.h5"
_OWN = {LATEST, f"{LATEST}.new", "0", "1"}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Progress of a run, beside the arrays of the stage under way.

    Attributes:
        case: Fingerprint of the case; no other case may go on from here.
        stage: The stage under way; "" between stages.
        progress: Record of its progress; None between stages.
        finished: Record of what each finished stage found.
        ranks: Number of ranks that wrote the arrays.
    """

    case: str
    stage: str
    progress: Any
    finished: Mapping[str, Any]
    ranks: int = 0


@dataclass(frozen=True, kw_only=True)
class StageKinds:
    """Classes of the records of a stage.

    Attributes:
        progress: Record of its progress.
        finished: Record of what it finds.
    """

    progress: type
    finished: type


def write_checkpoint(
    folder: Path,
    checkpoint: Checkpoint,
    arrays: Mapping[str, DistributedArray],
    comm: MPI.Intracomm,
    dim: int,
) -> None:
    """Replace the checkpoint in a folder.

    Args:
        folder: The folder; it and its parents are made.
        checkpoint: Progress of the run; that of the first rank is written.
        arrays: State of the stage under way, the same names on all ranks.
        comm: All ranks.
        dim: Dimension of the mesh, on which units depend.

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
        stored: dict[str, Any] = {}
        for name, array in arrays.items():
            if array.is_written:
                stored[f"{name}.axes"] = np.array(array.axes)
                stored[f"{name}.values"] = array.values
                for axis, numbers in enumerate(array.numbers):
                    stored[f"{name}.numbers_{axis}"] = numbers
        path = slot / f"rank-{comm.rank}.npz"
        np.savez(path, **stored)
        flush(path)
    with on_all_ranks(comm):
        if comm.rank == 0:
            (slot / PROGRESS).write_bytes(_image(replace(checkpoint, ranks=comm.size), dim))
            flush_tree(slot)
            new = folder / f"{LATEST}.new"
            new.write_text(slot.name, encoding="utf-8")
            flush(new)
            os.replace(new, folder / LATEST)
            flush(folder)
            if before is not None:
                shutil.rmtree(folder / before, ignore_errors=True)


def read_checkpoint(
    folder: Path, case: str, kinds: Mapping[str, StageKinds], comm: MPI.Intracomm
) -> Checkpoint | None:
    """Return the progress of the run that left a checkpoint; None if there is none.

    Args:
        folder: The folder of the checkpoint.
        case: Fingerprint of the case, on the first rank.
        kinds: Classes of the records of each stage.
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


def read_arrays(
    folder: Path,
    checkpoint: Checkpoint,
    arrays: Mapping[str, DistributedArray],
    comm: MPI.Intracomm,
) -> None:
    """Overwrite the values of all arrays by those in a checkpoint, which other ranks may have left.

    Raises:
        InputError: It is damaged, or does not hold all of them.

    Note: Collective over `comm`.
    """
    with on_all_ranks(comm):
        slot = folder / (latest(folder) or "")
        for array in arrays.values():
            array.values.fill(np.nan)
        for rank in range(checkpoint.ranks):
            _take_over(slot / f"rank-{rank}.npz", arrays)
        for name, array in arrays.items():
            if np.isnan(array.values).any():
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


def _image(checkpoint: Checkpoint, dim: int) -> bytes:
    """Return the bytes of progress.h5; see `write_results_file` for why they are made in memory."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file.attrs.update(
            format=FORMAT, case=checkpoint.case, stage=checkpoint.stage, ranks=checkpoint.ranks
        )
        records = {f"finished/{name}": record for name, record in checkpoint.finished.items()}
        if checkpoint.progress is not None:
            records["progress"] = checkpoint.progress
        for name, record in records.items():
            put_record(file.create_group(name), record, dim, is_compressed=False)
    return image.getvalue()


def _read(slot: Path, kinds: Mapping[str, StageKinds]) -> Checkpoint:
    try:
        with h5py.File(slot / PROGRESS, "r") as file:
            if file.attrs["format"] != FORMAT:
                raise ValueError(f"of another version, {file.attrs['format']}")
            stage, finished = str(file.attrs["stage"]), file.get("finished", {})
            return Checkpoint(
                case=str(file.attrs["case"]),
                stage=stage,
                progress=get_record(file["progress"], kinds[stage].progress)
                if "progress" in file
                else None,
                finished={
                    name: get_record(finished[name], kinds[name].finished)
                    for name in kinds
                    if name in finished
                },
                ranks=int(file.attrs["ranks"]),
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{slot}: not a readable checkpoint ({error})") from error


def _take_over(path: Path, arrays: Mapping[str, DistributedArray]) -> None:
    """Read from the file of a rank the entries that this rank holds."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            for name, array in arrays.items():
                if f"{name}.axes" not in file:
                    continue
                axes = tuple(str(axis) for axis in file[f"{name}.axes"])
                numbers = tuple(file[f"{name}.numbers_{axis}"] for axis in range(len(axes)))
                array.take_over(
                    DistributedArray(axes=axes, numbers=numbers, values=file[f"{name}.values"])
                )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error
