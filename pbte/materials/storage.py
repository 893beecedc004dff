"""Material files: HDF5 with modes on the full grid and irreducible rows of the matrix.

Layout, version 1 (N wave vectors, b bands, R operations); each dataset has a `unit` attribute:

    attributes   format="pbte-material", version, name, temperature_K; source, attribution,
                 scattering, smearing, energy_conservation, generator (text)
    crystal/     lattice (3, 3) rows, positions (atoms, 3), masses (atoms,), symbols (atoms,)
    grid/        mesh (3,), qpoint (N, 3), permutation (R, N), rotations_cartesian (R, 3, 3),
                 ir_index (num_ir,)
    modes/       frequency (N, b), group_velocity (N, b, 3), active (N, b); extras
    scattering/  A_sym_ir (num_ir * b, N * b) in single precision; or loss_rate (N, b);
                 conductivity and conductivity_rta (3, 3) of this very file

Lengths, masses and frequencies are in angstrom, amu, THz as is usual in lattice dynamics; they are
converted here, and everything inside the program is SI.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt

import pbte
from pbte.constants import ATOMIC_MASS, TERAHERTZ
from pbte.errors import InputError, RunError
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.expansion import ZoneTable, expand_table
from pbte.materials.kernel import FactoredKernel, FullKernel, rta_kernel, truncated_kernel
from pbte.materials.modes import Crystal, ModeTable
from pbte.types import Array

FORMAT = "pbte-material"
VERSION = 1

UNITS = {
    "1": 1.0,
    "m/s": 1.0,
    "W/m K": 1.0,
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

Scattering = Literal["full", "rta", "stored"] | int


@dataclass(frozen=True, kw_only=True)
class Material:
    """A material as read: modes, kernel, and where they come from.

    Attributes:
        name: Name of the material.
        source: Where its force constants or tables come from.
        attribution: Credit that the licences of the sources ask for.
        modes: Mode table.
        kernel: Collision kernel over these modes.
        stored_conductivity: Bulk conductivity written in the file when it was made, for the
            scattering of the file, shape (3, 3) [W/m K]; None when the file has none.
        path: The file; None for a model.
        details: Further texts of the file: scattering, smearing, generator, ...
    """

    name: str
    source: str
    attribution: str
    modes: ModeTable
    kernel: FullKernel | FactoredKernel
    stored_conductivity: Array | None = None
    path: Path | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def shipped_materials() -> dict[str, Path]:
    """Return the materials that come with the program: name -> file."""
    folder = Path(__file__).parent / "data"
    return {path.stem: path for path in sorted(folder.glob("*.h5"))}


def read_material(name_or_path: str | Path, *, scattering: Scattering = "full") -> Material:
    """Return a material from a file or from those that come with the program.

    Args:
        name_or_path: Name of a shipped material ("Si-9", in any case), or path of a file; a text
            with a "/" or ending in .h5 or .hdf5 is a path.
        scattering: "full" for the whole matrix, "rta" for the relaxation-time approximation with
            the same loss rates, the rank of a truncated kernel, or "stored" for what the file
            holds, "full" or, in a file without a matrix, "rta".

    Returns:
        Material with mode table and kernel in SI units.

    Raises:
        InputError: Unknown name; the file is missing, damaged, of another kind, or incomplete.
    """
    path = _resolve(name_or_path)
    with _opened(path) as file:
        table = _read_table(file, path)
        texts = {key: str(value) for key, value in file.attrs.items() if isinstance(value, str)}
        stored = _stored_conductivity(file, path)
    try:
        kernel = expand_table(table)
        chosen = _choose(kernel, scattering)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    main = {"name", "format", "source", "attribution"}
    return Material(
        name=table.name,
        source=texts.get("source", ""),
        attribution=texts.get("attribution", ""),
        modes=chosen.modes,
        kernel=chosen,
        stored_conductivity=stored,
        path=path,
        details={key: value for key, value in texts.items() if key not in main},
    )


def write_material(
    path: str | Path,
    table: ZoneTable,
    *,
    source: str,
    attribution: str = "",
    details: Mapping[str, str] | None = None,
) -> None:
    """Write a material file, complete or not at all.

    The matrix is stored in single precision; the bulk conductivity of what a reader will get from
    the file is computed and stored with it.

    Args:
        path: File to write; an existing one is replaced.
        table: Modes on the full grid with irreducible rows of the matrix, or with loss rates.
        source: Where the force constants or tables come from.
        attribution: Credit that the licences of the sources ask for.
        details: Further texts: scattering, smearing, energy_conservation, generator.

    Raises:
        InputError: The table makes no valid material.
        RunError: The file cannot be written.
    """
    path = Path(path)
    if table.matrix_rows is not None:  # exactly what will be read back
        rows = (table.matrix_rows / UNITS["1/ps"]).astype(np.float32)
        table = dataclasses.replace(table, matrix_rows=rows.astype(np.float64) * UNITS["1/ps"])
    kernel = expand_table(table)
    texts = {"generator": f"pbte {pbte.__version__}", **(details or {})}
    texts |= {"format": FORMAT, "name": table.name, "source": source, "attribution": attribution}
    with _replacing(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(texts)
        file.attrs["version"] = VERSION
        file.attrs["temperature_K"] = table.temperature
        _write_table(file, table)
        _put(file, "scattering/conductivity", bulk_conductivity(kernel), "W/m K")
        _put(file, "scattering/conductivity_rta", rta_conductivity(kernel.modes), "W/m K")


def _choose(
    kernel: FullKernel | FactoredKernel, scattering: Scattering
) -> FullKernel | FactoredKernel:
    if scattering == "stored":
        return kernel
    if scattering == "rta":
        return rta_kernel(kernel.modes)
    if not isinstance(kernel, FullKernel):
        raise InputError(
            f"scattering = {scattering!r}, but the file has loss rates and no scattering matrix; "
            "use scattering = 'rta'"
        )
    if scattering == "full":
        return kernel
    if isinstance(scattering, bool) or not isinstance(scattering, int):
        raise InputError(
            f"scattering = {scattering!r}; expected 'full', 'rta' or the rank of a truncated kernel"
        )
    return truncated_kernel(kernel, scattering)


def _resolve(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    looks_like_path = "/" in text or text.lower().endswith((".h5", ".hdf5"))
    if isinstance(name_or_path, Path) or looks_like_path:
        path = Path(name_or_path).expanduser()
        if not path.exists():
            raise InputError(f"{path}: no such material file")
        if not path.is_file():
            raise InputError(f"{path}: not a file; expected a material file (HDF5)")
        return path
    shipped = shipped_materials()
    by_lower = {name.lower(): path for name, path in shipped.items()}
    if text.lower() in by_lower:
        return by_lower[text.lower()]
    nearest = difflib.get_close_matches(text.lower(), list(by_lower), n=1, cutoff=0.4)
    hint = f"; did you mean '{by_lower[nearest[0]].stem}'?" if nearest else ""
    raise InputError(
        f"unknown material '{text}'{hint} Shipped: {', '.join(shipped) or 'none'}; "
        "or give the path of a material file"
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a material file for reading; whatever HDF5 finds wrong becomes one sentence."""
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: the file cannot be read; check its permissions")
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}: not an HDF5 file, so not a pbte material")
    try:
        with h5py.File(path, "r") as file:
            _check_format(file, path)
            yield file
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: the file is damaged or incomplete ({reason}); copy or make it again"
        ) from error


