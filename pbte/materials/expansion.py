"""From irreducible rows of a scattering matrix to a mode table and its collision kernel.

The symmetrised collision matrix A_s = C^1/2 A C^-1/2 (A = Gamma - M acts on mode temperatures, C is
the diagonal of heat capacities) commutes with the point group, so its rows at the irreducible wave
vectors hold all of it: A_s(R q s, R q' s') = A_s(q s, q' s'). Here the rows are expanded over the
stars, and the properties that storage in single precision cost are restored in double: symmetry
under the group and under exchange, and the null vector sqrt(c) of energy conservation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.materials.kernel import FactoredKernel, FullKernel, project_energy, rta_kernel
from pbte.materials.modes import Crystal, ModeTable, canonical_order
from pbte.materials.statistics import mode_heat_capacity

PARTNER_TOLERANCE = 1e-8
"""Largest relative difference between the values at q and -q that is taken for round-off [-]."""


REPAIRABLE = 0.05
"""Largest relative violation of energy conservation or symmetry that is repaired [-]."""


@dataclass(frozen=True, kw_only=True)
class ZoneTable:
    """Modes on a full grid of the Brillouin zone, and the irreducible part of their scattering.

    The content of a material file and the result of an importer. N grid points, b bands, R
    operations of the point group (time reversal, that is inversion, included).

    Attributes:
        name: Name of the material.
        temperature: Temperature of the loss rates and of the matrix [K].
        crystal: Lattice, atoms, grid and Cartesian point group (R operations).
        grid_points: Wave vectors in units of the reciprocal primitive vectors, shape (N, 3) [-].
        permutations: Index of R q for each operation and wave vector, shape (R, N).
        irreducible: One wave vector of each star, shape (num_irreducible,).
        frequencies: Angular frequencies, shape (N, b) [rad/s].
        velocities: Group velocities, v(R q) = R v(q), shape (N, b, 3) [m/s].
        active: False for the modes to drop, the acoustic modes at q = 0, shape (N, b).
        matrix_rows: Rows (irreducible q, band) of A_s, zero for dropped modes,
            shape (num_irreducible * b, N * b) [1/s]; None without a matrix.
        loss_rates: Gamma of each mode, shape (N, b) [1/s]; needed only without a matrix.
        extras: Further arrays over the modes with their unit, kept in the file next to the
            frequencies under the given name, e.g. "eigenvector", "gruneisen", "degenerate_id".
    """

    name: str
    temperature: float
    crystal: Crystal
    grid_points: Array
    permutations: IntArray
    irreducible: IntArray
    frequencies: Array
    velocities: Array
    active: BoolArray
    matrix_rows: Array | None = None
    loss_rates: Array | None = None
    extras: Mapping[str, tuple[npt.NDArray[Any], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_shapes()
        self._check_frequencies()

    def _check_shapes(self) -> None:
        num_points, num_bands = self.frequencies.shape if self.frequencies.ndim == 2 else (0, 0)
        num_rotations = self.crystal.rotations.shape[0]
        num_rows = self.irreducible.shape[0] * num_bands
        shapes: list[tuple[str, npt.NDArray[Any] | None, tuple[int, ...]]] = [
            ("frequencies", self.frequencies, (num_points, num_bands)),
            ("grid_points", self.grid_points, (num_points, 3)),
            ("permutations", self.permutations, (num_rotations, num_points)),
            ("velocities", self.velocities, (num_points, num_bands, 3)),
            ("active", self.active, (num_points, num_bands)),
            ("matrix_rows", self.matrix_rows, (num_rows, num_points * num_bands)),
            ("loss_rates", self.loss_rates, (num_points, num_bands)),
        ]
        for what, array, shape in shapes:
            if array is not None and array.shape != shape:
                raise InputError(f"{self.name}: {what} has shape {array.shape}, expected {shape}")
            if array is not None and not np.isfinite(array).all():
                raise InputError(f"{self.name}: {what} has values that are not finite numbers")
        if num_points == 0 or np.prod(self.crystal.mesh) != num_points:
            raise InputError(
                f"{self.name}: {num_points} wave vectors do not fill a grid of "
                f"{' x '.join(map(str, self.crystal.mesh))}"
            )
        sorted_rows = np.sort(self.permutations, axis=1)
        if not (sorted_rows == np.arange(num_points)).all():
            raise InputError(f"{self.name}: a row of permutations is not a permutation of the grid")
        in_range = (self.irreducible >= 0) & (self.irreducible < num_points)
        if not in_range.all():
            raise InputError(f"{self.name}: an irreducible wave vector is not on the grid")
        reached = np.zeros(num_points, dtype=bool)
        reached[self.permutations[:, self.irreducible]] = True
        if not reached.all():
            raise InputError(
                f"{self.name}: {np.count_nonzero(~reached)} wave vectors are in the star of no "
                "irreducible one"
            )

    def _check_frequencies(self) -> None:
        values = self.frequencies.ravel()
        bad = np.flatnonzero(self.active.ravel() & ~(values > 0.0))
        if bad.size:
            kind = "negative" if (values[bad] < 0.0).all() else "not positive"
            raise InputError(
                f"{self.name}: {bad.size} of {np.count_nonzero(self.active)} frequencies are "
                f"{kind} (first: mode {bad[0]}, {values[bad[0]]:.3g} rad/s); relax the crystal or "
                "drop these modes on import"
            )


def expand_table(table: ZoneTable) -> FullKernel | FactoredKernel:
    """Return the collision kernel, with its mode table, of modes on a full grid.

    With a matrix this is the full kernel, and its loss rates are the diagonal of the matrix after
    the energy projection; without one the relaxation-time kernel of the given loss rates.

    Args:
        table: Modes and irreducible rows.

    Returns:
        Kernel; its `modes` is the mode table in canonical order, inactive modes dropped.

    Raises:
        InputError: No inversion in the point group, neither matrix nor loss rates, a mode and its
            partner at -q differ, or a matrix far from symmetry or energy conservation.
    """
    if table.matrix_rows is None:
        if table.loss_rates is None:
            raise InputError(f"{table.name}: neither a scattering matrix nor loss rates; give one")
        flat, partners = _active_modes(table)
        rates = table.loss_rates.ravel()[flat]
        return rta_kernel(_mode_table(table, flat, partners, 0.5 * (rates + rates[partners])))
    flat, partners = _active_modes(table)
    num_pairs = int(np.count_nonzero(partners != np.arange(flat.size))) // 2
    even, odd = _parity_blocks(_expand_rows(table, flat), num_pairs, table.name)
    capacities = _heat_capacities(table, flat)
    null = np.concatenate([capacities[:num_pairs] * 2.0, capacities[2 * num_pairs :]]) ** 0.5
    _require_energy_conservation(even, null, table.name)
    even = project_energy(even, null)
    # The diagonal of a pair's 2 x 2 block in the basis of modes, where B must have none.
    rates = np.diag(even).copy()
    rates[:num_pairs] = 0.5 * (rates[:num_pairs] + np.diag(odd))
    all_rates = np.concatenate([rates[:num_pairs], rates])
    modes = _mode_table(table, flat, partners, all_rates)
    odd = np.diag(rates[:num_pairs]) - odd
    return FullKernel(modes=modes, even=np.diag(rates) - even, odd=odd)


def _require_energy_conservation(even: Array, null: Array, name: str) -> None:
    """Refuse a matrix whose violation is too large to be round-off that a projection repairs."""
    residual = float(np.linalg.norm(even @ null) / np.linalg.norm(np.diag(even) * null))
    if residual > REPAIRABLE:
        raise InputError(
            f"{name}: the scattering matrix does not conserve energy (residual {residual:.1e}, at "
            f"most {REPAIRABLE:g} can be repaired); phono3py's collision-*.hdf5, folded for odd "
            "vectors, is not this matrix"
        )


def _active_modes(table: ZoneTable) -> tuple[IntArray, IntArray]:
    """Return the flat (point, band) index of each active mode in canonical order, and partners."""
    num_bands = table.frequencies.shape[1]
    inversion = np.flatnonzero(np.abs(table.crystal.rotations + np.eye(3)).max(axis=(1, 2)) < 1e-6)
    if inversion.size == 0:
        raise InputError(
            f"{table.name}: no inversion among the {table.crystal.rotations.shape[0]} symmetry "
            "operations; time reversal requires it, add it on import"
        )
    opposite = table.permutations[inversion[0]].astype(np.int64)
    partner = (opposite[:, None] * num_bands + np.arange(num_bands)).ravel()
    active = table.active.ravel()
    if not np.array_equal(active[partner], active):
        raise InputError(f"{table.name}: a mode is active and its partner at -q is not")
    kept = np.flatnonzero(active)
    if kept.size == 0:
        raise InputError(f"{table.name}: no mode is active")
    position = np.full(active.size, -1, dtype=np.int64)
    position[kept] = np.arange(kept.size)
    order = canonical_order(position[partner[kept]])
    flat = kept[order]
    position[flat] = np.arange(kept.size)
    return flat, position[partner[flat]]


def _mode_table(
    table: ZoneTable, flat: IntArray, partners: IntArray, loss_rates: Array
) -> ModeTable:
    """Return the mode table, time-reversal symmetry enforced exactly after checking it to 1e-8."""
    num_bands = table.frequencies.shape[1]
    frequencies = table.frequencies.ravel()[flat]
    velocities = table.velocities.reshape(-1, 3)[flat]
    wave_vectors = _first_zone(table)[flat // num_bands]
    for what, values, parity in (("frequency", frequencies, 1.0), ("velocity", velocities, -1.0)):
        violation = float(np.abs(values[partners] - parity * values).max() / np.abs(values).max())
        if violation > PARTNER_TOLERANCE:
            raise InputError(
                f"{table.name}: {what} at q and -q differ by {violation:.1e} of the largest; "
                f"expected {'equal' if parity > 0 else 'opposite'} values within "
                f"{PARTNER_TOLERANCE:g}"
            )
    # From here on the partner is a copy of the first of the pair; q = -q has no velocity.
    mirror = np.minimum(np.arange(flat.size), partners)
    sign = np.sign(partners - np.arange(flat.size)).astype(np.float64)[:, None]
    frequencies = frequencies[mirror]
    return ModeTable(
        name=table.name,
        temperature=table.temperature,
        frequencies=frequencies,
        velocities=sign * velocities[mirror] + 0.0,  # + 0.0 turns -0.0 into 0.0
        loss_rates=loss_rates,
        heat_capacities=_heat_capacities(table, flat)[mirror],
        partners=partners,
        grid_points=flat // num_bands,
        bands=flat % num_bands,
        wave_vectors=np.where(sign < 0.0, -1.0, 1.0) * wave_vectors[mirror],
        crystal=table.crystal,
    )


def _heat_capacities(table: ZoneTable, flat: IntArray) -> Array:
    volume = table.frequencies.shape[0] * table.crystal.cell_volume
    capacities = mode_heat_capacity(table.frequencies.ravel()[flat], table.temperature)
    return np.asarray(capacities / volume, dtype=np.float64)


def _first_zone(table: ZoneTable) -> Array:
    """Return the Cartesian wave vectors in the first Brillouin zone, shape (N, 3) [1/m]."""
    reciprocal = 2.0 * np.pi * np.linalg.inv(table.crystal.lattice).T
    fractional = table.grid_points - np.rint(table.grid_points)
    steps = np.array(np.meshgrid(*[[0, -1, 1, -2, 2]] * 3, indexing="ij")).reshape(3, -1).T
    images = (fractional[:, None, :] + steps) @ reciprocal
    lengths = np.linalg.norm(images, axis=2)
    # On the surface of the zone several images are equally short: take the first.
    shortest = np.argmax(lengths < lengths.min(axis=1, keepdims=True) * (1.0 + 1e-9) + 1e-3, axis=1)
    return np.asarray(images[np.arange(len(images)), shortest], dtype=np.float64)


def _expand_rows(table: ZoneTable, flat: IntArray) -> Array:
    """Return the dense A_s over the active modes in canonical order, not yet symmetrised."""
    num_points, num_bands = table.frequencies.shape
    assert table.matrix_rows is not None
    rows = table.matrix_rows.reshape(-1, num_bands, num_points, num_bands)
    position = np.full(num_points * num_bands, -1, dtype=np.int64)
    position[flat] = np.arange(flat.size)
    points, bands = flat // num_bands, flat % num_bands
    matrix = np.empty((flat.size, flat.size))
    done = np.zeros(num_points, dtype=bool)
    for block, origin in zip(rows, table.irreducible, strict=True):
        block = _little_group_mean(block.astype(np.float64), int(origin), table.permutations)
        for permutation in table.permutations:
            target = permutation[origin]
            if done[target]:
                continue
            done[target] = True
            # column (q', s') of the star's member comes from column (R^-1 q', s') of the row
            inverse = np.argsort(permutation)
            where = position[target * num_bands : (target + 1) * num_bands]
            matrix[where[where >= 0]] = block[where >= 0][:, inverse[points], bands]
    return matrix


def _little_group_mean(block: Array, origin: int, permutations: IntArray) -> Array:
    """Return the rows of one wave vector averaged over the operations that leave it in place."""
    stabiliser = np.unique(permutations[permutations[:, origin] == origin], axis=0)
    mean = np.zeros_like(block)
    for permutation in stabiliser:
        mean += block[:, permutation, :]
    return mean / len(stabiliser)


def _parity_blocks(matrix: Array, num_pairs: int, name: str) -> tuple[Array, Array]:
    """Return the symmetrised even and odd blocks of an inversion-symmetric matrix."""
    pair, partner = slice(0, num_pairs), slice(num_pairs, 2 * num_pairs)
    rest = slice(2 * num_pairs, None)
    same = 0.5 * (matrix[pair, pair] + matrix[partner, partner])
    swap = 0.5 * (matrix[pair, partner] + matrix[partner, pair])
    mixed = matrix[pair, rest] + matrix[partner, rest]
    mixed = 0.5 * np.sqrt(0.5) * (mixed + matrix[rest, pair].T + matrix[rest, partner].T)
    even = np.block([[same + swap, mixed], [mixed.T, matrix[rest, rest]]])
    odd = same - swap
    asymmetry = float(np.abs(even - even.T).max() / np.abs(even).max())
    if asymmetry > REPAIRABLE:
        raise InputError(
            f"{name}: the scattering matrix is not symmetric (difference {asymmetry:.1e} of its "
            "largest entry); the rows or the permutations of the file do not belong together"
        )
    return 0.5 * (even + even.T), 0.5 * (odd + odd.T)
