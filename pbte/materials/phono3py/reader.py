"""Calls of phono3py, and the conversion of its results to SI.

Only public functions of phono3py 4 are called. phono3py is imported when it is needed, because it
is an optional dependency of this importer alone.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pbte.core.constants import ATOMIC_MASS, TERAHERTZ
from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.materials.modes import Crystal
from pbte.materials.symmetry import GridSymmetry, grid_symmetry, spread_vectors

ELECTRON_VOLT = 1.602176634e-19
"""[J]."""
ANGSTROM = 1e-10
"""[m]."""
RADIAN_THZ = 2.0 * math.pi * TERAHERTZ
"""Angular frequency of 1 THz [rad/s]."""
SIGMA_CUTOFF = 5.0
"""Processes farther than this many sigma from the energy shell are left out."""

INSTALL = "pip install 'phono3py>=4,<5'"


@dataclass(frozen=True, kw_only=True)
class Phono3pyGrid:
    """Harmonic phonons of phono3py on a whole grid of wave vectors."""

    handle: Any
    """The phono3py.Phono3py object."""
    version: str
    """Version of phono3py."""
    symmetry: GridSymmetry
    zone_points: IntArray
    """phono3py's own index of each wave vector, shape (num_q,)."""
    frequencies: Array
    """As diagonalised, negative where imaginary, shape (num_q, num_bands) [rad/s]."""
    eigenvectors: npt.NDArray[np.complex128]
    """Polarisations in columns, shape (num_q, 3 num_atoms, num_bands) [-]."""


def import_phono3py() -> Any:
    """Return the module phono3py.

    Raises:
        InputError: It is not installed, or not of version 4.
    """
    try:
        module = importlib.import_module("phono3py")
    except ImportError as error:
        raise InputError(f"phono3py is not installed ({error}); {INSTALL}") from None
    version = str(module.__version__)
    if version.split(".")[0] != "4":
        raise InputError(f"phono3py {version} is installed, expected version 4; {INSTALL}")
    return module


def open_phono3py(yaml_path: str | Path, mesh: tuple[int, int, int]) -> Phono3pyGrid:
    """Return the harmonic phonons of a phono3py calculation on a grid.

    Force constants are looked for in the folder of the yaml file, as phono3py does in its working
    folder: fc2.hdf5 and fc3.hdf5, or FORCES_FC2 and FORCES_FC3, and BORN.

    Note: Changes the working directory of the process while the files are read.

    Args:
        yaml_path: phono3py_disp.yaml, phono3py_params.yaml or the like.
        mesh: Number of grid points along each reciprocal-lattice vector.

    Raises:
        InputError: phono3py or a file is missing or unsuitable; the grid lacks the symmetry of the
            crystal, or its scattering matrix is larger than the memory.
    """
    path = Path(yaml_path)
    _require_yaml(path)
    module = import_phono3py()
    handle = _load(module, path)
    _check_memory(3 * len(handle.primitive) * math.prod(mesh))
    try:
        handle.mesh_numbers = list(mesh)
        handle.init_phph_interaction()
    except RuntimeError as error:
        raise InputError(
            f"{path}: the grid {mesh[0]}x{mesh[1]}x{mesh[2]} does not have the symmetry of the"
            f" crystal (phono3py: {_first_line(error)}); give equivalent axes the same number"
        ) from error
    handle.run_phonon_solver()
    interaction = handle.phph_interaction
    grid = interaction.bz_grid
    zone_points = np.asarray(grid.grg2bzg, dtype=np.int64)
    symmetry = grid_symmetry(
        np.asarray(grid.addresses[zone_points], dtype=np.int64),
        mesh,
        np.asarray(grid.rotations, dtype=np.int64),
        np.asarray(grid.rotations_cartesian, dtype=np.float64),
    )
    frequencies, eigenvectors = _phonons(interaction)
    return Phono3pyGrid(
        handle=handle,
        version=str(module.__version__),
        symmetry=symmetry,
        zone_points=zone_points,
        frequencies=frequencies[zone_points] * RADIAN_THZ,
        eigenvectors=np.asarray(eigenvectors[zone_points]),
    )