def _check_format(file: h5py.File, path: Path) -> None:
    kind = file.attrs.get("format", None)
    if kind != FORMAT:
        found = f"format = {kind!r}" if kind is not None else "no attribute 'format'"
        raise InputError(f"{path}: not a pbte material ({found}, expected '{FORMAT}')")
    version = file.attrs.get("version", None)
    if version != VERSION:
        raise InputError(
            f"{path}: material format version {version}, this program reads version {VERSION}; "
            "make the file again or update pbte"
        )
    for key in ("name", "temperature_K"):
        if key not in file.attrs:
            raise InputError(f"{path}: attribute '{key}' is missing")


def _get(file: h5py.File, path: Path, name: str, unit: str) -> npt.NDArray[Any]:
    """Return a dataset converted to SI, after checking that it has the unit of the format."""
    if name not in file:
        raise InputError(f"{path}: dataset '{name}' is missing")
    dataset = file[name]
    found = dataset.attrs.get("unit", None)
    if found != unit:
        raise InputError(f"{path}: dataset '{name}' has unit {found!r}, expected '{unit}'")
    values: npt.NDArray[Any] = np.asarray(dataset[()])
    if UNITS[unit] == 1.0:
        return values
    return np.asarray(values, dtype=np.float64) * UNITS[unit]


