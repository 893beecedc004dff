"""The file results.h5: all results of a run, with units, readable by any HDF5 tool.

Its groups and datasets are the fields of `Results` and of the records in it, as `records` writes
them; docs/results.md lists them all.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py

from pbte.core.errors import InputError
from pbte.observables.results import Results
from pbte.output.hdf5.records import get_record, put_record

FORMAT = "pbte-results"
VERSION = 2


def write_results_file(results: Results, path: Path) -> None:
    """Write results.h5.

    The file is put together in memory and written at once: HDF5 itself cannot recover from a
    disk that fills (it leaves the file open and crashes when the interpreter ends).

    Args:
        results: Results of the run.
        path: File to write; overwritten when it exists.

    Raises:
        OSError: The file cannot be written.
        ValueError: The scattering orders do not fit each other (shapes, names of walls).
    """
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file.attrs.update(format=FORMAT, version=VERSION)
        put_record(file, results, results.geometry.dim)
    path.write_bytes(image.getvalue())


def read_results(path: str | Path) -> Results:
    """Return the results of a run.

    Args:
        path: A results.h5, or the folder that holds it.

    Returns:
        The same record that was written.

    Raises:
        InputError: There is no such file, it is damaged, or it is not a pbte results file.
    """
    name = Path(path)
    file_path = name / "results.h5" if name.is_dir() else name
    if not file_path.is_file():
        raise InputError(f"{file_path}: no such file; give a results.h5 or the folder of a run")
    try:
        with h5py.File(file_path, "r") as file:
            _check_header(file, file_path)
            found: Results = get_record(file, Results)
            return found
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{file_path}: not a readable results file ({reason}); it is damaged or was not "
            "written by pbte, run the case again"
        ) from error


def is_results_file(path: Path) -> bool:
    """Return whether a file is a pbte results file of any version (its data is not checked)."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def _check_header(file: Any, path: Path) -> None:
    kind, version = file.attrs.get("format"), file.attrs.get("version")
    if kind != FORMAT:
        raise InputError(
            f"{path}: an HDF5 file, but not pbte results (its format attribute is {kind!r}, "
            f"expected {FORMAT!r}); give a results.h5 of a run"
        )
    if version != VERSION:
        raise InputError(
            f"{path}: results of version {version}, but this pbte reads version {VERSION}; "
            "use the pbte that wrote it or run the case again"
        )
