"""Import from phono3py: the full scattering matrix of a crystal from its force constants.

Needs the optional extra phono3py (version 4). Irreducible wave vector by irreducible wave vector,
phono3py gives |V3|^2 and the delta functions; `pbte.materials.phono3py.processes` sums the
processes and the point group completes the sum. phono3py's own collision matrix cannot be used: it
is folded with f(-q) = -f(q).

The materials that come with the program were made by these commands, from the force constants
named in data/ATTRIBUTION.md:

    pbte material from-phono3py phono3py_disp_dimfc2.yaml --mesh 9 --sigma 0.2 --temperature 300 \
        --name Si --output Si-9.h5
    pbte material from-phono3py phono3py_disp_dimfc2.yaml --mesh 5 --sigma 0.4 --temperature 300 \
        --name Si --output Si-5.h5
    pbte material from-phono3py phono3py_ge.yaml --mesh 9 --sigma 0.12 --temperature 300 \
        --name Ge --output Ge-9.h5
    pbte material from-phono3py phono3py_ge.yaml --mesh 5 --sigma 0.24 --temperature 300 \
        --name Ge --output Ge-5.h5

Cost on one core for 6 bands: 7 s and 0.35 GB on 9^3, 25 s and 0.7 GB on 11^3. Time and memory grow
as the square of the number of grid points.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pbte
from pbte.core.constants import TERAHERTZ
from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray
from pbte.materials.expansion import ZoneTable
from pbte.materials.modes import Crystal
from pbte.materials.phono3py import reader as reader
from pbte.materials.phono3py.processes import (
    GridModes,
    ProcessSum,
    grid_modes,
    isotope_processes,
    triple_processes,
)
from pbte.materials.phono3py.strain import elastic_constants, gruneisen_parameters
from pbte.materials.symmetry import average_scalars

LOG = logging.getLogger("pbte.materials")

RADIAN_THZ = 2.0 * math.pi * TERAHERTZ
"""Angular frequency of 1 THz [rad/s]."""

DEGENERACY_TOLERANCE = 1e-4 * RADIAN_THZ
"""Neighbouring bands that are closer count as degenerate, as in phono3py [rad/s]."""

LOWEST_FREQUENCY = 1e-3 * RADIAN_THZ
"""A lower mode, other than the three translations, is an instability or noise [rad/s]."""

SIGMA_SCALE = 0.118
"""Default sigma times grid divisions over the highest frequency [-]."""


@dataclass(frozen=True, kw_only=True)
class Phono3pyImport:
    """A material made from force constants, ready for `storage.write_material`."""

    table: ZoneTable
    """Modes on the whole grid and irreducible rows of the scattering matrix."""
    source: str
    attribution: str
    details: dict[str, str]
    """Provenance: scattering, smearing, energy conservation, generator."""
    sigma: float
    """Width of the Gaussian that stands for energy conservation [THz]."""
    warnings: tuple[str, ...]
    """Sentences for the user about weaknesses of the result; may be empty."""


def from_phono3py(
    yaml_path: str | Path,
    *,
    mesh: int | tuple[int, int, int],
    temperature: float = 300.0,
    sigma: float | None = None,
    isotopes: bool = True,
    name: str | None = None,
    source: str = "",
    attribution: str = "",
) -> Phono3pyImport:
    """Return modes and full scattering matrix from the force constants of phono3py.

    Included is the input of interface models: polarisations, Grueneisen parameters and elastic
    constants.

    Three-phonon and isotope scattering, with a Gaussian for the delta function of energy: the
    tetrahedron method weights the three phonons of a process differently, so it gives no symmetric
    matrix without changing the lifetimes (by 3 to 18 % for Si on 8^3 to 5^3 grids). Energy is
    conserved exactly by a projection within each process.

    Prefer odd grids: the zone boundary, where even grids have points, has degenerate modes to which
    a mode table cannot assign velocities symmetrically; even grids lose 1 % of conductivity.

    Args:
        yaml_path: phono3py_disp.yaml, phono3py_params.yaml or the like, with fc2.hdf5 and
            fc3.hdf5, or FORCES_FC2 and FORCES_FC3, in the same folder.
        mesh: Number of grid points along each reciprocal-lattice vector, or one for all.
        temperature: Reference temperature T0 [K].
        sigma: Width of the Gaussian in ordinary frequency [THz]. Default: 0.118 times the
            highest frequency over the number of grid points along an axis, to two digits, which
            is 0.20 for Si and 0.12 for Ge on 9^3.
        isotopes: Add scattering by the natural isotopes.
        name: Name of the material. Default: the chemical formula.
        source: Where the force constants come from.
        attribution: Credit that the licences of the force constants ask for.

    Returns:
        The arguments of `storage.write_material`, and warnings.

    Raises:
        InputError: A value out of range; phono3py or a file missing or damaged; imaginary
            frequencies; a grid without the symmetry of the crystal or too large for the memory;
            modes without scattering.
    """
    divisions = _checked_mesh(mesh)
    _check_positive("temperature", temperature, "K")
    if sigma is not None:
        _check_positive("sigma", sigma, "THz")
    grid = reader.open_phono3py(yaml_path, divisions)
    active = active_modes(grid.frequencies, divisions, str(yaml_path))
    width = sigma if sigma is not None else default_sigma(grid.frequencies, divisions)
    modes = modes_of(grid, temperature, active)
    rows = scattering_rows(grid, modes, width * RADIAN_THZ, isotopes=isotopes)
    _check_scattered(rows, modes, width)
    crystal, unstable = _with_elastic_constants(grid)
    num_rows = rows.shape[0] * rows.shape[1]
    table = ZoneTable(
        name=name if name else _formula(crystal.symbols),
        temperature=temperature,
        crystal=crystal,
        grid_points=grid.symmetry.addresses / np.array(divisions),
        permutations=grid.symmetry.permutations,
        irreducible=grid.symmetry.irreducible,
        frequencies=modes.frequencies,
        velocities=np.where(active[..., None], reader.group_velocities(grid), 0.0),
        active=active,
        matrix_rows=rows.reshape(num_rows, -1),
        extras={
            "eigenvector": (grid.eigenvectors.astype(np.complex64), "1"),
            "gruneisen": (gruneisen_parameters(grid, active, modes.degeneracy), "1"),
        },
    )
    return Phono3pyImport(
        table=table,
        source=source,
        attribution=attribution,
        details={
            "scattering": "three-phonon and natural isotopes" if isotopes else "three-phonon",
            "smearing": f"gaussian {width:g} THz",
            "energy_conservation": "projection within each process",
            "generator": f"pbte {pbte.__version__}, phono3py {grid.version}",
        },
        sigma=width,
        warnings=_warnings(grid.frequencies, active, divisions) + unstable,
    )


def active_modes(
    frequencies: Array, mesh: tuple[int, int, int], path: str = "phono3py"
) -> BoolArray:
    """Return whether each mode is active: all but the three translations at q = 0.

    Args:
        frequencies: As diagonalised, shape (num_q, num_bands), q = 0 first [rad/s].
        mesh: Number of grid points along each axis, first axis fastest.
        path: Name of the input, for the message.

    Returns:
        Shape (num_q, num_bands).

    Raises:
        InputError: Another mode is imaginary (negative) or has no frequency.
    """
    active = np.ones(frequencies.shape, dtype=np.bool_)
    active[0, np.argsort(np.abs(frequencies[0]))[:3]] = False
    bad = np.argwhere(active & ~(frequencies > LOWEST_FREQUENCY))
    if len(bad):
        point, band = (int(i) for i in bad[0])
        steps = np.unravel_index(point, mesh, order="F")
        q = ", ".join(f"{int(i)}/{n}" for i, n in zip(steps, mesh, strict=True))
        raise InputError(
            f"{path}: {len(bad)} of {frequencies.size} frequencies are imaginary or zero (first:"
            f" q = ({q}), band {band + 1}, {frequencies[point, band] / RADIAN_THZ:.3g} THz, where"
            " negative means imaginary); relax the crystal or use a larger supercell for fc2"
        )
    return active


def default_sigma(frequencies: Array, mesh: tuple[int, int, int]) -> float:
    """Return the default width of the Gaussian for a grid [THz], to two significant digits.

    The spacing of frequencies of neighbouring grid points is proportional to the highest
    frequency over the number of points along an axis; the factor gives 0.20 THz for Si and
    0.12 THz for Ge on 9^3 grids.

    Args:
        frequencies: Angular frequencies [rad/s].
        mesh: Number of grid points along each axis; their geometric mean counts.
    """
    divisions = float(np.prod(mesh)) ** (1.0 / 3.0)
    width = SIGMA_SCALE * float(frequencies.max()) / RADIAN_THZ / divisions
    return float(f"{width:.1e}")


def modes_of(grid: reader.Phono3pyGrid, temperature: float, active: BoolArray) -> GridModes:
    """Return the modes of the grid at a temperature [K], frequencies equal on every star."""
    return grid_modes(
        grid.symmetry,
        average_scalars(grid.frequencies, grid.symmetry),
        active,
        temperature,
        tolerance=DEGENERACY_TOLERANCE,
    )


def scattering_rows(
    grid: reader.Phono3pyGrid,
    modes: GridModes,
    sigma: float,
    *,
    isotopes: bool,
    conserve_energy: bool = True,
) -> Array:
    """Return the irreducible rows of the symmetric scattering matrix A_s.

    Args:
        grid: The phonons.
        modes: The same phonons at the temperature wanted.
        sigma: Width of the Gaussian [rad/s].
        isotopes: Add scattering by the natural isotopes.
        conserve_energy: Project within each process; False only to see the size of the violation.

    Returns:
        Shape (num_irreducible, num_bands, num_q, num_bands) [1/s].
    """
    total = ProcessSum(modes, conserve_energy=conserve_energy)
    variances = reader.mass_variances(grid)
    num_irreducible = len(grid.symmetry.irreducible)
    stars = zip(grid.symmetry.irreducible, grid.symmetry.weights, strict=True)
    for k, (q0, star) in enumerate(stars):
        strengths, deltas = reader.triple_input(grid, int(q0), sigma)
        for processes in triple_processes(modes, int(q0), strengths, deltas):
            total.add(processes, float(star) / 3.0)
        if isotopes:
            pairs = isotope_processes(modes, int(q0), grid.eigenvectors, variances, sigma)
            total.add(pairs, float(star) / 2.0)
        LOG.info(
            "scattering matrix: %d of %d irreducible wave vectors",
            k + 1,
            num_irreducible,
            extra={"stage": "phono3py", "done": (k + 1) / num_irreducible},
        )
    return total.symmetric_rows()


def _with_elastic_constants(grid: reader.Phono3pyGrid) -> tuple[Crystal, tuple[str, ...]]:
    """Return the crystal, with its elastic constants if it is stable, and a warning if not."""
    crystal = reader.crystal_of(grid)
    try:
        return dataclasses.replace(crystal, elastic_constants=elastic_constants(grid)), ()
    except InputError as error:
        return crystal, (f"{error}; the file has none, so no acoustic mismatch model",)


def _checked_mesh(mesh: int | tuple[int, int, int]) -> tuple[int, int, int]:
    numbers = tuple(mesh) if isinstance(mesh, tuple) else (mesh,) * 3
    if len(numbers) != 3 or not all(isinstance(n, int | np.integer) and n > 0 for n in numbers):
        raise InputError(f"mesh = {mesh}; expected one positive integer or three, e.g. 9 or 9 9 9")
    return int(numbers[0]), int(numbers[1]), int(numbers[2])


def _check_positive(what: str, value: float, unit: str) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise InputError(f"{what} = {value:g} {unit}; it must be positive")


def _check_scattered(rows: Array, modes: GridModes, sigma: float) -> None:
    irreducible = modes.symmetry.irreducible
    bands = np.arange(rows.shape[1])
    rates = rows[np.arange(len(irreducible))[:, None], bands, irreducible[:, None], bands]
    free = np.count_nonzero(modes.active[irreducible] & ~(rates > 0.0))
    if free:
        raise InputError(
            f"{free} of {rates.size} irreducible modes have no scattering process with"
            f" sigma = {sigma:g} THz; use a finer mesh or a larger sigma"
        )


def _warnings(frequencies: Array, active: BoolArray, mesh: tuple[int, int, int]) -> tuple[str, ...]:
    warnings = []
    if any(n % 2 == 0 for n in mesh):
        warnings.append(
            f"the grid {mesh[0]}x{mesh[1]}x{mesh[2]} has points on the zone boundary, where"
            " velocities of degenerate modes are averaged away; prefer odd numbers"
        )
    drift = float(np.abs(frequencies[~active]).max()) / RADIAN_THZ
    if drift > 0.1:
        warnings.append(
            f"the translations at q = 0 have up to {drift:.2g} THz instead of 0: the force"
            " constants violate the acoustic sum rule"
        )
    return tuple(warnings)


def _formula(symbols: tuple[str, ...]) -> str:
    """Return the shortest formula: Si for (Si, Si), GaAs for (Ga, As)."""
    counts = Counter(symbols)
    common = math.gcd(*counts.values())
    return "".join(
        symbol + (str(count // common) if count > common else "")
        for symbol, count in counts.items()
    )
