"""The layout of material files: HDF5, modes on the full grid, irreducible rows of the matrix.

Version 1 (N wave vectors, b bands, R operations); each dataset has a `unit` attribute:

    attributes   format="pbte-material", version, name, temperature_K; source, attribution,
                 scattering, smearing, energy_conservation, generator (text)
    crystal/     lattice (3, 3) rows, positions (atoms, 3), masses (atoms,), symbols (atoms,);
                 optional: elastic_constants (6, 6), Voigt's order xx, yy, zz, yz, xz, xy
    grid/        mesh (3,), qpoint (N, 3), permutation (R, N), rotations_cartesian (R, 3, 3),
                 ir_index (num_ir,)
    modes/       frequency (N, b), group_velocity (N, b, 3), active (N, b); optional:
                 eigenvector (N, 3 atoms, b) in single precision, gruneisen (N, b); extras
    scattering/  A_sym_ir (num_ir * b, N * b) in single precision; or loss_rate (N, b);
                 bulk conductivity and conductivity_rta (3, 3) of the matrix as stored

Lengths, masses and frequencies are in angstrom, amu, THz as is usual in lattice dynamics; they are
converted here, and everything inside the program is SI.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pbte.core.constants import ATOMIC_MASS, TERAHERTZ
from pbte.core.errors import InputError, RunError
from pbte.core.types import Array
from pbte.materials.expansion import ZoneTable
from pbte.materials.modes import Crystal

FORMAT = "pbte-material"
VERSION = 1

UNITS = {
    "1": 1.0,
    "m/s": 1.0,
    "W/m K": 1.0,
    "GPa": 1e9,
    "angstrom": 1e-10,
    "amu": ATOMIC_MASS,
    "THz": 2.0 * np.pi * TERAHERTZ,  # ordinary frequency in the file, angular frequency inside
    "1/ps": 1e12,
    "reciprocal lattice": 1.0,
    "index of R q": 1.0,
}
"""Unit in a file -> factor to SI; wave vectors stay in reciprocal primitive vectors."""

MATRIX_DEFINITION = (
    "rows (irreducible q, band) of A_s = C^1/2 A C^-1/2, C = diag(heat capacities); A acts on mode "
    "temperatures, its diagonal are the loss rates"
)

REQUIRED_MODES = ("frequency", "group_velocity", "active")


@dataclass(frozen=True, kw_only=True)
class FileContent:
    """Content of a material file.

    Attributes:
        table: Modes on the full grid and irreducible scattering.
        texts: Text attributes: source, attribution, scattering, smearing, generator, ...
        conductivity: Bulk conductivity of the file, shape (3, 3) [W/m K], or None.
        conductivity_rta: The same in the relaxation-time approximation, or None.
    """

    table: ZoneTable
    texts: Mapping[str, str]
    conductivity: Array | None = None
    conductivity_rta: Array | None = None


def read_file(path: Path) -> FileContent:
    """Return the content of a material file, in SI units.

    Args:
        path: An existing file.

    Raises:
        InputError: The file is damaged, of another kind or version, or incomplete.
    """
    with _opened(path) as file:
        return FileContent(
            table=_read_table(file),
            texts={key: value for key, value in file.attrs.items() if isinstance(value, str)},
            conductivity=_read_conductivity(file, "scattering/conductivity"),
            conductivity_rta=_read_conductivity(file, "scattering/conductivity_rta"),
        )


def write_file(path: Path, content: FileContent) -> None:
    """Write a material file, complete or not at all.

    The file is put together in memory and takes its name when all of it is on the disk.

    Args:
        path: File to write; an existing one is replaced.
        content: The content, in SI units.

    Raises:
        RunError: The file cannot be written.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update(content.texts)
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        file.attrs["name"] = content.table.name
        file.attrs["temperature_K"] = content.table.temperature
        _write_table(file, content.table)
        for name, tensor in (
            ("conductivity", content.conductivity),
            ("conductivity_rta", content.conductivity_rta),
        ):
            if tensor is not None:
                _put(file, f"scattering/{name}", tensor, "W/m K")
    _replace(path, buffer.getvalue())


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a material file for reading; errors of HDF5 become an `InputError` of one sentence."""
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: the file cannot be read; check its permissions")
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}: not an HDF5 file, so not a pbte material")
    try:
        with h5py.File(path, "r") as file:
            _check_format(file)
            yield file
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: the file is damaged or incomplete ({reason}); copy or make it again"
        ) from error


def _check_format(file: h5py.File) -> None:
    kind = file.attrs.get("format", None)
    if kind != FORMAT:
        found = f"format = {kind!r}" if kind is not None else "no attribute 'format'"
        raise InputError(f"not a pbte material ({found}, expected '{FORMAT}')")
    version = file.attrs.get("version", None)
    if version != VERSION:
        raise InputError(
            f"material format version {version}, this program reads version {VERSION}; "
            "make the file again or update pbte"
        )
    for key in ("name", "temperature_K"):
        if key not in file.attrs:
            raise InputError(f"attribute '{key}' is missing; make the file again")


def _get(file: h5py.File, name: str, unit: str) -> npt.NDArray[Any]:
    """Return a dataset converted to SI, after checking that it has the unit of the format."""
    if name not in file:
        raise InputError(f"dataset '{name}' is missing; make the file again")
    dataset = file[name]
    found = dataset.attrs.get("unit", None)
    if found != unit:
        raise InputError(f"dataset '{name}' has unit {found!r}, expected '{unit}'")
    values: npt.NDArray[Any] = np.asarray(dataset[()])
    if values.dtype.kind != "f":
        return values
    return np.asarray(values, dtype=np.float64) * UNITS[unit]


def _read_table(file: h5py.File) -> ZoneTable:
    def get(name: str, unit: str) -> npt.NDArray[Any]:
        return _get(file, name, unit)

    if "crystal/symbols" not in file:
        raise InputError("dataset 'crystal/symbols' is missing; make the file again")
    mesh = get("grid/mesh", "1")
    crystal = Crystal(
        lattice=get("crystal/lattice", "angstrom"),
        symbols=tuple(file["crystal/symbols"].asstr()[()]),
        positions=get("crystal/positions", "1"),
        masses=get("crystal/masses", "amu"),
        mesh=(int(mesh[0]), int(mesh[1]), int(mesh[2])),
        rotations=get("grid/rotations_cartesian", "1"),
        elastic_constants=(
            get("crystal/elastic_constants", "GPa") if "crystal/elastic_constants" in file else None
        ),
    )
    has_matrix = "scattering/A_sym_ir" in file
    if not has_matrix and "scattering/loss_rate" not in file:
        raise InputError(
            "dataset 'scattering/A_sym_ir' is missing, and there is no "
            "'scattering/loss_rate' instead"
        )
    return ZoneTable(
        name=str(file.attrs["name"]),
        temperature=float(file.attrs["temperature_K"]),
        crystal=crystal,
        grid_points=get("grid/qpoint", "reciprocal lattice"),
        permutations=get("grid/permutation", "index of R q").astype(np.int64),
        irreducible=get("grid/ir_index", "1").astype(np.int64),
        frequencies=get("modes/frequency", "THz"),
        velocities=get("modes/group_velocity", "m/s"),
        active=get("modes/active", "1").astype(np.bool_),
        matrix_rows=get("scattering/A_sym_ir", "1/ps") if has_matrix else None,
        loss_rates=None if has_matrix else get("scattering/loss_rate", "1/ps"),
        extras={
            name: (np.asarray(dataset[()]), str(dataset.attrs.get("unit", "1")))
            for name, dataset in file["modes"].items()
            if name not in REQUIRED_MODES
        },
    )


def _read_conductivity(file: h5py.File, name: str) -> Array | None:
    if name not in file:
        return None
    return np.asarray(_get(file, name, "W/m K"), dtype=np.float64)


def _put(file: h5py.File, name: str, values: npt.ArrayLike, unit: str) -> None:
    """Write SI values as a dataset in the unit of the format."""
    data = np.asarray(values)
    if UNITS[unit] != 1.0:
        data = data / UNITS[unit]
    if name == "scattering/A_sym_ir":
        data = data.astype(np.float32)
    _pack(file, name, data, unit)


def _pack(file: h5py.File, name: str, data: npt.NDArray[Any], unit: str) -> None:
    packing = {"compression": "gzip", "compression_opts": 6, "shuffle": True, "fletcher32": True}
    dataset = file.create_dataset(name, data=data, **(packing if data.size > 64 else {}))
    dataset.attrs["unit"] = unit


def _write_table(file: h5py.File, table: ZoneTable) -> None:
    crystal = table.crystal
    _put(file, "crystal/lattice", crystal.lattice, "angstrom")
    _put(file, "crystal/positions", crystal.positions, "1")
    _put(file, "crystal/masses", crystal.masses, "amu")
    symbols = file.create_dataset("crystal/symbols", data=[s.encode() for s in crystal.symbols])
    symbols.attrs["unit"] = "1"
    if crystal.elastic_constants is not None:
        _put(file, "crystal/elastic_constants", crystal.elastic_constants, "GPa")
    _put(file, "grid/mesh", np.asarray(crystal.mesh, dtype=np.int32), "1")
    _put(file, "grid/qpoint", table.grid_points, "reciprocal lattice")
    _put(file, "grid/permutation", table.permutations.astype(np.int32), "index of R q")
    _put(file, "grid/rotations_cartesian", crystal.rotations, "1")
    _put(file, "grid/ir_index", table.irreducible.astype(np.int32), "1")
    _put(file, "modes/frequency", table.frequencies, "THz")
    _put(file, "modes/group_velocity", table.velocities, "m/s")
    _put(file, "modes/active", table.active, "1")
    for name, (values, unit) in table.extras.items():
        _pack(file, f"modes/{name}", values, unit)
    if table.matrix_rows is not None:
        _put(file, "scattering/A_sym_ir", table.matrix_rows, "1/ps")
        file["scattering/A_sym_ir"].attrs["definition"] = MATRIX_DEFINITION
    elif table.loss_rates is not None:
        _put(file, "scattering/loss_rate", table.loss_rates, "1/ps")


def _replace(path: Path, image: bytes) -> None:
    """Write a file next to `path` and rename it when it is complete."""
    partial: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        partial = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(image)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)  # mkstemp gives a file to its owner alone
        os.replace(partial, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"{path}: the material file cannot be written ({reason})") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
