"""Polarisations, Grueneisen parameters and elastic constants of the shipped materials."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.material_file import read_file
from pbte.materials.polarisation import Polarisation, polarisation_of
from pbte.materials.storage import Material, read_material, shipped_materials, write_material

# Measured (McSkimin and Andreatch 1963, 1964), GPa; density functionals come within 12 %.
MEASURED = {"Si": (165.8, 63.9, 79.6), "Ge": (128.5, 48.3, 66.8)}


@pytest.fixture(scope="module", params=["Si-5", "Ge-5"])
def material(request) -> Material:
    return read_material(request.param, scattering="rta")


def test_polarisations_of_a_wave_vector_are_orthonormal(material):
    modes, vectors = material.modes, material.polarisation.vectors
    for point in np.unique(modes.grid_points)[::7]:
        own = vectors[modes.grid_points == point]
        np.testing.assert_allclose(own @ own.conj().T, np.eye(len(own)), atol=3e-7)


def test_partners_have_conjugate_polarisations_and_equal_grueneisen_parameters(material):
    polarisation, partners = material.polarisation, material.modes.partners
    paired = partners != np.arange(partners.size)
    reversed_vectors = polarisation.vectors[partners].conj()
    np.testing.assert_array_equal(polarisation.vectors[paired], reversed_vectors[paired])
    np.testing.assert_array_equal(polarisation.gruneisen, polarisation.gruneisen[partners])


def test_degenerate_sets_hold_modes_of_one_wave_vector_and_frequency(material):
    modes, polarisation = material.modes, material.polarisation
    order = np.argsort(polarisation.degenerate_sets)
    same = np.diff(polarisation.degenerate_sets[order]) == 0
    assert same.any()
    spread = np.abs(np.diff(modes.frequencies[order]))[same]
    assert spread.max() < 1e-9 * modes.frequencies.max()
    assert not np.diff(modes.grid_points[order])[same].any()
    # the optical modes at q = 0: three, and longitudinal and transverse along the axes of symmetry
    assert np.bincount(polarisation.degenerate_sets).max() == 3


def test_grueneisen_parameters_have_the_signs_of_diamond_lattices(material):
    """Transverse acoustic modes soften under pressure; optical ones stiffen, gamma near 1."""
    modes, gamma = material.modes, material.polarisation.gruneisen
    means = np.array([gamma[modes.bands == band].mean() for band in range(6)])
    assert (means[:2] < -0.4).all() and (means[2:] > 0.8).all()
    centre = modes.grid_points == 0  # optical modes of q = 0: measured 0.98 (Si), 1.1 (Ge)
    np.testing.assert_allclose(gamma[centre], gamma[centre][0], rtol=1e-9)
    assert 0.9 < gamma[centre][0] < 1.1


def test_elastic_constants_are_cubic_and_near_the_measured_ones(material):
    stiffness = material.modes.crystal.elastic_constants
    c11, c12, c44 = stiffness[0, 0], stiffness[0, 1], stiffness[3, 3]
    cubic = np.diag([c11 - c12] * 3 + [c44] * 3)
    cubic[:3, :3] += c12
    np.testing.assert_allclose(stiffness, cubic, atol=1e-9 * c11)
    measured = 1e9 * np.array(MEASURED[material.name])
    np.testing.assert_allclose([c11, c12, c44], measured, rtol=0.12)


def test_the_smallest_modes_travel_at_the_speeds_of_the_elastic_constants():
    """At one ninth of the zone dispersion costs speed: slower than sound, by less than 15 %."""
    modes = read_material("Si-9", scattering="rta").modes
    crystal = modes.crystal
    stiffness = crystal.elastic_constants
    lengths = np.linalg.norm(modes.wave_vectors, axis=1)
    along = modes.wave_vectors / np.maximum(lengths, 1.0)[:, None]
    diagonal = (np.abs(np.abs(along) - np.sqrt(1.0 / 3.0)) < 1e-9).all(axis=1)
    near = diagonal & (np.abs(lengths - lengths[diagonal].min()) < 1.0) & (modes.bands < 3)
    speeds = np.unique(np.round(modes.frequencies[near] / lengths[near], 3))
    c11, c12, c44 = stiffness[0, 0], stiffness[0, 1], stiffness[3, 3]
    transverse = np.sqrt((c11 - c12 + c44) / 3.0 / crystal.density)
    longitudinal = np.sqrt((c11 + 2.0 * c12 + 4.0 * c44) / 3.0 / crystal.density)
    ratio = speeds / np.array([transverse, longitudinal])
    assert ((ratio > 0.85) & (ratio < 1.0)).all()


def test_elastic_constants_are_read_as_written_and_may_be_missing(shared_tmp_path, comm):
    table = read_file(shipped_materials()["Si-5"]).table
    without = dataclasses.replace(table.crystal, elastic_constants=None)
    names = [f"{kind}-{comm.rank}.h5" for kind in ("with", "without")]
    for name, crystal in zip(names, (table.crystal, without), strict=True):
        bare = dataclasses.replace(table, crystal=crystal, extras={})
        write_material(shared_tmp_path / name, bare, source="test")
    first, second = (read_material(shared_tmp_path / name) for name in names)
    np.testing.assert_allclose(
        first.modes.crystal.elastic_constants, table.crystal.elastic_constants, rtol=1e-15
    )
    assert second.modes.crystal.elastic_constants is None
    assert first.polarisation is None


@pytest.mark.parametrize(
    ("stiffness", "words"),
    [
        (np.eye(3), "expected 6 x 6"),
        (np.eye(6) + np.eye(6, k=1), "not symmetric"),
        (np.diag([1.0, 1.0, 1.0, 1.0, 1.0, -1.0]) * 1e9, "-1 GPa"),
    ],
)
def test_elastic_constants_of_no_crystal_are_refused(stiffness, words):
    crystal = read_file(shipped_materials()["Si-5"]).table.crystal
    with pytest.raises(InputError, match=words):
        dataclasses.replace(crystal, elastic_constants=stiffness)


def test_polarisations_of_a_wrong_shape_are_refused():
    content = read_file(shipped_materials()["Si-5"])
    modes = read_material("Si-5", scattering="rta").modes
    values, unit = content.table.extras["eigenvector"]
    table = dataclasses.replace(content.table, extras={"eigenvector": (values[:, :3], unit)})
    with pytest.raises(InputError, match=r"eigenvector has shape \(125, 3, 6\)"):
        polarisation_of(table, modes)
    with pytest.raises(InputError, match="length 2"):
        Polarisation(vectors=2.0 * np.eye(6, dtype=complex), degenerate_sets=np.arange(6))
    with pytest.raises(InputError, match="not a finite number"):
        Polarisation(
            vectors=np.eye(6, dtype=complex),
            degenerate_sets=np.arange(6),
            gruneisen=np.full(6, np.nan),
        )