def crystal_of(grid: Phono3pyGrid) -> Crystal:
    """Return the primitive cell of a phono3py calculation."""
    cell = grid.handle.primitive
    return Crystal(
        lattice=np.array(cell.cell) * ANGSTROM,
        symbols=tuple(str(symbol) for symbol in cell.symbols),
        positions=np.array(cell.scaled_positions),
        masses=np.array(cell.masses) * ATOMIC_MASS,
        mesh=grid.symmetry.mesh,
        rotations=grid.symmetry.rotations,
    )


def group_velocities(grid: Phono3pyGrid) -> Array:
    """Return group velocities with v(R q) = R v(q), shape (num_q, num_bands, 3) [m/s].

    Where a wave vector is left in place by some R, v is averaged over them. It changes nothing but
    the velocities of degenerate modes on the zone boundary, which cannot be assigned to labelled
    modes symmetrically: grids with even numbers contain such points, odd ones do not.
    """
    from phonopy.phonon.group_velocity import GroupVelocity

    symmetry = grid.symmetry
    calculator = GroupVelocity(
        grid.handle.phph_interaction.dynamical_matrix, symmetry=grid.handle.primitive_symmetry
    )
    calculator.run(symmetry.addresses[symmetry.irreducible] / np.array(symmetry.mesh))
    velocities = np.asarray(calculator.group_velocities)
    return spread_vectors(velocities * ANGSTROM * TERAHERTZ, symmetry)


def mass_variances(grid: Phono3pyGrid) -> Array:
    """Return sum_i f_i (1 - m_i / m)^2 over the natural isotopes of each atom, (num_atoms,) [-]."""
    from phono3py.other.isotope import get_mass_variances

    return np.asarray(get_mass_variances(grid.handle.primitive), dtype=np.float64)


def triple_input(
    grid: Phono3pyGrid, q0: int, sigma: float | None
) -> tuple[Array, tuple[Array, Array, Array]]:
    """Return |V3|^2 and delta functions of the modes at q0, the input of `triple_processes`.

    Args:
        grid: The phonons.
        q0: Index of an irreducible wave vector.
        sigma: Width of the Gaussian in angular frequency [rad/s]; None for the linear tetrahedron
            method, which weights the three phonons of a process differently, for comparison with
            phono3py only.

    Returns:
        |V3|^2, shape (num_q, num_bands, num_bands, num_bands) [J^2], and delta(w0 - w1 - w2),
        delta(w0 + w1 - w2), delta(w0 - w1 + w2) of the same shape [s].
    """
    from phono3py.phonon3.triplets import get_triplets_integration_weights

    interaction = grid.handle.phph_interaction
    point = int(grid.zone_points[q0])
    interaction.set_grid_point(point, store_triplets_map=True)
    weights, is_zero = get_triplets_integration_weights(
        interaction,
        np.array(_phonons(interaction)[0][point]),
        None if sigma is None else sigma / RADIAN_THZ,
        SIGMA_CUTOFF if sigma is not None else None,
        is_collision_matrix=True,
    )
    interaction.run(g_zero=is_zero)
    triplets, _, triplet_map, q1_map = interaction.get_triplets_at_q()
    first = np.asarray(interaction.bz_grid.bzg2grg)[triplets[:, 1]]
    index, swapped = triplet_of_each_q1(first, triplet_map, q1_map)
    # phono3py gives delta_a, delta_b - delta_c and delta_a + delta_b + delta_c [1/THz].
    decay = weights[0]
    absorb_1 = np.maximum(0.5 * (weights[2] - weights[0] + weights[1]), 0.0)
    absorb_2 = np.maximum(0.5 * (weights[2] - weights[0] - weights[1]), 0.0)
    strengths = _expand(interaction.interaction_strength, index, swapped) * ELECTRON_VOLT**2
    decay, absorb_1, absorb_2 = (
        _expand(delta, index, swapped) / RADIAN_THZ for delta in (decay, absorb_1, absorb_2)
    )
    # Where phonons 1 and 2 change places, so do their absorptions.
    absorb_1[swapped], absorb_2[swapped] = absorb_2[swapped], absorb_1[swapped]
    return strengths, (decay, absorb_1, absorb_2)