def _read_table(file: h5py.File, path: Path) -> ZoneTable:
    def get(name: str, unit: str) -> npt.NDArray[Any]:
        return _get(file, path, name, unit)

    if "crystal/symbols" not in file:
        raise InputError(f"{path}: dataset 'crystal/symbols' is missing")
    mesh = get("grid/mesh", "1")
    crystal = Crystal(
        lattice=get("crystal/lattice", "angstrom"),
        symbols=tuple(file["crystal/symbols"].asstr()[()]),
        positions=get("crystal/positions", "1"),
        masses=get("crystal/masses", "amu"),
        mesh=(int(mesh[0]), int(mesh[1]), int(mesh[2])),
        rotations=get("grid/rotations_cartesian", "1"),
    )
    has_matrix = "scattering/A_sym_ir" in file
    if not has_matrix and "scattering/loss_rate" not in file:
        raise InputError(
            f"{path}: dataset 'scattering/A_sym_ir' is missing, and there is no "
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
    )


def _stored_conductivity(file: h5py.File, path: Path) -> Array | None:
    if "scattering/conductivity" not in file:
        return None
    return np.asarray(_get(file, path, "scattering/conductivity", "W/m K"), dtype=np.float64)


def _put(file: h5py.File, name: str, values: npt.ArrayLike, unit: str) -> None:
    """Write SI values as a dataset in the unit of the format."""
    data = np.asarray(values)
    if UNITS.get(unit, 1.0) != 1.0:
        data = data / UNITS[unit]
    if name == "scattering/A_sym_ir":
        data = data.astype(np.float32)
    packing = {"compression": "gzip", "compression_opts": 6, "shuffle": True}
    dataset = file.create_dataset(name, data=data, **(packing if data.size > 64 else {}))
    dataset.attrs["unit"] = unit


def _write_table(file: h5py.File, table: ZoneTable) -> None:
    crystal = table.crystal
    _put(file, "crystal/lattice", crystal.lattice, "angstrom")
    _put(file, "crystal/positions", crystal.positions, "1")
    _put(file, "crystal/masses", crystal.masses, "amu")
    symbols = file.create_dataset("crystal/symbols", data=[s.encode() for s in crystal.symbols])
    symbols.attrs["unit"] = "1"
    _put(file, "grid/mesh", np.asarray(crystal.mesh, dtype=np.int32), "1")
    _put(file, "grid/qpoint", table.grid_points, "reciprocal lattice")
    _put(file, "grid/permutation", table.permutations.astype(np.int32), "index of R q")
    _put(file, "grid/rotations_cartesian", crystal.rotations, "1")
    _put(file, "grid/ir_index", table.irreducible.astype(np.int32), "1")
    _put(file, "modes/frequency", table.frequencies, "THz")
    _put(file, "modes/group_velocity", table.velocities, "m/s")
    _put(file, "modes/active", table.active, "1")
    for name, (values, unit) in table.extras.items():
        _put(file, f"modes/{name}", values, unit)
    if table.matrix_rows is not None:
        _put(file, "scattering/A_sym_ir", table.matrix_rows, "1/ps")
        file["scattering/A_sym_ir"].attrs["definition"] = MATRIX_DEFINITION
    elif table.loss_rates is not None:
        _put(file, "scattering/loss_rate", table.loss_rates, "1/ps")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its name at the end, if all went well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from error
    partial = Path(name)
    try:
        yield partial
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)  # mkstemp gives a file to its owner alone
        os.replace(partial, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({' '.join(str(error).split())})") from error
    finally:
        partial.unlink(missing_ok=True)
