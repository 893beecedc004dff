"""Checkpoint files, from which an interrupted run continues.

    NAME.checkpoint/latest          names the folder of the newest checkpoint
    NAME.checkpoint/0, 1            rank-N.npz: arrays of the stage under way, with the names of
                                    their axes and the number of each entry along them (modes,
                                    cells); progress.h5: everything else, as in results.h5;
                                    checksums: SHA-256 of all these, as `sha256sum -c` reads them

The folders are written in turn and flushed, and `latest` is replaced atomically at the end: an
interruption at any moment leaves a complete checkpoint. The previous one is kept in case a disk
loses the newest. The number of ranks may differ at a restart. Files of other names are neither read
nor removed.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import h5py
import numpy as np
from mpi4py import MPI

from pbte import __version__
from pbte.core.distributed_array import DistributedArray
from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.output.durable import flush, flush_tree
from pbte.output.hdf5.records import get_record, put_record

FORMAT = "pbte-checkpoint-3"
LATEST = "latest"
PROGRESS = "progress.h5"
CHECKSUMS = "checksums"
SLOTS = ("0", "1")
# All files of a checkpoint, those of earlier formats too.
_OWN_FILES = re.compile(r"rank-\d+\.npz|progress\.h5|checksums|form\.json|arrays\.npz")

LOG = logging.getLogger("pbte.output")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Progress of a run, without the arrays of the stage under way.

    Attributes:
        case: Fingerprint of the case; no other case may restart from it.
        stage: The stage under way; "" between stages.
        progress: Record of its progress; None between stages.
        finished: Record of each finished stage.
        ranks: Number of ranks that wrote the arrays.
        version: Version of pbte that wrote it.
        slot: Folder that it was read from.
    """

    case: str
    stage: str
    progress: Any
    finished: Mapping[str, Any]
    ranks: int = 0
    version: str = __version__
    slot: Path = Path()


@dataclass(frozen=True, kw_only=True)
class StageKinds:
    """Classes of the records of a stage.

    Attributes:
        progress: Record of its progress.
        finished: Record of its results.
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
        OSError: It cannot be written; the previous one is kept (RunError on other ranks).

    Note: Collective over `comm`.
    """
    slot = folder
    with on_all_ranks(comm):
        if comm.rank == 0:
            slot = folder / _next_slot(folder)
            if slot.is_symlink():
                raise OSError(f"{slot} is a link, which is not followed")
            _clear(slot)
            slot.mkdir(parents=True, exist_ok=True)
    slot = comm.bcast(slot)
    checksum = ""
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
        checksum = _checksum(path)
    checksums = comm.gather(checksum)
    with on_all_ranks(comm):
        if checksums is not None:
            lines = [f"{each}  rank-{rank}.npz" for rank, each in enumerate(checksums)]
            progress = slot / PROGRESS
            progress.write_bytes(_image(replace(checkpoint, ranks=comm.size), dim))
            lines.append(f"{_checksum(progress)}  {PROGRESS}")
            (slot / CHECKSUMS).write_text("\n".join([*lines, ""]), encoding="utf-8")
            flush_tree(slot)
            new = folder / f"{LATEST}.new"
            new.write_text(slot.name, encoding="utf-8")
            flush(new)
            os.replace(new, folder / LATEST)
            flush(folder)


def read_checkpoint(
    folder: Path,
    case: str,
    kinds: Mapping[str, StageKinds],
    comm: MPI.Intracomm,
    *,
    any_version: bool = False,
) -> Checkpoint | None:
    """Return the progress of the run that left a checkpoint; None if there is none.

    If the newest one is damaged and the previous one is complete, a warning is logged and that one
    is used.

    Args:
        folder: The folder of the checkpoint.
        case: Fingerprint of the case, on the first rank.
        kinds: Classes of the records of each stage.
        comm: All ranks; not necessarily as many as wrote it.
        any_version: Whether another version of pbte may have written it.

    Raises:
        InputError: It is damaged, of another case, or of another version of pbte.

    Note: Collective over `comm`.
    """
    found: Checkpoint | None = None
    with on_all_ranks(comm):
        if comm.rank == 0:
            found = _newest(folder, kinds)
        if found is not None and found.case != case:
            raise InputError(
                f"{folder}: the checkpoint is of another case, or its mesh, a material or another "
                "file of the case has changed; remove it, or run without --resume"
            )
        if found is not None and found.version != __version__ and not any_version:
            raise InputError(
                f"{folder}: the checkpoint is of pbte {found.version}, and this is {__version__}; "
                "finish the run with that version, or say --any-version as well"
            )
    found = comm.bcast(found)
    return found


