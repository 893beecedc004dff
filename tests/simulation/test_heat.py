"""Cases by the heat equation: closed forms, and the limits of phonon transport."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.case.case import parse_case
from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.observables.heat_equation import suppression_of_peak
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.output.summary.data import as_data
from pbte.output.summary.overview import summary
from pbte.run import run_case

SPEED, HEAT, PATH = 6000.0, 1.6e6, 50e-9
BULK = HEAT * SPEED * PATH / 3.0
GRAY = f"""\
temperature = 300.0
[material]
kind = "gray"
speed = {SPEED}
relaxation_time = {PATH / SPEED}
heat_capacity = {HEAT}
directions = {{ family = "half-range", polar = 16, azimuthal = 4 }}
"""
LENGTH = 2e-7
FILM = (
    GRAY
    + f"""\
[mesh]
file = "film.msh"
builder = {{ shape = "layers", regions = ["a", "b"], thicknesses = [{LENGTH / 2}, {LENGTH / 2}], \
size = {LENGTH / 40} }}
[walls.left]
kind = "isothermal"
temperature = {{hot}}
[walls.right]
kind = "isothermal"
temperature = 300.0
[output]
frequency_bins = 4
"""
)


def run(folder, text, model="fourier"):
    return run_case(parse_case(f'model = "{model}"\n{text}', folder=folder), MPI.COMM_WORLD)


def film(hot=300.0, more=""):
    return FILM.replace("{hot}", str(hot)) + more


def test_a_uniformly_heated_film_is_a_parabola(folder):
    """dT = Q x (L - x) / 2k; at the vertices linear elements are off by the order of h^2."""
    heat = '[source]\nkind = "uniform"\ndensity = 1e15\n'
    results = run(folder, film(more=heat))
    state, x = results.fourier, results.geometry.points[:, :, 0]
    exact = 1e15 * x * (LENGTH - x) / (2.0 * BULK)
    np.testing.assert_allclose(state.temperature, exact, rtol=0.0, atol=2e-3 * exact.max())
    np.testing.assert_allclose(
        state.heat_flux[:, :, 0], 1e15 * (x - LENGTH / 2), rtol=0.0, atol=1e-6 * 1e15 * LENGTH
    )
    assert abs(state.balance.imbalance) < 1e-10
    assert state.balance.deposited == pytest.approx(1e15 * LENGTH, rel=1e-12)
    assert (results.model, results.orders, results.steady) == ("fourier", (), None)
    assert results.fourier.conductivities["gray"] == pytest.approx(BULK * np.eye(3), rel=1e-9)


def test_half_a_film_is_heated(folder):
    """dT is linear in the cold half: T(x) = Q L^2/8k (1 - x/L) there."""
    heat = '[source]\nkind = "uniform"\ndensity = 1e15\nregions = ["a"]\n'
    results = run(folder, film(more=heat))
    x = results.geometry.points[:, :, 0]
    cold = x.mean(axis=1) > LENGTH / 2
    exact = 1e15 * LENGTH**2 / (8.0 * BULK) * (1.0 - x / LENGTH)
    found = results.fourier.temperature
    np.testing.assert_allclose(found[cold], exact[cold], rtol=0.0, atol=1e-3 * exact.max())


@pytest.mark.parametrize("jump", ["none", "marshak"])
def test_a_driven_film_has_its_resistances_in_series(folder, jump):
    """q = dT / (L/k + 2/h), where it may jump with h = 2G = Cv/2: two thirds of a path."""
    results = run(folder, film(301.0, f'[fourier]\njump = "{jump}"\n'))
    state = results.fourier
    slip = 2.0 * PATH / 3.0 if jump == "marshak" else 0.0
    flux = BULK / (LENGTH + 2.0 * slip)
    np.testing.assert_allclose(state.heat_flux[:, :, 0], flux, rtol=1e-6)
    assert state.effective == pytest.approx(flux * LENGTH, rel=1e-6)
    drop = flux * slip / BULK
    assert state.wall_temperatures == pytest.approx({"left": 1.0 - drop, "right": drop}, abs=1e-6)
    assert state.balance.absorbed == pytest.approx({"left": -flux, "right": flux}, rel=1e-6)


PERIODIC = (
    GRAY
    + """\
