"""Strain mismatch: phonons scattered by the misfit dislocations of the interface.

The golden rule of `strain_channels` (choices [M1] to [M11] there and in `strain_field`) on the
modes of two crystals, with their polarisations, Grueneisen parameters and wave vectors. From the
mode j, which arrives at the interface, to the partner of i,

    F_-i,j = (2 pi)^3 (c_i c_j / V_i V_j)^(1/2) |gamma_i gamma_j| w_i w_j |e_i . e_j|^2
             sum_k <|Delta_k(Q)|^2> d(q_par' - q_par - G_k) d(w_i - w_j)  [W/m^2 K],

V the volume of all cells of the grid. It is the P of the continuum times f with the final states
counted by the modes of the grid: 1/|v_z| drops out, and what is left is symmetric.

[M12] Delta functions are Gaussians: half a grid step wide in q_par, 1/50 of the highest frequency
wide in w; |Delta_k|^2 is averaged over a grid step of Q, for K is finer than grids are. Umklapp,
q_par' differing by a reciprocal vector of the crystal, is left out.
[M13] Lines of dislocations run along the two orthogonal directions in the interface of which one
is nearest to a <110> axis. The lattice parameters of silicon and germanium are measured ones, for
those of force constants differ by up to 1 %, a third of the misfit.
[M14] |e_i . e_j|^2 is averaged over degenerate modes, whose polarisations are any basis.

The sums of F may exceed f; they are limited as in the continuum ("cap", "sinkhorn", "amm+strain";
"heitler" needs phases that a grid does not have). The rest is reflected.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.balance import cap_rows, redistribute
from pbte.interfaces.base import FluxMatrix, SurfaceModes, pair_modes
from pbte.interfaces.bins import BinChoice, check_bin_choice
from pbte.interfaces.bounce import Bounce, check_bounce, with_bounce
from pbte.interfaces.elastic import solid_of
from pbte.interfaces.strain_channels import METHODS, Method
from pbte.interfaces.strain_field import MisfitArray, misfit_array
from pbte.materials.modes import Crystal, ModeTable
from pbte.materials.polarisation import Polarisation
from pbte.materials.storage import Material

MEASURED_LATTICE: dict[tuple[str, ...], float] = {("Si", "Si"): 5.431e-10, ("Ge", "Ge"): 5.658e-10}
"""Cubic lattice parameters at 300 K [m]."""
REACH = 3.5
"""Gaussians are cut off beyond this many widths."""
CHUNK = 128
"""Modes that are paired with all others at once."""


@dataclass(frozen=True, kw_only=True)
class StrainMismatch:
    """The strain mismatch model.

    Attributes:
        misfit: The dislocations between the two crystals.
        polarisations: Of the modes of both crystals.
        gruneisen: One |gamma| for all modes; None for those of the materials.
        method: "cap", "sinkhorn" or "amm+strain".
        sound: The acoustic mismatch of "amm+strain".
        bounce: Reflection of the flux that is not scattered, "specular" [M10] or "diffuse".
        bins: Energy bins of diffuse reflection.
        step: Width of the Gaussian in q_par in units of the grid step [-].
        width: Width of the Gaussian in w [rad/s]; None for 1/50 of the highest frequency.

    Raises:
        InputError: An option is unknown or a value out of range.
    """

    misfit: MisfitArray
    polarisations: tuple[Polarisation, Polarisation]
    gruneisen: float | None = None
    method: Method = "cap"
    sound: AcousticMismatch = field(default_factory=AcousticMismatch)
    bounce: Bounce = "specular"
    bins: BinChoice = "auto"
    step: float = 0.5
    width: float | None = None

    def __post_init__(self) -> None:
        if self.method == "heitler":
            raise InputError(
                "method = 'heitler' needs the phases of waves, which modes on a grid do not have; "
                "use 'cap', 'sinkhorn' or 'amm+strain'"
            )
        if self.method not in METHODS:
            raise InputError(f"method = {self.method!r}; expected 'cap', 'sinkhorn', 'amm+strain'")
        for what in ("step", "width", "gruneisen"):
            value = getattr(self, what)
            if value is not None and not (np.isfinite(value) and value > 0.0):
                raise InputError(f"{what} = {value:g}; it must be positive")
        if self.gruneisen is None and any(p.gruneisen is None for p in self.polarisations):
            raise InputError(
                "the strain mismatch model needs Grueneisen parameters, which a material does not "
                "have; import it again, or give one gruneisen for all modes"
            )
        if len({p.vectors.shape[1] for p in self.polarisations}) != 1:
            raise InputError(
                "the strain mismatch model compares polarisations atom by atom: both crystals must "
                "have the same number of atoms in the primitive cell"
            )
        check_bounce(self.bounce)
        check_bin_choice(self.bins)

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second."""
        surface = pair_modes(first, second, normal)
        target = np.where(surface.outgoing, surface.flux, 0.0)
        pairs = self.strain_pairs(first, second, normal)
        if self.method == "sinkhorn":
            pairs = _balanced(pairs, surface)
        pairs = cap_rows(pairs, target)
        if self.method == "amm+strain":
            sound = self.sound.sound_pairs(first, second, normal).tocoo()
            rest = np.maximum(1.0 - _ratio(pairs.sum(axis=1), target), 0.0)
            data = sound.data * np.minimum(rest[sound.row], rest[sound.col])
            both = scipy.sparse.csr_array((data, (sound.row, sound.col)), shape=sound.shape)
            pairs = scipy.sparse.csr_array(pairs + both)
        return with_bounce(
            surface,
            (first, second),
            normal,
            pairs,
            bounce=self.bounce,
            bins=self.bins,
            diffuse=np.zeros(surface.num_modes),
        )

    def strain_pairs(
        self, first: ModeTable, second: ModeTable, normal: Array
    ) -> scipy.sparse.csr_array:
        """Return A_ij = F_-i,j of the golden rule before it is limited.

        Args:
            first: Mode table of the first crystal.
            second: Mode table of the second crystal.
            normal: Unit vector from first to second, shape (3,).

        Returns:
            Symmetric, shape (M, M) [W/m^2 K].

        Raises:
            InputError: A table is of a model crystal or not that of the polarisations.
        """
        surface = pair_modes(first, second, normal)
        modes = _stacked((first, second), self.polarisations, self.gruneisen, normal, surface)
        width = self.width if self.width is not None else float(surface.frequencies.max()) / 50.0
        spread = self.step * modes.grid_step
        rows, columns, values = [], [], []
        for start in range(0, modes.frequencies.size, CHUNK):
            own = np.arange(start, min(start + CHUNK, modes.frequencies.size))
            low, high = modes.frequencies[own[[0, -1]]] + REACH * width * np.array([-1.0, 1.0])
            near = np.arange(*np.searchsorted(modes.frequencies, [low, high]))
            i, j, intensity = self._near_pairs(modes, own, near, spread)
            shift = (modes.frequencies[i] - modes.frequencies[j]) / width
            gauss = np.exp(-0.5 * shift**2) / (width * math.sqrt(2.0 * math.pi))
            overlap = np.einsum("nk,nk->n", modes.projectors[i], modes.mirrored[j])
            rows.append(modes.index[i])
            columns.append(modes.index[j])
            values.append(modes.strength[i] * modes.strength[j] * overlap * intensity * gauss)
        shape = (surface.num_modes, surface.num_modes)
        found = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        matrix = scipy.sparse.csr_array(found, shape=shape)
        return scipy.sparse.csr_array(0.5 * (matrix + matrix.T))

    def _near_pairs(
        self, modes: _Stacked, own: IntArray, near: IntArray, spread: float
    ) -> tuple[IntArray, IntArray, Array]:
        """Return pairs that the network connects, and sum_k <|Delta_k|^2> d(q_par' - q_par - G_k).

        The sum over both arrays of dislocations has the unit m^4.
        """
        first, second, values = [], [], []
        step, most = self.misfit.wave_number, self.misfit.num_harmonics
        farthest = step * most + REACH * spread
        # For each pair only the harmonics within reach; those above D/b have no intensity.
        beside = np.arange(-math.ceil(REACH * spread / step), math.ceil(REACH * spread / step) + 1)
        beside = beside[np.abs(beside) <= 2 * most]
        for axis in (0, 1):
            # the partner of i has the opposite wave vector
            along = -np.add.outer(modes.parallel[own, axis], modes.parallel[near, axis])
            across = -np.add.outer(modes.parallel[own, 1 - axis], modes.parallel[near, 1 - axis])
            i, j = np.nonzero((np.abs(across) < REACH * spread) & (np.abs(along) < farthest))
            change = -(modes.normal[own[i]] + modes.normal[near[j]])
            numbers = np.rint(along[i, j] / step)[:, None] + beside
            steps = along[i, j][:, None] - step * numbers
            gauss = np.exp(
                -0.5 * (steps / spread) ** 2 - 0.5 * (across[i, j] / spread)[:, None] ** 2
            )
            mean = self.misfit.mean_intensity(numbers, change[:, None], modes.grid_step)
            first.append(own[i])
            second.append(near[j])
            values.append((mean * gauss).sum(axis=1) / (2.0 * math.pi * spread**2))
        return np.concatenate(first), np.concatenate(second), np.concatenate(values)


