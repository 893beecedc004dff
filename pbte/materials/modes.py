"""Mode tables: the phonon modes of one crystal at one temperature, in pairs (q, -q)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray


@dataclass(frozen=True, kw_only=True)
class Crystal:
    """The crystal of a mode table.

    Attributes:
        lattice: Primitive vectors as rows, shape (3, 3) [m].
        symbols: Chemical symbol of each atom of the primitive cell.
        positions: Fractional coordinates, shape (num_atoms, 3) [-].
        masses: Shape (num_atoms,) [kg].
        mesh: Divisions of the reciprocal cell along its three vectors.
        rotations: Cartesian point group, shape (num_rotations, 3, 3) [-].
        elastic_constants: Voigt's stiffness matrix in the order xx, yy, zz, yz, xz, xy,
            shape (6, 6) [Pa]; None if unknown.

    Raises:
        InputError: A shape is wrong, the cell is flat, or the stiffness not positive definite.
    """

    lattice: Array
    symbols: tuple[str, ...]
    positions: Array
    masses: Array
    mesh: tuple[int, int, int]
    rotations: Array
    elastic_constants: Array | None = None

    def __post_init__(self) -> None:
        num_atoms, num_rotations = len(self.symbols), len(self.rotations)
        for what, array, shape in (
            ("lattice", self.lattice, (3, 3)),
            ("positions", self.positions, (num_atoms, 3)),
            ("masses", self.masses, (num_atoms,)),
            ("rotations", self.rotations, (num_rotations, 3, 3)),
        ):
            if array.shape != shape:
                raise InputError(f"crystal: {what} has shape {array.shape}, expected {shape}")
        if not self.cell_volume > 0.0:
            raise InputError("crystal: the lattice vectors span no volume")
        if self.elastic_constants is not None:
            _check_stiffness(self.elastic_constants)

    @property
    def cell_volume(self) -> float:
        """Volume of the primitive cell [m^3]."""
        return float(abs(np.linalg.det(self.lattice)))

    @property
    def density(self) -> float:
        """Mass density [kg/m^3]."""
        return float(self.masses.sum()) / self.cell_volume


@dataclass(frozen=True, kw_only=True)
class ModeTable:
    """The phonon modes of one crystal at one temperature.

    Canonical order of the modes, used everywhere: first one mode of each pair (q, -q), H in number;
    then their partners in the same order; then the self-partnered modes, q = -q. In this order an
    inversion-symmetric matrix splits into an even and an odd block by slicing.

    Attributes:
        name: Name of the material.
        temperature: Reference temperature T0 [K].
        frequencies: Angular frequencies, shape (num_modes,) [rad/s].
        velocities: Group velocities, shape (num_modes, 3) [m/s].
        loss_rates: Total rate Gamma at which a mode loses phonons, shape (num_modes,) [1/s].
        heat_capacities: Share c of each mode in the heat capacity per volume,
            shape (num_modes,) [J/m^3 K].
        partners: Index of the mode at -q, of opposite velocity, shape (num_modes,).
        grid_points: Index of the wave vector (of the direction in a model crystal).
        bands: Index of the branch.
        wave_vectors: Cartesian, in the first Brillouin zone, shape (num_modes, 3) [1/m]; zero in
            a model crystal.
        crystal: The crystal of the table, None for a model.

    Raises:
        InputError: A shape is wrong, a value is not positive, the modes are not in canonical order,
            or partners violate time-reversal symmetry.
    """

    name: str
    temperature: float
    frequencies: Array
    velocities: Array
    loss_rates: Array
    heat_capacities: Array
    partners: IntArray
    grid_points: IntArray
    bands: IntArray
    wave_vectors: Array
    crystal: Crystal | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.temperature) and self.temperature > 0.0):
            raise InputError(
                f"{self.name}: temperature = {self.temperature:g} K; it must be positive"
            )
        self._check_shapes()
        for what, unit, values in (
            ("frequencies", "rad/s", self.frequencies),
            ("loss rates", "1/s", self.loss_rates),
            ("heat capacities", "J/m^3 K", self.heat_capacities),
        ):
            _require_positive(self.name, what, unit, values)
        if not (np.isfinite(self.velocities).all() and np.isfinite(self.wave_vectors).all()):
            raise InputError(f"{self.name}: a group velocity or wave vector is not a finite number")
        self._check_partners()

    @property
    def num_modes(self) -> int:
        """Number of modes M."""
        return int(self.frequencies.shape[0])

    @property
    def num_pairs(self) -> int:
        """Number H of pairs (q, -q)."""
        return int(np.count_nonzero(self.partners != np.arange(self.num_modes))) // 2

    @property
    def heat_capacity(self) -> float:
        """Heat capacity per volume C, the sum over the modes [J/m^3 K]."""
        return float(self.heat_capacities.sum())

    @property
    def mean_free_paths(self) -> Array:
        """|v| / Gamma of each mode, shape (num_modes,) [m]."""
        speeds = np.linalg.norm(self.velocities, axis=1)
        return np.asarray(speeds / self.loss_rates, dtype=np.float64)

    @property
    def mean_free_path(self) -> float:
        """Mean of the mean free paths with the weights c |v|, Lambda in k = C v Lambda / 3 [m].

        (Of an isotropic crystal with relaxation times: C v is the sum of c |v|.)
        """
        weights = self.heat_capacities * np.linalg.norm(self.velocities, axis=1)
        return float(weights @ self.mean_free_paths / weights.sum())

    def _check_shapes(self) -> None:
        num = self.frequencies.shape[0] if self.frequencies.ndim == 1 else 0
        if num == 0:
            raise InputError(f"{self.name}: the mode table is empty")
        for what, array, shape in (
            ("velocities", self.velocities, (num, 3)),
            ("loss_rates", self.loss_rates, (num,)),
            ("heat_capacities", self.heat_capacities, (num,)),
            ("partners", self.partners, (num,)),
            ("grid_points", self.grid_points, (num,)),
            ("bands", self.bands, (num,)),
            ("wave_vectors", self.wave_vectors, (num, 3)),
        ):
            if array.shape != shape:
                raise InputError(
                    f"{self.name}: {what} has shape {array.shape}, expected {shape} for {num} modes"
                )

    def _check_partners(self) -> None:
        expected = canonical_partners(self.num_pairs, self.num_modes)
        if not np.array_equal(self.partners, expected):
            raise InputError(
                f"{self.name}: modes are not in the order pairs, partners, self-partnered; "
                "sort them with canonical_order"
            )
        for what, array, sign in (
            ("velocity", self.velocities, -1.0),
            ("frequency", self.frequencies, 1.0),
            ("heat capacity", self.heat_capacities, 1.0),
            ("loss rate", self.loss_rates, 1.0),
        ):
            violation = np.abs(array[self.partners] - sign * array)
            if violation.max() > 1e-12 * np.abs(array).max():
                first = int(np.argmax(violation.reshape(self.num_modes, -1).max(axis=1)))
                raise InputError(
                    f"{self.name}: {what} of mode {first} and of its partner at -q differ by "
                    f"{violation.max():.3g}; time reversal requires "
                    f"{'opposite' if sign < 0 else 'equal'} values"
                )


def canonical_partners(num_pairs: int, num_modes: int) -> IntArray:
    """Return the partner of each mode in the order pairs, partners, self-partnered.

    Args:
        num_pairs: Number H of pairs (q, -q).
        num_modes: Number of modes, at least 2 H.

    Returns:
        Shape (num_modes,): H..2H-1, 0..H-1, 2H..num_modes-1.
    """
    pairs = np.arange(num_pairs, dtype=np.int64)
    rest = np.arange(2 * num_pairs, num_modes, dtype=np.int64)
    return np.concatenate([pairs + num_pairs, pairs, rest])


def canonical_order(partners: IntArray) -> IntArray:
    """Return the permutation that sorts modes into pairs, partners and self-partnered modes.

    Args:
        partners: Partner of each mode in any order, an involution, shape (num_modes,).

    Returns:
        Indices into the given order, shape (num_modes,); of a pair the lower index comes first.

    Raises:
        InputError: The partner of a partner is not the mode itself.
    """
    index = np.arange(partners.shape[0], dtype=np.int64)
    if not np.array_equal(partners[partners], index):
        first = int(np.flatnonzero(partners[partners] != index)[0])
        raise InputError(f"mode {first} is not the partner of its own partner")
    leaders = index[index < partners]
    return np.concatenate([leaders, partners[leaders], index[index == partners]])


def _check_stiffness(stiffness: Array) -> None:
    if stiffness.shape != (6, 6):
        raise InputError(f"crystal: elastic constants have shape {stiffness.shape}, expected 6 x 6")
    largest = np.abs(stiffness).max()
    if not np.abs(stiffness - stiffness.T).max() <= 1e-9 * largest:
        raise InputError("crystal: the matrix of elastic constants is not symmetric")
    lowest = float(np.linalg.eigvalsh(stiffness).min())
    if not lowest > 0.0:
        raise InputError(
            f"crystal: the elastic constants have an eigenvalue of {lowest / 1e9:.3g} GPa; "
            "a stable crystal has positive ones only"
        )


def _require_positive(name: str, what: str, unit: str, values: Array) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if bad.size:
        raise InputError(
            f"{name}: {bad.size} of {values.size} {what} are not positive "
            f"(first: mode {bad[0]}, {values[bad[0]]:.3g} {unit}); relax the crystal or drop "
            "these modes on import"
        )