def read_arrays(
    checkpoint: Checkpoint, arrays: Mapping[str, DistributedArray], comm: MPI.Intracomm
) -> None:
    """Overwrite the values of all arrays by those in a checkpoint, from the same or other ranks.

    Raises:
        InputError: It is damaged, or does not hold all of them.

    Note: Collective over `comm`.
    """
    with on_all_ranks(comm):
        for array in arrays.values():
            array.values.fill(np.nan)
        for rank in range(checkpoint.ranks):
            _take_over(checkpoint.slot / f"rank-{rank}.npz", arrays)
        for name, array in arrays.items():
            if np.isnan(array.values).any():
                raise InputError(f"{checkpoint.slot}: the checkpoint does not hold all of {name}")


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint once the results are written. To be called on one rank.

    Only the files that pbte makes; a folder that holds others stays with these.
    """
    with suppress(OSError):
        for name in (LATEST, f"{LATEST}.new"):
            (folder / name).unlink(missing_ok=True)
        for name in SLOTS:
            _clear(folder / name)
        folder.rmdir()


def has_checkpoint(folder: Path) -> bool:
    """Return whether there is a checkpoint in a folder, complete or not."""
    return any((folder / name / CHECKSUMS).exists() for name in SLOTS)


def _clear(slot: Path) -> None:
    """Remove the files of a checkpoint, and its folder if nothing else is in it."""
    if slot.is_symlink() or not slot.is_dir():
        return
    for path in slot.iterdir():
        if _OWN_FILES.fullmatch(path.name) and (path.is_file() or path.is_symlink()):
            path.unlink()
    with suppress(OSError):  # not empty: it holds what is not ours
        slot.rmdir()


def _latest(folder: Path) -> str | None:
    """Return the name of the newest checkpoint; None if no valid name is stored."""
    try:
        name = (folder / LATEST).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in SLOTS else None


def _next_slot(folder: Path) -> str:
    """Return the folder to write into: not the newest checkpoint."""
    newest = _latest(folder)
    if newest is None:  # the younger of the two stays
        newest = max(SLOTS, key=lambda name: _age(folder / name / CHECKSUMS))
    return SLOTS[1 - SLOTS.index(newest)]


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return -1.0


def _newest(folder: Path, kinds: Mapping[str, StageKinds]) -> Checkpoint | None:
    """Return the newest complete checkpoint; None if there is none, not even a damaged one."""
    first = _latest(folder)
    names = sorted(SLOTS, key=lambda name: (name != first, -_age(folder / name / CHECKSUMS)))
    failure: InputError | None = None
    for name in names:
        if not (folder / name).is_dir():
            continue
        try:
            found = _read(folder / name, kinds)
        except InputError as error:
            failure = failure or error
            continue
        if failure is not None:
            LOG.warning("%s; the checkpoint before it is whole and is taken", failure)
        return found
    if failure is None and (folder / LATEST).exists():
        failure = InputError(f"{folder}: holds no checkpoint, although it has held one")
    if failure is not None:
        raise failure
    return None


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _verify(slot: Path) -> None:
    """Compare all files of a checkpoint with their checksums.

    Raises:
        ValueError: One differs, or is not listed.
        OSError: One is missing.
    """
    listed = set()
    for line in (slot / CHECKSUMS).read_text(encoding="ascii").splitlines():
        checksum, _, name = line.partition("  ")
        if not _OWN_FILES.fullmatch(name):
            raise ValueError(f"{CHECKSUMS} is damaged")
        if _checksum(slot / name) != checksum:
            raise ValueError(f"{name} is damaged")
        listed.add(name)
    if PROGRESS not in listed:
        raise ValueError(f"{CHECKSUMS} is damaged")


def _image(checkpoint: Checkpoint, dim: int) -> bytes:
    """Return the bytes of progress.h5; see `write_results_file` for why they are made in memory."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file.attrs.update(
            format=FORMAT,
            version=__version__,
            case=checkpoint.case,
            stage=checkpoint.stage,
            ranks=checkpoint.ranks,
        )
        records = {f"finished/{name}": record for name, record in checkpoint.finished.items()}
        if checkpoint.progress is not None:
            records["progress"] = checkpoint.progress
        for name, record in records.items():
            put_record(file.create_group(name), record, dim, is_compressed=False)
    return image.getvalue()


def _read(slot: Path, kinds: Mapping[str, StageKinds]) -> Checkpoint:
    try:
        _verify(slot)
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
                version=str(file.attrs["version"]),
                slot=slot,
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