def strain_mismatch(
    first: Material,
    second: Material,
    *,
    lattice_parameters: tuple[float, float] | None = None,
    poisson: tuple[float, float] | None = None,
    **options: Any,
) -> StrainMismatch:
    """Return the strain mismatch model of two materials.

    Args:
        first: One material.
        second: The other one.
        lattice_parameters: Cubic ones of both [m]; None for those of the materials [M13].
        poisson: Poisson's ratios of both; None for those of the isotropic averages of their
            elastic constants.
        **options: Further options of `StrainMismatch`.

    Raises:
        InputError: A material has no polarisations, or no lattice parameter is known.
    """
    materials = (first, second)
    polarisations = []
    for material in materials:
        if material.polarisation is None:
            raise InputError(
                f"{material.name}: the strain mismatch model needs the polarisation vectors of the "
                "modes, which this material does not have; take a material file with eigenvectors"
            )
        polarisations.append(material.polarisation)
    if poisson is None:
        poisson = _poisson(first.modes), _poisson(second.modes)
    if lattice_parameters is None:
        lattice_parameters = _cubic_parameter(first.modes), _cubic_parameter(second.modes)
    return StrainMismatch(
        misfit=misfit_array(*lattice_parameters, poisson),
        polarisations=(polarisations[0], polarisations[1]),
        **options,
    )


