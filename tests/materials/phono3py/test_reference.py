"""The importer against phono3py itself, and the laws of the matrix from real force constants.

phono3py's collision matrix is folded with f(-q) = -f(q): Omega(l, l') = B(l, l') + C(l, -l') where
A = Gamma - (C - B) has B from phonons absorbed together and C from decay products. It cannot give
A, but from the processes of A it must come out.
"""

from __future__ import annotations

import gzip
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, PLANCK, REDUCED_PLANCK
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.expansion import expand_table
from pbte.materials.kernel import FullKernel, check_kernel
from pbte.materials.phono3py.importer import (
    Phono3pyImport,
    active_modes,
    from_phono3py,
    modes_of,
    scattering_rows,
)
from pbte.materials.phono3py.processes import GridModes, triple_processes
from pbte.materials.phono3py.reader import (
    ELECTRON_VOLT,
    RADIAN_THZ,
    Phono3pyGrid,
    open_phono3py,
    triple_input,
)

pytestmark = pytest.mark.phono3py

FORCE_CONSTANTS = Path(__file__).parents[4] / "shared" / "materials" / "si_pbesol_phono3py"
TEMPERATURE = 300.0
MESHES = [5, pytest.param(8, marks=pytest.mark.slow)]


@dataclass
class Silicon:
    """Silicon on one grid; what is costly is made once."""

    yaml_path: Path
    mesh: int

    @cached_property
    def grid(self) -> Phono3pyGrid:
        return open_phono3py(self.yaml_path, (self.mesh,) * 3)

    @cached_property
    def made(self) -> Phono3pyImport:
        return from_phono3py(self.yaml_path, mesh=self.mesh, sigma=0.2, temperature=TEMPERATURE)

    @cached_property
    def kernel(self) -> FullKernel:
        kernel = expand_table(self.made.table)
        assert isinstance(kernel, FullKernel)
        return kernel

    @cached_property
    def rows(self) -> np.ndarray:
        """Irreducible rows of A_s, shape (num_irreducible, num_bands, num_q, num_bands) [1/s]."""
        num_q, num_bands = self.made.table.frequencies.shape
        return self.made.table.matrix_rows.reshape(-1, num_bands, num_q, num_bands)

    @cached_property
    def modes(self) -> GridModes:
        """Modes at the temperature at which our hbar/k_B T is that of phono3py at 300 K.

        phono3py has older constants of nature (6e-7 off), which would hide agreement to 1e-15.
        """
        units = physical_units()
        ratio = (PLANCK * 1e12 / BOLTZMANN) / (units.THzToEv / units.KB)
        active = active_modes(self.grid.frequencies, (self.mesh,) * 3)
        return modes_of(self.grid, TEMPERATURE * ratio, active)


def physical_units():
    from phonopy.physical_units import get_physical_units

    return get_physical_units()


@pytest.fixture(scope="module")
def yaml_path(tmp_path_factory) -> Path:
    pytest.importorskip("phono3py", reason="phono3py is not installed")
    if not FORCE_CONSTANTS.is_dir():
        pytest.skip("no force constants beside the checkout (shared/materials/si_pbesol_phono3py)")
    folder = tmp_path_factory.mktemp("silicon")
    for name in ("fc2.hdf5", "fc3.hdf5"):
        shutil.copyfile(FORCE_CONSTANTS / name, folder / name)
    packed = FORCE_CONSTANTS / "phono3py_disp_dimfc2.yaml.gz"
    path = folder / packed.stem
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


@pytest.fixture(scope="module", params=MESHES, ids=lambda mesh: f"{mesh}x{mesh}x{mesh}")
def silicon(request, yaml_path) -> Silicon:
    return Silicon(yaml_path, request.param)


