"""Strain mismatch: dislocation fields, the continuum's sum rules and limits, and the grid."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.base import check_flux_matrix, pair_modes
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.elastic import isotropic_solid
from pbte.interfaces.landauer import conductances_of, entropy_production
from pbte.interfaces.smm import (
    StrainMismatch,
    cubic_lattice_parameter,
    line_axes,
    strain_mismatch,
)
from pbte.interfaces.strain_channels import (
    METHODS,
    Channels,
    StrainedInterface,
    StrainedSolid,
    diffuse_conductance,
    welded_powers,
)
from pbte.interfaces.strain_field import MisfitArray, misfit_array
from pbte.materials.models import gray_crystal, isotropic_crystal
from pbte.materials.modes import Crystal, ModeTable, canonical_partners
from pbte.materials.polarisation import Polarisation
from pbte.materials.statistics import mode_heat_capacity
from pbte.materials.storage import Material, read_material

Z = np.array([0.0, 0.0, 1.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])
FIELD = misfit_array(5.431e-10, 5.658e-10, (0.22, 0.21))
PUBLISHED = 1.0 / 173.2e6  # m^2 K/W, Varnavides et al. (2019)


def solids(gruneisen: float) -> tuple[StrainedSolid, StrainedSolid]:
    """Silicon and germanium, isotropic."""
    return (
        StrainedSolid(
            density=2329.0,
            longitudinal=8952.0,
            transverse=5346.0,
            atom_density=8.0 / 5.431e-10**3,
            gruneisen=gruneisen,
        ),
        StrainedSolid(
            density=5323.0,
            longitudinal=5266.0,
            transverse=3198.0,
            atom_density=8.0 / 5.658e-10**3,
            gruneisen=gruneisen,
        ),
    )


def interface(gruneisen: float = 1.0, field: MisfitArray = FIELD, **options) -> StrainedInterface:
    first, second = solids(gruneisen)
    return StrainedInterface(first=first, second=second, field=field, **options)


# --- the field of the dislocations


def test_silicon_on_germanium_has_a_dislocation_every_ten_nanometres():
    """Numbers worked out by hand from a = 5.431 and 5.658 angstrom."""
    assert FIELD.burgers == pytest.approx(3.92055e-10, rel=1e-6)
    assert FIELD.spacing == pytest.approx(9.57600e-9, rel=1e-6)
    assert FIELD.amplitudes == pytest.approx((0.0146969, 0.0150291), rel=1e-5)
    assert FIELD.num_harmonics == 24


@pytest.mark.parametrize("depth", [1e-9, -1e-9])
def test_the_fourier_series_of_the_dilatation_is_its_closed_form(depth):
    x = np.linspace(-6e-9, 6e-9, 25)
    k = np.arange(1, 401)[:, None]
    terms = np.exp(-FIELD.wave_number * k * abs(depth)) * np.cos(FIELD.wave_number * k * x)
    amplitude = FIELD.amplitudes[0 if depth < 0.0 else 1]
    series = -2.0 * amplitude * np.sign(depth) * terms.sum(axis=0)
    np.testing.assert_allclose(FIELD.dilatation(x, depth), series, atol=1e-15)


def test_near_a_line_the_array_is_a_single_dislocation():
    """-(b/2 pi) (1 - 2 nu)/(1 - nu) z/(x^2 + z^2), but for the uniform part [M3]."""
    x, z = 3e-11, 4e-11
    single = -FIELD.burgers / (2.0 * math.pi) * 0.58 / 0.79 * z / (x**2 + z**2)
    found = FIELD.dilatation(x, z) - FIELD.amplitudes[1]
    assert found == pytest.approx(single, rel=1e-3)


@pytest.mark.parametrize("harmonic", [1, -3])
@pytest.mark.parametrize("change", [3e8, -2e9])
def test_the_transform_is_the_integral_over_the_depth(harmonic, change):
    z = np.linspace(-60e-9, 60e-9, 2_400_001)
    kappa = FIELD.wave_number * abs(harmonic)
    first, second = FIELD.amplitudes
    profile = np.where(z < 0.0, first, -second) * np.exp(-kappa * np.abs(z))
    integral = np.trapezoid(profile * np.exp(-1j * change * z), z)
    found = FIELD.transform(harmonic, change)
    assert found == pytest.approx(complex(integral), rel=1e-4)
    assert FIELD.intensity(harmonic, change) == pytest.approx(abs(found) ** 2, rel=1e-12)
    fine = change + np.linspace(-0.5, 0.5, 20_001) * 1e9
    mean = FIELD.intensity(harmonic, fine).mean()
    assert FIELD.mean_intensity(harmonic, change, 1e9) == pytest.approx(mean, rel=1e-3)


def test_there_is_no_uniform_part_and_none_below_the_core():
    assert FIELD.intensity([0, 24, 25], 1e9).tolist()[::2] == [0.0, 0.0]
    assert FIELD.mean_intensity([0, 24, 25], 1e9, 1e8).tolist()[::2] == [0.0, 0.0]


# --- the isotropic continuum


def some_channels(frequency: float = 1.5e13, gruneisen: float = 1.0) -> Channels:
    return interface(gruneisen).channels(frequency, (0.21, 0.34))


def test_one_probability_by_hand():
    """From longitudinal sound in silicon to longitudinal sound in germanium, k = 1 along x."""
    w, model = 1.5e13, interface(0.9)
    channels = model.channels(w, (0.21, 0.34))
    bare, signed = model.golden_rule(w, channels)

    def find(steps, second):
        chosen = (channels.steps == steps).all(axis=1) & (channels.branches == 0)
        return int(np.flatnonzero(chosen & (channels.second == second))[0])

    a, b = find((0, 0), False), find((1, 0), True)
    unit = 2.0 * math.pi / 9.57600e-9
    q_1 = np.array([0.21 * unit, 0.34 * unit, 0.0])
    q_2 = np.array([1.21 * unit, 0.34 * unit, 0.0])
    q_1[2] = math.sqrt((w / 8952.0) ** 2 - q_1 @ q_1)
    q_2[2] = math.sqrt((w / 5266.0) ** 2 - q_2 @ q_2)
    overlap = q_1 @ q_2 / (w / 8952.0) / (w / 5266.0)
    change = q_2[2] - q_1[2]
    delta = 0.0146969 / (unit - 1j * change) - 0.0150291 / (unit + 1j * change)
    speeds = 8952.0**2 * q_1[2] / w, 5266.0**2 * q_2[2] / w
    expected = 0.9**2 * w**2 * overlap**2 * abs(delta) ** 2 / (speeds[0] * speeds[1])
    assert bare[a, b] == pytest.approx(expected, rel=1e-4)
    assert signed[a, b] ** 2 == pytest.approx(expected, rel=1e-2)  # but for B_1 - B_2


def test_the_golden_rule_is_symmetric_and_nothing_scatters_into_itself():
    for matrix in interface().golden_rule(1.5e13, some_channels()):
        assert abs(matrix - matrix.T).max() <= 1e-12 * abs(matrix).max()
        assert not matrix.diagonal().any()


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_are_symmetric_and_no_channel_gives_more_than_it_has(method):
    model = interface(1.5, method=method)
    found = model.probabilities(1.5e13, some_channels())
    assert found.min() >= 0.0
    assert abs(found - found.T).max() < 1e-12
    sums = found.sum(axis=1)
    assert sums.max() <= 1.0 + 1e-12
    if method == "heitler":
        np.testing.assert_allclose(sums, 1.0, rtol=1e-12)
    if method == "sinkhorn":
        np.testing.assert_allclose(sums, 1.0, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_as_much_passes_from_either_side(method):
    """M_1 <T>_1 = M_2 <T>_2: no flux at equal temperatures."""
    model = interface(1.5, method=method)
    channels = some_channels()
    found = model.probabilities(1.5e13, channels)
    first = np.where(channels.second, 0.0, 1.0)
    there, back = first @ (found @ (1.0 - first)), (1.0 - first) @ (found @ first)
    assert there == pytest.approx(back, rel=1e-10)
    theta = np.random.default_rng(2).normal(size=first.size)
    bounced = found + np.diag(1.0 - np.asarray(found.sum(axis=1)))
    assert np.sum(np.asarray(bounced @ theta) ** 2) <= np.sum(theta**2)  # entropy grows


def test_the_channels_are_those_of_debye():
    """M = sum over branches w^2 / (4 pi c^2)."""
    passing, first, second = interface().transmission(4e13, offsets=2)
    for found, solid in zip((first, second), solids(1.0), strict=True):
        expected = np.sum((4e13 / solid.speeds) ** 2) / (4.0 * math.pi)
        assert found == pytest.approx(expected, rel=0.02)
    assert 0.0 < passing < min(first, second)


def test_without_strain_nothing_passes_or_all_sound():
    """gamma -> 0, b -> 0 and D -> infinity: bounce; with amm+strain a welded interface."""
    weak = dataclasses.replace(FIELD, burgers=1e-4 * FIELD.burgers)
    wide = dataclasses.replace(FIELD, spacing=4.0 * FIELD.spacing)
    base = interface().transmission(1e13)
    assert interface(1e-4).transmission(1e13)[0] < 1e-6 * base[0]
    assert interface(field=weak).transmission(1e13)[0] < 1e-4 * base[0]
    far = interface(field=wide).transmission(1e13)
    assert far[0] / far[1] < 0.5 * base[0] / base[1]
    sound = interface(0.0, method="amm+strain")
    channels = some_channels()
    found = sound.probabilities(1.5e13, channels)
    slowness = np.linalg.norm(channels.parallel, axis=1) / 1.5e13
    powers = welded_powers(*solids(0.0), slowness)
    own = 3 * channels.second + channels.branches
    passing = powers[np.arange(own.size), own].reshape(-1, 2, 3).sum(axis=2)
    passing = passing[np.arange(own.size), 1 - channels.second.astype(int)]
    other = np.where(channels.second[:, None], ~channels.second, channels.second)
    np.testing.assert_allclose((found.toarray() * other).sum(axis=1), passing, atol=1e-12)


def test_the_golden_rule_goes_as_the_squares_of_gamma_and_of_the_burgers_vector():
    channels = some_channels()
    base = interface().golden_rule(1.5e13, channels)[0]
    doubled = interface(2.0).golden_rule(1.5e13, channels)[0]
    np.testing.assert_allclose(doubled.toarray(), 4.0 * base.toarray(), rtol=1e-12)
    # the core cuts off later: compare the harmonics that both have
    halved = interface(field=dataclasses.replace(FIELD, burgers=0.5 * FIELD.burgers))
    quarter = halved.golden_rule(1.5e13, channels)[0].toarray()
    chosen = base.toarray() > 0.0
    np.testing.assert_allclose(quarter[chosen], 0.25 * base.toarray()[chosen], rtol=1e-12)


def test_sound_at_a_welded_interface_is_symmetric_and_conserves_energy():
    slowness = np.linspace(0.0, 0.999 / 3198.0, 200)
    powers = welded_powers(*solids(1.0), slowness)
    np.testing.assert_allclose(powers, np.swapaxes(powers, 1, 2), atol=1e-12)
    speeds = np.concatenate([solid.speeds for solid in solids(1.0)])
    travels = slowness[:, None] < 1.0 / speeds
    np.testing.assert_allclose(powers.sum(axis=1), travels, atol=1e-11)
    assert not powers[:, 2, [0, 1, 3, 4]].any()  # SH stays by itself


def test_strain_resists_more_than_diffuse_mismatch_and_less_the_larger_gamma():
    """300 K: R_DMM = 2.6e-9; R_SMM = 2.1e-8 for gamma = 1, the published 5.77e-9 near gamma = 2."""
    diffuse = 1.0 / diffuse_conductance(*solids(1.0), 300.0)
    assert 2e-9 < diffuse < 5e-9
    found = [1.0 / interface(gamma).conductance(300.0) for gamma in (0.5, 1.0, 2.0)]
    assert found == pytest.approx([8.2e-8, 2.1e-8, 6.0e-9], rel=0.03)
    assert found[2] > diffuse
    assert found[2] == pytest.approx(PUBLISHED, rel=0.1)


def test_sound_and_strain_together_resist_less_than_strain_alone():
    sound, alone = (interface(method=m).conductance(300.0) for m in ("amm+strain", "cap"))
    assert sound > alone


# --- grids of modes


@functools.cache
def material(name: str) -> Material:
    return read_material(name, scattering="rta")


def mismatch(**options) -> StrainMismatch:
    return strain_mismatch(material("Si-5"), material("Ge-5"), **options)


OPTIONS = {
    "cap": {},
    "one gamma": {"gruneisen": 2.0},
    "sinkhorn": {"method": "sinkhorn"},
    "amm+strain": {"method": "amm+strain"},
    "diffuse bounce": {"bounce": "diffuse", "bins": 10},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_strain_mismatch_obeys_the_three_laws(options, normal):
    first, second = material("Si-5").modes, material("Ge-5").modes
    matrix = mismatch(**options).flux_matrix(first, second, normal)
    report = check_flux_matrix(matrix)
    assert report.is_sound, report
    theta = np.random.default_rng(3).normal(size=(matrix.num_modes, 5))
    assert np.all(entropy_production(matrix, theta, 300.0) > 0.0)


def test_on_the_finer_grid_too():
    pair = material("Si-9"), material("Ge-9")
    matrix = strain_mismatch(*pair).flux_matrix(pair[0].modes, pair[1].modes, Z)
    assert check_flux_matrix(matrix).is_sound


def test_strain_on_the_grid_resists_more_than_diffuse_mismatch():
    first, second = material("Si-5").modes, material("Ge-5").modes
    models = [DiffuseMismatch(), mismatch(), mismatch(gruneisen=1.0), mismatch(gruneisen=2.0)]
    diffuse, own, one, two = (
        each.landauer_resistance for each in conductances_of(models, first, second, Z)
    )
    assert own > one > two > diffuse
    weak, strong = conductances_of([mismatch(gruneisen=g) for g in (1e-3, 2e-3)], first, second, Z)
    assert strong.conductance > 1.5 * weak.conductance
    assert weak.conductance < 1e-3 / two


def test_without_strain_the_grid_has_sound():
    first, second = material("Si-5").modes, material("Ge-5").modes
    with_sound = mismatch(gruneisen=1e-6, method="amm+strain")
    found, expected = conductances_of([with_sound, AcousticMismatch()], first, second, OBLIQUE)
    assert found.conductance == pytest.approx(expected.conductance, rel=1e-3)


def sound_table(name: str, longitudinal: float, transverse: float) -> tuple:
    """Sound in a ball of wave vectors, 14 to the axis, none of them in the plane of the interface.

    Mode table and polarisations; the grid of a simple cubic crystal of 0.3 nm.
    """
    lattice, num = 3e-10, 14
    steps = np.arange(num) - 0.5 * (num - 1)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid[np.linalg.norm(grid, axis=1) < 0.5 * num]
    grid = grid[np.lexsort(grid.T[::-1])]
    half = grid[len(grid) // 2 :]  # one of each pair; the partners follow
    points = np.concatenate([np.repeat(half, 3, axis=0), -np.repeat(half, 3, axis=0)])
    bands = np.tile([0, 1, 2], 2 * len(half))
    speeds = np.array([transverse, transverse, longitudinal])[bands]
    lengths = np.linalg.norm(points, axis=1)
    units = points / lengths[:, None]
    waves = 2.0 * math.pi / (lattice * num) * points
    side = np.cross(units, np.array([0.1, 0.2, 0.97]))
    side /= np.linalg.norm(side, axis=1)[:, None]
    choices = np.stack([side, np.cross(units, side), units], axis=1)
    vectors = choices[np.arange(bands.size), bands]
    vectors[bands.size // 2 :] = vectors[: bands.size // 2]
    frequencies = speeds * np.linalg.norm(waves, axis=1)
    count = np.arange(bands.size)
    modes = ModeTable(
        name=name,
        temperature=300.0,
        frequencies=frequencies,
        velocities=speeds[:, None] * units,
        loss_rates=np.full(bands.size, 1e11),
        heat_capacities=mode_heat_capacity(frequencies, 300.0) / (num * lattice) ** 3,
        partners=canonical_partners(bands.size // 2, bands.size),
        grid_points=count // 3,
        bands=bands,
        wave_vectors=waves,
        crystal=Crystal(
            lattice=lattice * np.eye(3),
            symbols=("X",),
            positions=np.zeros((1, 3)),
            masses=np.array([1e-26]),
            mesh=(num, num, num),
            rotations=np.array([np.eye(3), -np.eye(3)]),
        ),
    )
    sets = 2 * (count // 3) + (bands == 2)
    return modes, Polarisation(vectors=vectors.astype(complex), degenerate_sets=sets)


def test_a_grid_of_sound_scatters_as_the_continuum():
    """The golden rule before it is limited, at one frequency: to 40 %, the grid being coarse."""
    field = MisfitArray(burgers=0.2e-9, spacing=2.24e-9, poisson=(0.22, 0.21))
    (first, first_vectors), (second, second_vectors) = (
        sound_table("first", 8952.0, 5346.0),
        sound_table("second", 5266.0, 3198.0),
    )
    grid = StrainMismatch(
        misfit=field, polarisations=(first_vectors, second_vectors), gruneisen=1.0
    )
    pairs = grid.strain_pairs(first, second, Z)
    surface = pair_modes(first, second, Z)
    passing = pairs @ np.where(surface.second, 1.0, 0.0)
    chosen = surface.outgoing & ~surface.second
    chosen &= np.abs(surface.frequencies - 2.1e13) < 5e12
    found = passing[chosen].sum() / surface.flux[chosen].sum()
    mean = np.average(surface.frequencies[chosen], weights=surface.flux[chosen])
    model, total, count = interface(field=field), 0.0, 0
    places = (np.arange(4) + 0.5) / 8.0
    for offset in [(x, y) for x in places for y in places]:
        channels = model.channels(mean, offset)
        bare = model.golden_rule(mean, channels)[0]
        total += bare[~channels.second][:, channels.second].sum()
        count += int((~channels.second).sum())
    assert found == pytest.approx(total / count, rel=0.4)


def test_lines_run_along_110():
    np.testing.assert_allclose(np.abs(line_axes(Z)[0]), [math.sqrt(0.5), math.sqrt(0.5), 0.0])
    for normal in (Z, OBLIQUE, np.ones(3) / math.sqrt(3.0)):
        axes = line_axes(normal)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1.0)
        np.testing.assert_allclose(axes[2], normal)


def test_the_lattice_parameter_of_a_cubic_crystal_is_found():
    silicon = material("Si-5").modes.crystal
    assert cubic_lattice_parameter(silicon, "Si") == pytest.approx(5.4336e-10, rel=1e-4)
    bent = dataclasses.replace(silicon, lattice=silicon.lattice * np.array([1.0, 1.0, 1.1]))
    with pytest.raises(InputError, match="face-centred cubic"):
        cubic_lattice_parameter(bent, "bent")


# --- refusals


def test_a_material_without_eigenvectors_is_refused():
    bare = dataclasses.replace(material("Ge-5"), polarisation=None)
    with pytest.raises(InputError, match="Ge: the strain mismatch model needs the polarisation"):
        strain_mismatch(material("Si-5"), bare)


def test_a_model_crystal_is_refused_for_want_of_eigenvectors_first():
    gray = gray_crystal(speed=5000.0, relaxation_time=1e-11, heat_capacity=1e6)
    with pytest.raises(InputError, match="gray: the strain mismatch model needs the polarisation"):
        strain_mismatch(material("Si-5"), gray)


def test_a_material_without_grueneisen_parameters_needs_one_for_all():
    polarisation = dataclasses.replace(material("Ge-5").polarisation, gruneisen=None)
    bare = dataclasses.replace(material("Ge-5"), polarisation=polarisation)
    with pytest.raises(InputError, match="needs Grueneisen parameters"):
        strain_mismatch(material("Si-5"), bare)
    given = strain_mismatch(material("Si-5"), bare, gruneisen=1.0)
    assert given.gruneisen == 1.0


def test_a_model_crystal_is_refused():
    model = isotropic_crystal(
        name="model",
        temperature=300.0,
        speeds=[5000.0],
        relaxation_times=[1e-11],
        heat_capacities=[1e6],
    ).modes
    with pytest.raises(InputError, match="model: a model crystal has no wave vectors"):
        mismatch().flux_matrix(material("Si-5").modes, model, Z)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "heitler"}, "needs the phases of waves"),
        ({"method": "golden"}, "method = 'golden'"),
        ({"gruneisen": -1.0}, "gruneisen = -1"),
        ({"step": 0.0}, "step = 0"),
        ({"lattice_parameters": (5.4e-10, 5.4e-10)}, "no misfit, no dislocations"),
        ({"lattice_parameters": (5.4e-10, -1.0)}, "expected lengths"),
        ({"poisson": (0.2, 0.5)}, "Poisson's ratio = 0.5"),
        ({"bounce": "black"}, "bounce = 'black'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        mismatch(**options)


def test_values_of_the_continuum_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="method = 'other'"):
        interface(method="other")
    with pytest.raises(InputError, match="longitudinal = -1"):
        dataclasses.replace(solids(1.0)[0], longitudinal=-1.0)
    with pytest.raises(InputError, match="would overlap"):
        MisfitArray(burgers=1e-9, spacing=1e-10, poisson=(0.2, 0.2))
    with pytest.raises(InputError, match=r"2/sqrt\(3\)"):
        isotropic_solid(2000.0, 3000.0, 3000.0)