def line_axes(normal: Array) -> Array:
    """Return the directions of the two arrays of lines and the normal, shape (3, 3) [M13].

    Args:
        normal: Unit vector of the interface in the axes of the crystal, shape (3,).
    """
    signs = [(1.0, 1.0), (1.0, -1.0)]
    axes = []
    for i, j in itertools.combinations(range(3), 2):
        for a, b in signs:
            axis = np.zeros(3)
            axis[[i, j]] = a, b
            axes.append(axis / math.sqrt(2.0))
    along = np.array([axis - (axis @ normal) * normal for axis in axes])
    lengths = np.round(np.linalg.norm(along, axis=1), 9)  # ties: always the first
    chosen = along[np.argmax(lengths)]
    chosen = chosen / np.linalg.norm(chosen)
    return np.array([chosen, np.cross(normal, chosen), normal])


@dataclass(frozen=True, kw_only=True)
class _Stacked:
    """The outgoing modes of both crystals, ascending in frequency."""

    index: IntArray
    frequencies: Array
    parallel: Array
    normal: Array
    strength: Array
    """(2 pi)^(3/2) (c/V)^(1/2) |gamma| w of each mode."""
    projectors: Array
    """Real form of the mean of e e+ over degenerate modes, shape (num, 2 (3 num_atoms)^2)."""
    mirrored: Array
    """Such that the product with a projector is |e_i . e_j|^2."""
    grid_step: float
    """Cube root of the volume of reciprocal space per wave vector, root mean square of both."""