def theirs(silicon: Silicon, sigma: float | None) -> tuple[np.ndarray, np.ndarray]:
    """phono3py's Omega without diagonal, averaged over degenerate modes, and Gamma [THz].

    Shapes (num_irreducible, num_bands, num_q, num_bands) and (num_irreducible, num_bands).
    """
    from phono3py.other.isotope import Isotope
    from phono3py.phonon3.collision_matrix import CollisionMatrix

    grid, handle = silicon.grid, silicon.grid.handle
    interaction = handle.phph_interaction
    matrix = CollisionMatrix(interaction)
    matrix.set_sigma(sigma, sigma_cutoff=5.0 if sigma else None)
    matrix.temperature = TEMPERATURE
    isotope = Isotope(
        interaction.mesh_numbers,
        handle.phonon_primitive,
        sigma=sigma,
        bz_grid=interaction.bz_grid,
        cutoff_frequency=interaction.cutoff_frequency,
    )
    isotope.set_phonons(interaction.phonons, dm=interaction.dynamical_matrix)
    omega, gamma = [], []
    for q0 in grid.symmetry.irreducible:
        point = int(grid.zone_points[q0])
        matrix.set_grid_point(point)
        matrix.run_integration_weights()
        matrix.run_interaction(is_full_pp=False)
        matrix.run()
        isotope.set_grid_point(point)
        isotope.run()
        average = silicon.modes.degeneracy
        rows = np.einsum("ab,bnc->anc", average[q0], matrix.get_collision_matrix())
        omega.append(np.einsum("ncd,and->anc", average, rows))
        gamma.append(average[q0] @ (matrix.imag_self_energy + isotope.gamma))
    return np.array(omega), np.array(gamma)


def ours_folded(silicon: Silicon, sigma: float | None) -> np.ndarray:
    """The same from our processes: B + C with member 1 taken at q1, twice for member 2."""
    from phono3py.phonon3.imag_self_energy import ImagSelfEnergy

    grid, modes = silicon.grid, silicon.modes
    factor = ImagSelfEnergy(grid.handle.phph_interaction).unit_conversion_factor  # |V3|^2 g -> THz
    our_factor = 18.0 * (ELECTRON_VOLT / REDUCED_PLANCK) ** 2 / 1e12  # |V3|^2 g -> 1/s
    fluctuations = np.where(modes.active, modes.fluctuations, np.inf)
    rows = []
    for q0 in grid.symmetry.irreducible:
        width = None if sigma is None else sigma * RADIAN_THZ
        strengths, deltas = triple_input(grid, int(q0), width)
        kinds = triple_processes(modes, int(q0), strengths, deltas)
        total = 2.0 * sum(kind.rates.sum(axis=3) for kind in kinds).swapaxes(0, 1)
        rows.append(total / fluctuations[q0][:, None, None] / fluctuations)
    return np.array(rows) * factor / our_factor


