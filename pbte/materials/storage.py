"""Reading and writing of materials, by file or by the name of a shipped one."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

import pbte
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.expansion import ZoneTable, expand_table
from pbte.materials.kernel import FactoredKernel, FullKernel, rta_kernel, truncated_kernel
from pbte.materials.material_file import UNITS, FileContent, read_file, write_file
from pbte.materials.modes import ModeTable
from pbte.materials.polarisation import Polarisation, polarisation_of

Scattering = Literal["full", "rta", "stored"] | int


@dataclass(frozen=True, kw_only=True)
class Material:
    """A material: modes, kernel and provenance.

    Attributes:
        name: Name of the material.
        source: Where its force constants or tables come from.
        attribution: Credit that the licences of the sources ask for.
        modes: Mode table.
        kernel: Collision kernel over these modes.
        stored_conductivity: Bulk conductivity written in the file when it was made, for the
            scattering of the file, shape (3, 3) [W/m K]; None when the file has none.
        path: The file; None for a model.
        polarisation: Polarisations and Grueneisen parameters; None when the file has none.
        details: Further texts of the file: scattering, smearing, generator, ...
    """

    name: str
    source: str
    attribution: str
    modes: ModeTable
    kernel: FullKernel | FactoredKernel
    stored_conductivity: Array | None = None
    path: Path | None = None
    polarisation: Polarisation | None = None
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
            the same loss rates, the rank of a truncated kernel, or "stored" for "full" or, for a
            file without a matrix, "rta".

    Returns:
        Material with mode table and kernel in SI units.

    Raises:
        InputError: Unknown name; the file is missing, damaged, of another kind, or incomplete.
    """
    path = _resolve(name_or_path)
    content = read_file(path)
    try:
        kernel = expand_table(content.table)
        chosen = _choose(kernel, scattering)
        polarisation = polarisation_of(content.table, chosen.modes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    main = {"name", "format", "source", "attribution"}
    return Material(
        name=content.table.name,
        source=content.texts.get("source", ""),
        attribution=content.texts.get("attribution", ""),
        modes=chosen.modes,
        kernel=chosen,
        stored_conductivity=content.conductivity,
        path=path,
        polarisation=polarisation,
        details={key: value for key, value in content.texts.items() if key not in main},
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

    The matrix is stored in single precision; the bulk conductivity of the matrix as stored is
    computed and written with it.

    Args:
        path: File to write; an existing one is replaced.
        table: Modes on the full grid with irreducible rows of the matrix, or with loss rates.
        source: Where the force constants or tables come from.
        attribution: Credit that the licences of the sources ask for.
        details: Further texts: scattering, smearing, energy_conservation, generator.

    Raises:
        InputError: The table is no valid material.
        RunError: The file cannot be written.
    """
    path = Path(path)
    if table.matrix_rows is not None:  # exactly the values that will be read back
        rows = (table.matrix_rows / UNITS["1/ps"]).astype(np.float32)
        table = dataclasses.replace(table, matrix_rows=rows.astype(np.float64) * UNITS["1/ps"])
    kernel = expand_table(table)
    texts = {"generator": f"pbte {pbte.__version__}", **(details or {})}
    texts |= {"source": source, "attribution": attribution}
    content = FileContent(
        table=table,
        texts=texts,
        conductivity=bulk_conductivity(kernel),
        conductivity_rta=rta_conductivity(kernel.modes),
    )
    write_file(path, content)


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