def _stacked(
    tables: tuple[ModeTable, ModeTable],
    polarisations: tuple[Polarisation, Polarisation],
    gruneisen: float | None,
    normal: Array,
    surface: SurfaceModes,
) -> _Stacked:
    strengths, projectors, volumes = [], [], []
    for modes, polarisation in zip(tables, polarisations, strict=True):
        if modes.crystal is None:
            raise InputError(
                f"{modes.name}: a model crystal has no wave vectors, without which there is no "
                "strain mismatch; use another interface model"
            )
        if polarisation.num_modes != modes.num_modes:
            raise InputError(
                f"{modes.name}: {polarisation.num_modes} polarisations for {modes.num_modes} modes"
            )
        volume = float(np.prod(modes.crystal.mesh)) * modes.crystal.cell_volume
        given = polarisation.gruneisen
        gamma = np.full(modes.num_modes, gruneisen) if gruneisen is not None else given
        assert gamma is not None
        density = np.sqrt(modes.heat_capacities / volume) * modes.frequencies
        strengths.append((2.0 * math.pi) ** 1.5 * density * np.abs(gamma))
        projectors.append(_projectors(polarisation))
        volumes.append(volume)
    order = np.flatnonzero(surface.outgoing)
    order = order[np.argsort(surface.frequencies[order], kind="stable")]
    vectors = np.concatenate([modes.wave_vectors for modes in tables])[order] @ line_axes(normal).T
    whole = np.concatenate(projectors)[order]
    half = whole.shape[1] // 2
    steps = [(2.0 * math.pi) / volume ** (1.0 / 3.0) for volume in volumes]
    return _Stacked(
        index=order,
        frequencies=surface.frequencies[order],
        # strain varies across the lines
        parallel=vectors[:, [1, 0]],
        normal=vectors[:, 2],
        strength=np.concatenate(strengths)[order],
        projectors=whole,
        mirrored=np.concatenate([whole[:, :half], -whole[:, half:]], axis=1),
        grid_step=math.sqrt(0.5 * (steps[0] ** 2 + steps[1] ** 2)),
    )


def _projectors(polarisation: Polarisation) -> Array:
    vectors = polarisation.vectors
    products = np.einsum("ma,mb->mab", vectors, vectors.conj()).reshape(len(vectors), -1)
    sets, of_mode = np.unique(polarisation.degenerate_sets, return_inverse=True)
    sums = np.zeros((sets.size, products.shape[1]), dtype=np.complex128)
    np.add.at(sums, of_mode, products)
    means = (sums / np.bincount(of_mode)[:, None])[of_mode]
    return np.concatenate([means.real, means.imag], axis=1)


def _balanced(pairs: scipy.sparse.csr_array, surface: SurfaceModes) -> scipy.sparse.csr_array:
    outgoing = np.flatnonzero(surface.outgoing)
    found = redistribute(pairs[outgoing][:, outgoing], surface.flux[outgoing], 300).tocoo()
    entries = (found.data, (outgoing[found.row], outgoing[found.col]))
    return scipy.sparse.csr_array(entries, shape=pairs.shape)


def _ratio(values: Array, scale: Array) -> Array:
    return np.divide(values, scale, out=np.zeros_like(values), where=scale > 0.0)


def _poisson(modes: ModeTable) -> float:
    transverse, _, longitudinal = (
        solid_of(modes.crystal, modes.name).isotropic().christoffel(np.array([1.0, 0.0, 0.0]))[0]
    )
    squares = longitudinal**2, transverse**2
    return float((squares[0] - 2.0 * squares[1]) / (2.0 * (squares[0] - squares[1])))


def _cubic_parameter(modes: ModeTable) -> float:
    crystal = modes.crystal
    if crystal is None:
        raise InputError(f"{modes.name}: a model crystal has no lattice parameter; give both")
    if crystal.symbols in MEASURED_LATTICE:
        return MEASURED_LATTICE[crystal.symbols]
    return cubic_lattice_parameter(crystal, modes.name)


def cubic_lattice_parameter(crystal: Crystal, name: str) -> float:
    """Return the cubic lattice parameter of a face-centred cubic crystal [m].

    Args:
        crystal: With primitive vectors a/2 <110>, at 60 degrees.
        name: Of the material, for the message.

    Raises:
        InputError: The lattice is another one.
    """
    products = crystal.lattice @ crystal.lattice.T
    square = products[0, 0]
    expected = square * (0.5 + 0.5 * np.eye(3))
    if not np.allclose(products, expected, rtol=1e-6, atol=0.0):
        raise InputError(
            f"{name}: misfit dislocations are known for face-centred cubic crystals only; give "
            "both lattice parameters"
        )
    return float(math.sqrt(2.0 * square))