def with_diagonal(silicon: Silicon, off_diagonal: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """Omega with Gamma on its diagonal, inactive modes dropped, all irreducible rows [1/s]."""
    rows = off_diagonal.copy()
    irreducible = silicon.grid.symmetry.irreducible
    bands = np.arange(gamma.shape[1])
    rows[np.arange(len(irreducible))[:, None], bands, irreducible[:, None], bands] += gamma
    active = silicon.modes.active
    rows = np.where(active[irreducible][:, :, None, None] & active, rows, 0.0)
    return rows * 4.0 * np.pi * 1e12  # 1/tau = 4 pi Gamma[THz]


def diagonal(rows: np.ndarray, irreducible: np.ndarray) -> np.ndarray:
    """The diagonal elements of irreducible rows, shape (num_irreducible, num_bands)."""
    bands = np.arange(rows.shape[1])
    return rows[np.arange(len(irreducible))[:, None], bands, irreducible[:, None], bands]


def whole_matrix(rows: np.ndarray, silicon: Silicon) -> np.ndarray:
    """The matrix over all stars, shape (num_q, num_bands, num_q, num_bands)."""
    symmetry = silicon.grid.symmetry
    whole = np.empty((symmetry.num_q, *rows.shape[1:]))
    for k, q in enumerate(symmetry.irreducible):
        for permutation in symmetry.permutations:
            whole[permutation[q]][:, permutation] = rows[k]
    return whole


def odd_conductivity(silicon: Silicon, rows: np.ndarray) -> float:
    """kappa with phono3py's pseudo-inverse: its averages over degenerate modes are singular."""
    modes = silicon.kernel.modes
    whole = whole_matrix(rows, silicon)
    flat = whole.reshape(whole.shape[0] * whole.shape[1], -1)
    index = modes.grid_points * whole.shape[1] + modes.bands
    pair, partner = index[: modes.num_pairs], index[modes.partners][: modes.num_pairs]
    odd = flat[np.ix_(pair, pair)] - flat[np.ix_(pair, partner)]
    values, vectors = np.linalg.eigh(0.5 * (odd + odd.T))
    pairs = slice(0, modes.num_pairs)
    drive = np.sqrt(2.0 * modes.heat_capacities[pairs])[:, None] * modes.velocities[pairs]
    kept = values > 1e-8 * 4.0 * np.pi * 1e12
    parts = vectors[:, kept].T @ drive
    return float(np.sum(parts**2 / values[kept][:, None])) / 3.0


def energy_vector(silicon: Silicon) -> np.ndarray:
    """sqrt(c) of every mode up to a factor, w sqrt(n (n + 1)), shape (num_q, num_bands)."""
    frequencies = silicon.made.table.frequencies  # zero where inactive
    x = REDUCED_PLANCK * frequencies / (BOLTZMANN * TEMPERATURE)
    return x / np.sinh(0.5 * np.where(x > 0.0, x, 1.0))


def mean(tensor: np.ndarray) -> float:
    return float(np.trace(tensor)) / 3.0


def test_conductivity_of_the_matrix_is_that_of_the_recipe(silicon):
    """Gaussian 0.2 THz, projected: values of an independent implementation of the recipe."""
    full, relaxation = {5: (47.142, 46.000), 8: (85.156, 82.383)}[silicon.mesh]
    assert mean(bulk_conductivity(silicon.kernel)) == pytest.approx(full, abs=1e-3)
    assert mean(rta_conductivity(silicon.kernel.modes)) == pytest.approx(relaxation, abs=1e-3)
    tensor = bulk_conductivity(silicon.kernel)
    np.testing.assert_allclose(tensor, np.eye(3) * mean(tensor), atol=1e-11)


def test_the_matrix_keeps_the_laws_before_anything_is_repaired(silicon):
    """Symmetry, point group with time reversal, and energy of the rows as built: round-off."""
    symmetry = silicon.grid.symmetry
    whole = whole_matrix(silicon.rows, silicon)
    size = np.abs(whole).max()
    flat = whole.reshape(symmetry.num_q * whole.shape[1], -1)
    assert np.abs(flat - flat.T).max() < 2e-15 * size
    for permutation in symmetry.permutations[::8]:
        assert np.abs(whole[permutation][:, :, permutation] - whole).max() < 2e-15 * size
    energy = energy_vector(silicon).ravel()
    residual = np.linalg.norm(flat @ energy) / np.linalg.norm(np.diag(flat) * energy)
    assert residual < 3e-15


def test_spectrum_of_the_collisions_is_that_of_the_recipe(silicon):
    """One eigenvalue 0, none negative; in-scattering has one below -1, and 1 for the energy."""
    kernel, modes = silicon.kernel, silicon.kernel.modes
    num_pairs = modes.num_pairs
    rates = np.concatenate([modes.loss_rates[:num_pairs], modes.loss_rates[2 * num_pairs :]])
    values = np.concatenate(
        [
            np.linalg.eigvalsh(np.diag(rates) - kernel.even),
            np.linalg.eigvalsh(np.diag(rates[:num_pairs]) - kernel.odd),
        ]
    )
    values = np.sort(values) * 1e-12
    second, largest = {5: (1.0363e-2, 1.9067), 8: (3.6829e-3, 1.1578)}[silicon.mesh]
    assert abs(values[0]) < 1e-14
    assert values[[1, -1]] == pytest.approx([second, largest], rel=1e-4)
    report = check_kernel(kernel)
    lowest, second = {5: (-1.2437, 0.7667), 8: (-1.2339, 0.7939)}[silicon.mesh]
    assert report.khat_min == pytest.approx(lowest, abs=1e-4)
    assert report.khat_second == pytest.approx(second, abs=1e-4)


def test_loss_rates_agree_with_phono3py_at_the_same_sigma(silicon):
    """What differs is off shell: n0 (n1+1) (n2+1) against (1 + n1 + n2), and the projection."""
    _, gamma = theirs(silicon, 0.2)
    symmetry = silicon.grid.symmetry
    rates = diagonal(silicon.rows, symmetry.irreducible)
    active = silicon.modes.active[symmetry.irreducible]
    difference = np.abs(rates[active] / (4.0 * np.pi * 1e12 * gamma[active]) - 1.0)
    stars = np.broadcast_to(symmetry.weights[:, None], active.shape)[active]
    median, largest = {5: (0.0076, 0.038), 8: (0.0017, 0.033)}[silicon.mesh]
    assert np.median(np.repeat(difference, stars)) == pytest.approx(median, rel=0.05)
    assert difference.max() == pytest.approx(largest, rel=0.05)


@pytest.mark.parametrize("sigma", [None, 0.2], ids=["tetrahedron", "gaussian"])
def test_the_processes_fold_into_the_collision_matrix_of_phono3py(silicon, sigma):
    omega, gamma = theirs(silicon, sigma)
    folded = ours_folded(silicon, sigma)
    active = silicon.modes.active
    both = active[silicon.grid.symmetry.irreducible][:, :, None, None] & active
    assert np.abs((omega - folded)[both]).max() < 5e-15 * omega[both].max()
    kappa = {(5, None): 48.298, (8, None): 82.844, (5, 0.2): 47.017, (8, 0.2): 84.886}
    rows = with_diagonal(silicon, folded, gamma)
    assert odd_conductivity(silicon, rows) == pytest.approx(kappa[silicon.mesh, sigma], abs=1e-3)


def test_the_folded_matrix_is_no_matrix_for_temperature(silicon):
    """The energy vector, which A sends to 0, is far from a null vector of Omega."""
    rows = with_diagonal(silicon, *theirs(silicon, None))
    symmetry, energy = silicon.grid.symmetry, energy_vector(silicon)
    image = rows.reshape(*rows.shape[:2], -1) @ energy.ravel()
    losses = diagonal(rows, symmetry.irreducible) * energy[symmetry.irreducible]
    stars = np.sqrt(symmetry.weights)[:, None]
    residual = np.linalg.norm(stars * image) / np.linalg.norm(stars * losses)
    assert residual > 2.0


def test_phono3pys_own_solution_has_the_conductivity_of_the_folded_matrix(silicon):
    """phono3py --lbte with isotopes: 48.298 and 82.844 W/m K."""
    handle = silicon.grid.handle
    handle.run_thermal_conductivity(
        is_LBTE=True, is_isotope=True, temperatures=[TEMPERATURE], log_level=0
    )
    kappa = np.ravel(handle.thermal_conductivity.kappa)[:3].mean()
    assert kappa == pytest.approx({5: 48.298, 8: 82.844}[silicon.mesh], abs=1e-3)


def test_without_projection_the_energy_residual_falls_as_the_square_of_sigma(yaml_path):
    """e.A.e / e.diag(A).e = 2.2e-3, 6.1e-4, 1.5e-4, 3.4e-5: pure smearing, no wrong sign."""
    silicon = Silicon(yaml_path, 5)
    symmetry, energy = silicon.grid.symmetry, energy_vector(silicon)
    stars = symmetry.weights[:, None] * energy[symmetry.irreducible]
    residuals = []
    for sigma in (0.8, 0.4, 0.2, 0.1):
        rows = scattering_rows(
            silicon.grid, silicon.modes, sigma * RADIAN_THZ, isotopes=True, conserve_energy=False
        )
        image = rows.reshape(*stars.shape, -1) @ energy.ravel()
        losses = diagonal(rows, symmetry.irreducible) * energy[symmetry.irreducible]
        residuals.append(np.sum(stars * image) / np.sum(stars * losses))
    np.testing.assert_allclose(residuals, [2.2e-3, 6.1e-4, 1.5e-4, 3.4e-5], rtol=0.05)