[mesh]
file = "cell.msh"
builder = { shape = "porous_cell", lengths = [1e-7, 1e-7], diameter = 4e-8, size = 8e-9 }
[walls.x_min]
kind = "periodic"
partner = "x_max"
temperature_drop = 1.0
[walls.y_min]
kind = "periodic"
partner = "y_max"
[walls.pore]
kind = "diffuse"
[steady]
enabled = false
"""
)


def test_a_porous_cell_conducts_as_maxwell_says(folder):
    """Cylinders of share f: k/k_bulk = 1 - 2f/(1 + f - 0.3058 f^4) in a square lattice (Rayleigh,
    Phil. Mag. 34, 481 (1892)). The pore of the mesh is a polygon."""
    results = run(folder, PERIODIC)
    share = 1.0 - results.geometry.volumes.sum() / 1e-14
    rayleigh = 1.0 - 2.0 * share / (1.0 + share - 0.305827 * share**4)
    assert results.fourier.effective == pytest.approx(BULK * rayleigh, rel=5e-3)
    assert abs(results.fourier.balance.absorbed["pore"]) < 1e-6 * BULK
    assert results.notes == ()


def gray(name, speed, time, heat):
    return f"""\
[materials.{name}]
kind = "gray"
name = "{name}"
speed = {speed}
relaxation_time = {time}
heat_capacity = {heat}
directions = {{ family = "half-range", polar = 16, azimuthal = 4 }}
"""


TWO = film(301.0).replace(GRAY, "temperature = 300.0\n")
STACK = TWO + gray("a", 6000.0, 1e-11, 1.6e6) + gray("b", 2000.0, 4e-11, 2e6)


@pytest.mark.parametrize("definition", ["local", "landauer"])
def test_layers_and_their_interface_are_in_series(folder, definition):
    """q = dT / (L/2 k1 + L/2 k2 + R): R = 1/h between the streams, less 1/2G1 + 1/2G2 between
    the bodies, with G = Cv/4 and, for diffuse mismatch of one bin, h = G1 G2 / (G1 + G2)."""
    model = '[interfaces."a|b"]\nkind = "dmm"\nelastic = false\n'
    state = run(folder, f'{STACK}{model}[fourier]\ninterfaces = "{definition}"\n').fourier
    sent = np.array([1.6e6 * 6000.0, 2e6 * 2000.0]) / 4.0
    resistance = (1.0 / sent).sum() - (0.5 * (1.0 / sent).sum() if definition == "local" else 0.0)
    bulk = np.array([1.6e6 * 6000.0**2 * 1e-11, 2e6 * 2000.0**2 * 4e-11]) / 3.0
    flux = 1.0 / ((0.5 * LENGTH / bulk).sum() + resistance)
    np.testing.assert_allclose(state.heat_flux[:, :, 0], flux, rtol=1e-6)
    assert state.effective == pytest.approx(flux * LENGTH, rel=1e-6)
    assert list(state.conductivities) == ["a", "b"]
    np.testing.assert_allclose([k[0, 0] for k in state.conductivities.values()], bulk, rtol=1e-9)


def test_a_plane_through_one_crystal_is_no_interface(folder):
    """The local resistance of a perfect interface is zero, its Landauer resistance is not."""
    model = '[interfaces."a-b"]\nkind = "perfect"\n'
    plain, cut = (run(folder, film(301.0, more)).fourier for more in ("", model))
    streams = run(folder, film(301.0, model + '[fourier]\ninterfaces = "landauer"\n')).fourier
    np.testing.assert_allclose(cut.temperature, plain.temperature, rtol=0.0, atol=1e-9)
    assert streams.effective == pytest.approx(
        LENGTH / (LENGTH / BULK + 4.0 / (HEAT * SPEED)), rel=1e-6
    )


def test_phonons_of_a_thick_film_obey_the_heat_equation(folder):
    """200 mean free paths: both conduct the same once the temperature may jump at the walls.

    The jump is 2/3 of a path at either wall, in truth 0.7104: they differ by 2 x 0.044 / 200.
    """
    thick = film(301.0, '[fourier]\njump = "marshak"\n[orders]\nmax_order = 1\n')
    thick = thick.replace(f"relaxation_time = {PATH / SPEED}", f"relaxation_time = {1e-9 / SPEED}")
    results = run(folder, thick, "transport")
    assert results.steady_report.converged
    ratio = results.conductivity.value / results.fourier.effective
    assert ratio == pytest.approx(1.0 - 2.0 * (0.710446 - 2.0 / 3.0) / 200.0, abs=2e-4)
    largest = np.abs(results.steady.temperature - results.fourier.temperature).max()
    assert largest < 2e-3
    assert as_data(results)["transport_over_effective"] == pytest.approx(ratio)


def test_phonons_of_a_thin_film_are_hotter(folder):
    """Four mean free paths, heated: the summary tells how much less the body conducts."""
    heat = '[source]\nkind = "uniform"\ndensity = 1e15\n[orders]\nmax_order = 1\n'
    results = run(folder, film(more=heat), "transport")
    ratio = suppression_of_peak(results.steady.temperature, results.fourier.temperature)
    assert 0.2 < ratio < 0.8
    assert as_data(results)["peak_over_transport"] == ratio
    assert f"Its peak temperature is {ratio:.4g} of that of the phonons" in text_of(results)


def text_of(results):
    from rich.console import Console

    console = Console(width=400)
    with console.capture() as caught:
        console.print(summary(results))
    return caught.get()


def test_the_comparison_can_be_left_out(folder):
    results = run(folder, film(301.0, "[fourier]\ncompare = false\n"), "transport")
    assert results.fourier is None and as_data(results)["fourier"] is None


def test_heat_that_cannot_leave_is_told(folder):
    """By the heat equation alone it is an error; beside phonon transport, a note."""
    heat = '[source]\nkind = "uniform"\npower = 1.0\n[steady]\nenabled = false\n'
    closed = film(more=heat).replace(
        '"isothermal"\ntemperature = 300.0\n', '"diffuse"\nelastic = false\n'
    )
    with pytest.raises(InputError, match="no wall absorbs them"):
        run(folder, closed)
    results = run(folder, closed + "[orders]\nmax_order = 1\n", "transport")
    assert results.fourier is None
    assert any("not solved for comparison: heat equation: 1 W" in note for note in results.notes)


def test_a_run_by_the_heat_equation_is_written_and_read_back(folder):
    comm = MPI.COMM_WORLD
    results = run(folder, film(301.0, '[fourier]\njump = "marshak"\n'))
    with on_all_ranks(comm):
        if comm.rank == 0:
            written = write_results(results, folder / "results")
            names = [str(path.relative_to(folder / "results")) for path in written]
            assert names == ["results.h5", "paraview/fourier.pvd", "plots/temperature.png"]
    read = read_results(folder / "results")
    assert (read.model, read.fourier.jump) == ("fourier", "marshak")
    np.testing.assert_array_equal(read.fourier.temperature, results.fourier.temperature)
    assert as_data(read)["fourier"] == as_data(results)["fourier"]
    told = text_of(read)
    assert "Heat equation (gray 160 W/m K, temperature jumps at the walls)" in told
    assert "Model" in told and "Self-scattering" not in told


def test_one_rank_and_all_ranks_agree(folder, monkeypatch):
    monkeypatch.setattr(
        "pbte.simulation.heat_problem.SMALL", 0
    )  # so few cells are not shared otherwise
    text = film(301.0, '[source]\nkind = "expression"\ndensity = "1e15*(x > 1e-7)"\n')
    case = parse_case(f'model = "fourier"\n{text}', folder=folder)
    alone, together = (run_case(case, comm).fourier for comm in (MPI.COMM_SELF, MPI.COMM_WORLD))
    np.testing.assert_allclose(together.temperature, alone.temperature, rtol=0.0, atol=1e-10)
    np.testing.assert_allclose(
        together.heat_flux, alone.heat_flux, rtol=0.0, atol=1e-8 * np.abs(alone.heat_flux).max()
    )