def triplet_of_each_q1(
    first: IntArray, triplet_map: IntArray, q1_map: IntArray
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Return the place of every q1 in phono3py's list of independent triplets (q0, q1, q2).

    Args:
        first: Grid index of q1 in each listed triplet, shape (num_triplets,).
        triplet_map: Grid index of an equivalent q1 if phonons 1 and 2 may also change places,
            shape (num_q,).
        q1_map: Grid index of an equivalent q1 under the operations that keep q0, shape (num_q,).

    Returns:
        Index of the triplet, and whether phonons 1 and 2 change places, both of shape (num_q,).
    """
    equivalent = q1_map
    listed = triplet_map[equivalent]
    order = np.argsort(first)
    place = np.searchsorted(first[order], listed)
    if place.max() >= len(first) or not np.array_equal(first[order][place], listed):
        raise InputError("phono3py lists its triplets in an unknown order; use another version 4")
    return order[place], listed != equivalent


def _phonons(interaction: Any) -> tuple[Any, Any]:
    """Return frequencies [THz] and eigenvectors of all zone points."""
    if hasattr(interaction, "phonons"):
        return interaction.phonons.frequencies, interaction.phonons.eigenvectors
    frequencies, eigenvectors, _ = interaction.get_phonons()  # the first releases of phono3py 4
    return frequencies, eigenvectors


def _expand(values: Array, index: IntArray, swapped: npt.NDArray[np.bool_]) -> Array:
    """Return values at every q1 from those of independent triplets, bands swapped where needed."""
    expanded = values[index]
    expanded[swapped] = expanded[swapped].swapaxes(2, 3)
    return np.asarray(expanded, dtype=np.float64)


def _require_yaml(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give the yaml file of a phono3py calculation,"
            " phono3py_disp.yaml or phono3py_params.yaml"
        )
    if not h5py.is_hdf5(path):
        return
    with h5py.File(path, "r") as file:
        if "collision_matrix" in file:
            raise InputError(
                f"{path}: phono3py's collision matrix is folded with f(-q) = -f(q), which is right"
                " for the conductivity and wrong for temperature; give the phono3py yaml file"
                " next to the force constants instead, the matrix is built from them"
            )
        if "kappa" in file or "gamma" in file:
            raise InputError(
                f"{path}: phono3py's kappa file holds lifetimes but no scattering matrix; give the"
                " phono3py yaml file next to the force constants instead"
            )
    raise InputError(f"{path}: this is an HDF5 file; expected the yaml file of phono3py")


def _check_memory(num_modes: int) -> None:
    """Refuse a matrix larger than the memory, before the process is killed for it."""
    needed = 8.0 * num_modes**2
    present = float(os.sysconf("SC_PAGE_SIZE")) * float(os.sysconf("SC_PHYS_PAGES"))
    if needed > 0.8 * present:
        raise InputError(
            f"the scattering matrix of {num_modes} modes takes {needed / 1e9:.3g} GB and this"
            f" machine has {present / 1e9:.3g} GB; use a smaller mesh"
        )


def _load(module: Any, path: Path) -> Any:
    """Return the loaded calculation, whose force constants are present and finite."""
    try:
        with contextlib.chdir(path.parent):
            handle = module.load(path.name, log_level=0)
    except MemoryError:
        raise
    except Exception as error:  # phono3py raises whatever its parsers meet in a damaged file
        raise InputError(
            f"{path}: phono3py cannot read it or the force constants next to it"
            f" ({_first_line(error)})"
        ) from error
    for order, files in ((2, "fc2.hdf5 or FORCES_FC2"), (3, "fc3.hdf5 or FORCES_FC3")):
        constants = getattr(handle, f"fc{order}")
        if constants is None:
            raise InputError(f"{path}: no force constants of order {order}; put {files} next to it")
        if not np.all(np.isfinite(constants)):
            raise InputError(
                f"{path}: some force constants of order {order} are not numbers; make {files} again"
            )
    return handle


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
