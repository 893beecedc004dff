"""A case with electrons: conservation, theory, files, ranks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

import pbte as package
from pbte.case.case import parse_case
from pbte.core.errors import InputError
from pbte.reference.kapitza.two_temperature import Metal, film_differences
from pbte.run import run_case

FILM = """
temperature = 300.0
[materials.metal]
kind = "gray"
speed = 2000.0
relaxation_time = 8e-13
heat_capacity = 2.5e6
directions = { family = "line", polar = 12 }
[materials.substrate]
kind = "gray"
speed = 5000.0
relaxation_time = 4e-12
heat_capacity = 1.6e6
directions = { family = "line", polar = 12 }
[interfaces."metal|substrate"]
kind = "dmm"
[mesh]
file = "layers.msh"
[mesh.builder]
shape = "layers"
regions = ["metal", "substrate"]
thicknesses = [40e-9, 100e-9]
size = 10e-9
size_at_interface = 4e-9
[walls.left]
kind = "specular"
[walls.right]
kind = "isothermal"
temperature = 300.0
[electrons]
material = "metal"
conductivity = 300.0
coupling = 2e16
heat_capacity = 2e4
[electrons.absorbed]
wall = "left"
flux = 1e10
profile = { kind = "window", end = 1e-12 }
[steady]
tolerance = 1e-9
[output]
plots = false
"""
PULSE = "[transient]\nend = 4e-12\nstep = 2.5e-13\nnum_times = 2\n"


@pytest.fixture(scope="module")
def results(folder):
    case = parse_case(FILM + PULSE, folder=folder)
    package.run(case, MPI.COMM_WORLD, folder=folder / "run")
    return package.load(folder / "run")


def test_all_heat_passes_from_the_electrons_to_the_wall(results):
    """To the tolerance of the solver, 1e-9."""
    assert results.converged
    assert results.power == pytest.approx(1e10, rel=1e-12)
    assert results.electrons.steady.exchanged == pytest.approx(1e10, rel=1e-8)
    assert results.steady.balance.absorbed["right"] == pytest.approx(1e10, rel=1e-7)
    (interface,) = results.interfaces
    assert interface.heat_flux == pytest.approx(1e10, rel=1e-7)


def test_electrons_are_as_much_hotter_at_the_interface_as_theory_says(results):
    """Majumdar & Reddy (2004); phonons fly 1.6 nm in 7 nm of coupling length: to 5 %."""
    apart = results.electrons.steady.temperature - results.steady.temperature
    x = np.where(np.isnan(apart), -1.0, results.geometry.points[..., 0])
    loss_rate = 1.0 / 8e-13 + 2e16 / 2.5e6
    metal = Metal(
        electron_conductivity=300.0,
        phonon_conductivity=2.5e6 * 2000.0**2 / (3.0 * loss_rate),
        coupling=2e16,
    )
    expected = 1e10 * float(film_differences(metal, 40e-9)[0])
    assert apart.flat[x.argmax()] == pytest.approx(expected, rel=0.05)


def test_the_temperature_of_electrons_is_that_of_the_metal_alone(results):
    region = results.geometry.cell_regions == results.geometry.regions["metal"]
    field = results.electrons.steady.temperature
    np.testing.assert_array_equal(np.isnan(field).any(axis=1), ~region)
    mean = np.average(field[region].mean(axis=1), weights=results.geometry.volumes[region])
    assert results.electrons.steady.mean_temperature == pytest.approx(mean, rel=1e-12)
    assert results.electrons.extreme_temperature == pytest.approx(np.nanmax(field), rel=1e-12)


def test_a_pulse_is_kept_in_time(results):
    """What the pulse brings, 10 mJ/m^2 within steps, is stored or has left, to 1e-8."""
    transient, states = results.transient, results.electrons.states
    assert len(states) == len(transient.times) == 3
    assert transient.sizes @ transient.deposited == pytest.approx(1e-2, rel=1e-9)
    assert np.abs(transient.imbalances).max() < 1e-8
    assert states[0].mean_temperature == 0.0
    assert states[1].mean_temperature > states[1].phonon_temperature
    assert states[2].mean_temperature < states[1].mean_temperature


@pytest.mark.serial
def test_adaptive_steps_come_to_the_same(results, folder, comm):
    """Errors of 1e-3 per step: to 1 %."""
    text = FILM + PULSE.replace("step = 2.5e-13", "tolerance = 1e-3")
    adapted = run_case(parse_case(text, folder=folder), comm)
    ours, theirs = (each.electrons.states[-1] for each in (adapted, results))
    assert ours.mean_temperature == pytest.approx(theirs.mean_temperature, rel=0.01)
    assert ours.phonon_temperature == pytest.approx(theirs.phonon_temperature, rel=0.01)


def test_ranks_share_the_work_and_get_the_same(results, folder):
    alone = run_case(parse_case(FILM + PULSE, folder=folder), MPI.COMM_SELF)
    for ours, theirs in zip(results.electrons.states, alone.electrons.states, strict=True):
        np.testing.assert_allclose(ours.temperature, theirs.temperature, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(results.temperature, alone.temperature, rtol=1e-7)


def test_the_summary_tells_of_the_electrons(pbte, results, folder):
    told = " ".join(pbte("show", folder / "run").out.split())
    assert "Electrons of metal: dT reaches" in told
    assert "In time the mean dT of the electrons reaches" in told


def without(text, *lines):
    for line in lines:
        assert text.count(line) == 1, line
        text = text.replace(line, "")
    return text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (without(FILM, 'material = "metal"\n'), "None: must be one of the materials 'metal'"),
        (FILM.replace('"metal"\ncond', '"gold"\ncond'), "'gold': must be one of the materials"),
        (FILM.replace('wall = "left"', 'wall = "top"'), "'top': must be one of the walls 'left'"),
        (FILM.replace("flux = 1e10", "flux = -1.0"), "flux = -1.0: must be greater than 0"),
        (FILM.replace("coupling = 2e16", "coupling = 0.0"), "coupling = 0.0: must be greater"),
        ('model = "fourier"\n' + FILM, "do not go together"),
        (
            FILM.replace("temperature = 300.0\n[elec", "temperature = 301.0\n[elec")
            + "[harmonic]\nfrequencies = [1e9]\n",
            "do not go together",
        ),
        (FILM + "[parallel]\nspace_parts = 2\n", "electrons need the whole mesh"),
        (without(FILM, "heat_capacity = 2e4\n") + PULSE, "heat_capacity: missing"),
        (
            FILM + PULSE + '[transient.initial]\nkind = "steady"\n',
            "with electrons a transient starts from T0 = 300 K",
        ),
    ],
    ids=lambda value: value if len(value) < 60 else "",
)
def test_what_does_not_fit_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_case(text)


def test_light_on_another_material_is_refused(folder, comm):
    text = FILM.replace('wall = "left"', 'wall = "right"')
    with pytest.raises(InputError, match="'right': not a wall of the metal metal"):
        run_case(parse_case(text, folder=folder), comm)
