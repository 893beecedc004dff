"""A run from the case to the results: silicon spheres and films on coarse meshes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from mpi4py import MPI

from pbte.case.case import Case, parse_case, read_case
from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.materials.storage import read_material
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.run import run_case
from pbte.simulation.problem import build_problem
from pbte.simulation.sources import heated_modes
from pbte.transport.steady.eigenvalues import LEAST_EIGENVALUE

SPHERE = """\
title = "coarse sphere"
temperature = 300.0
[material]
file = "Si-5"
[mesh]
file = "sphere-{diameter:g}.msh"
builder = {{ shape = "nanoparticle", diameter = {diameter:g}, size = {size:g} }}
[source]
sigma = {sigma:g}
power = 1e-6
[walls.surface]
kind = "isothermal"
temperature = 300.0
[orders]
max_order = {max_order}
[steady]
tolerance = 1e-9
rank = 40
[output]
frequency_bins = 10
"""


def sphere(diameter, max_order=11):
    return SPHERE.format(
        diameter=diameter, size=0.3 * diameter, sigma=0.1 * diameter, max_order=max_order
    )


@pytest.fixture(scope="module")
def large(folder):
    """Return the results of a sphere of 200 nm, run from a TOML file, and what it logged."""
    comm, lines, logger = MPI.COMM_WORLD, [], logging.getLogger("pbte")
    with on_all_ranks(comm):
        if comm.rank == 0:
            (folder / "large.toml").write_text(sphere(200e-9))
    case = read_case(folder / "large.toml")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        return run_case(case, comm), lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def small(folder):
    """Return the results of a sphere of 30 nm, run from a case built in Python."""
    case = Case(
        title="small",
        temperature=300.0,
        material={"file": "Si-5"},
        mesh={
            "file": str(folder / "small.msh"),
            "builder": {"shape": "nanoparticle", "diameter": 30e-9, "size": 9e-9},
        },
        source={"sigma": 3e-9, "power": 1e-6},
        walls={"surface": {"kind": "isothermal", "temperature": 300.0}},
        orders={"max_order": 30},
        steady={"rank": 40},
    )
    return run_case(case, MPI.COMM_WORLD)


def varied(folder, *changes, diameter=200e-9, max_order=11):
    """Return the case of a sphere with some texts replaced; each must be there once."""
    text = sphere(diameter, max_order)
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return parse_case(text, folder=folder)


def test_a_large_sphere_is_given_the_least_self_scattering_that_lets_orders_fade(large):
    """200 nm: -1.11 without (the paper's own series diverges), -0.93 with a tenth."""
    results, lines = large
    plain, split = results.eigenvalues
    assert (plain.self_scattering, split.self_scattering) == (0.0, 0.1)
    assert results.self_scattering == 0.1
    assert -1.13 < plain.most_negative < -1.09
    assert LEAST_EIGENVALUE < split.most_negative < -0.9
    assert 0.95 < split.dominant < 1.0
    assert any("the orders diverge" in line for line in lines)


def test_a_large_sphere_says_that_the_plain_series_diverges(large):
    notes = "\n".join(large[0].notes)
    assert "With self-scattering 0 the scattering orders do not converge" in notes
    assert "-1.11" in notes and "the series diverges" in notes
    assert "The orders shown use self-scattering s = 0.1" in notes
    assert "The sum of orders 0 to 11 differs" in notes
    assert "NOT converge" not in notes and "The orders shown do not converge" not in notes


def test_a_small_sphere_needs_no_self_scattering(small):
    """30 nm: about -0.9, most phonons leave before they are scattered."""
    (estimate,) = small.eigenvalues
    assert small.self_scattering == estimate.self_scattering == 0.0
    assert -0.95 < estimate.most_negative < -0.8
    assert not any("self-scattering" in note for note in small.notes)


def test_the_heat_that_leaves_is_the_heat_put_in(large, small):
    for results in (large[0], small):
        assert results.power == pytest.approx(1e-6, rel=1e-12)
        assert results.steady_report is not None and results.steady_report.converged
        balance = results.steady.balance
        assert balance.deposited == pytest.approx(1e-6, rel=1e-12)
        # The residual of the steady equation, 1e-8 of the source, is what may be missing.
        assert balance.absorbed["surface"] == pytest.approx(1e-6, rel=1e-7)
        assert balance.scattered_power == 0.0
        assert abs(balance.imbalance) < 1e-7
        for order in results.orders:
            assert abs(order.balance.imbalance) < 1e-12
        out = sum(order.balance.absorbed["surface"] for order in results.orders)
        left = results.orders[-1].balance.scattered_power
        assert out + left == pytest.approx(1e-6, rel=1e-12)


def test_arrivals_are_counted_alike_in_map_spectrum_and_balance(large):
    """The walls are at T0 and send in nothing: what arrives is what they absorb."""
    results = large[0]
    for snapshot in (*results.orders, results.steady):
        arrived = snapshot.balance.absorbed["surface"]
        scale = 1e-12 * np.abs(snapshot.outgoing_current) @ results.geometry.facet_areas
        assert abs(snapshot.outgoing_current @ results.geometry.facet_areas - arrived) < scale
        assert abs(snapshot.outgoing_spectrum["surface"].sum() - arrived) < scale


def test_the_orders_approach_the_steady_state(small):
    """An eigenvalue of -0.87 leaves a quarter in ten orders; no faster part is left by then."""
    steady = small.steady.temperature
    sums = np.cumsum([order.temperature for order in small.orders], axis=0)
    distance = np.abs(sums - steady).max(axis=(1, 2)) / np.abs(steady).max()
    assert distance[0] > 0.1
    assert distance[30] < 0.05
    assert distance[30] < 0.3 * distance[20] < 0.09 * distance[10]


def test_results_hold_the_whole_story(large, folder):
    results, _ = large
    num_dofs = results.geometry.points[..., 0].size
    assert len(results.orders) == 12
    assert results.num_modes == 747
    assert results.num_unknowns == 747 * num_dofs
    assert results.reference_temperature == 300.0
    assert results.title == "coarse sphere"
    assert parse_case(results.case, folder=folder) == read_case(folder / "large.toml")
    assert {"pbte", "numpy"} <= set(results.versions)
    assert set(results.timings) == {"setup", "orders", "steady", "fourier"}
    assert len(results.frequency_edges) == 11
    assert results.geometry.walls == {"surface": results.geometry.facet_walls[0]}
    np.testing.assert_allclose(np.linalg.norm(results.geometry.facet_normals, axis=1), 1.0)


def test_every_rank_returns_the_same_results(large):
    results, _ = large
    comm = MPI.COMM_WORLD
    for snapshot in (*results.orders, results.steady):
        np.testing.assert_array_equal(snapshot.temperature, comm.bcast(snapshot.temperature))
        np.testing.assert_array_equal(
            snapshot.outgoing_current, comm.bcast(snapshot.outgoing_current)
        )
    assert comm.bcast(results.notes) == results.notes


def test_results_are_read_back_as_they_were_written(large, folder):
    results, _ = large
    comm, place = MPI.COMM_WORLD, folder / "results"
    with on_all_ranks(comm):
        if comm.rank == 0:
            write_results(results, place, plots=False, paraview=False)
    again = read_results(place / "results.h5")
    assert again.notes == results.notes
    assert again.case == results.case
    assert again.eigenvalues == results.eigenvalues
    for old, new in zip(
        (*results.orders, results.steady), (*again.orders, again.steady), strict=True
    ):
        np.testing.assert_array_equal(old.temperature, new.temperature)
        np.testing.assert_array_equal(old.heat_flux, new.heat_flux)
        np.testing.assert_array_equal(old.outgoing_current, new.outgoing_current)
        np.testing.assert_array_equal(
            old.outgoing_spectrum["surface"], new.outgoing_spectrum["surface"]
        )
        assert old.balance == new.balance
    np.testing.assert_array_equal(again.steady_report.residuals, results.steady_report.residuals)


def test_without_self_scattering_the_divergence_is_said(folder):
    """The user insists on the plain series; the steady state is still right."""
    case = varied(folder, ("max_order = 11", "max_order = 11\nself_scattering = 0.0"))
    results = run_case(case, MPI.COMM_WORLD)
    assert results.self_scattering == 0.0
    assert any("The orders shown do not converge" in n and "diverges" in n for n in results.notes)
    assert results.steady.balance.absorbed["surface"] == pytest.approx(1e-6, rel=1e-7)


def test_a_steady_state_that_was_not_reached_is_said(folder):
    case = varied(folder, ("rank = 40", "rank = 40\nmax_iterations = 1"))
    results = run_case(case, MPI.COMM_WORLD)
    assert not results.steady_report.converged
    assert any("did NOT converge" in note for note in results.notes)
    assert not any("The sum of orders" in note for note in results.notes)


def test_the_steady_state_may_be_left_out_and_few_orders_asked_for(folder):
    case = varied(folder, ("rank = 40", "enabled = false"), max_order=1)
    results = run_case(case, MPI.COMM_WORLD)
    assert results.steady is None and results.steady_report is None
    assert len(results.orders) == 2
    assert results.self_scattering == 0.1  # still judged from as many orders as it takes
    assert "steady" not in results.timings


def test_a_body_at_rest_stays_at_rest(folder):
    """No source and walls at T0: zeros, and no complaint about orders that do not converge."""
    text = sphere(200e-9, 3)
    start, end = text.index("[source]"), text.index("[walls.surface]")
    results = run_case(parse_case(text[:start] + text[end:], folder=folder), MPI.COMM_WORLD)
    assert results.power == 0.0
    assert np.abs(results.steady.temperature).max() == 0.0
    assert np.abs(results.orders[3].temperature).max() == 0.0
    assert not any("do not converge" in note for note in results.notes)


@pytest.mark.parametrize("scattering", ['"rta"', "30"])
def test_other_kernels_run_through_the_same_path(folder, scattering):
    case = varied(folder, ('file = "Si-5"', f'file = "Si-5"\nscattering = {scattering}'))
    results = run_case(case, MPI.COMM_WORLD)
    if scattering == '"rta"':  # relaxation times: the orders fade one and all
        assert results.self_scattering == 0.0
        assert results.eigenvalues[0].dominant > 0.9
    assert results.steady.balance.absorbed["surface"] == pytest.approx(1e-6, rel=1e-7)


def test_a_film_between_two_walls_conducts_what_it_takes_up(folder):
    """Silicon, 50 nm, one dimension: what leaves on the left enters on the right; odd about T0."""
    text = """\
temperature = 300.0
material = { file = "Si-5" }
mesh.file = "film.msh"
mesh.builder = { shape = "film", thickness = 50e-9, size = 5e-9 }
walls.left = { kind = "isothermal", temperature = 301.0 }
walls.right = { kind = "isothermal", temperature = 299.0 }
orders.max_order = 2
steady = { rank = 40, tolerance = 1e-10 }
"""
    results = run_case(parse_case(text, folder=folder), MPI.COMM_WORLD)
    absorbed = results.steady.balance.absorbed
    assert absorbed["right"] > 0.0
    assert absorbed["right"] == pytest.approx(-absorbed["left"], rel=1e-8)
    temperature = np.sort(results.steady.temperature.ravel())
    np.testing.assert_allclose(temperature, -temperature[::-1], atol=1e-7)
    assert 0.0 < results.steady.temperature.max() < 1.0
    # Between the ballistic limit and the bulk: less than C v/4 allows, and less than k dT/d.
    bulk = read_material("Si-5").stored_conductivity[0, 0]
    assert 0.0 < absorbed["right"] < bulk * 2.0 / 50e-9


def test_only_the_branches_that_are_named_take_up_the_heat(folder):
    """Heated optical phonons hardly move: little heat leaves before the first collision."""
    heat_all = varied(folder, max_order=0)
    optical = varied(
        folder, ("power = 1e-6", "power = 1e-6\nmodes = { branches = [3, 4, 5] }"), max_order=0
    )
    first = [run_case(case, MPI.COMM_WORLD).orders[0].balance for case in (heat_all, optical)]
    assert first[1].deposited == pytest.approx(1e-6, rel=1e-12)
    assert first[1].absorbed["surface"] < 0.5 * first[0].absorbed["surface"]


def test_a_peak_heat_density_gives_the_power_of_its_gaussian(folder):
    """A Gaussian that fits into the sphere: Q0 (2 pi)^(3/2) sigma^3, up to its tails."""
    case = varied(folder, ("power = 1e-6", "peak = 1e18"), max_order=0)
    problem = build_problem(case, MPI.COMM_WORLD)
    power = problem.body.heat_source @ problem.body.mesh.dof_weights
    # The cells are three times as large as the width: the quadrature is good to a few per cent.
    assert power == pytest.approx(1e18 * (2 * np.pi) ** 1.5 * (20e-9) ** 3, rel=0.1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("power = 1e-6", "power = 1e-6\nmodes = { branches = [9] }", "no mode of Si is"),
        ("power = 1e-6", "power = 1e-6\nmodes = { min_frequency = 5e13 }", "source.modes"),
        ("power = 1e-6", "power = 1e-6\ncentre = [1e-6, 0.0, 0.0]", "lies outside of the body"),
        ("[walls.surface]", "[walls.surfaces]", "did you mean 'surface'"),
        ("\ntemperature = 300.0\n[material]", "\ntemperature = 310.0\n[material]", "310"),
        ('file = "Si-5"', 'file = "Si-6"', "unknown material 'Si-6'"),
        ('file = "Si-5"', 'file = "nowhere/si.h5"', "no such material file"),
        ("size = 6e-08", "size = 6e-06", "size"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(folder, old, new, message):
    with pytest.raises(InputError, match=message) as caught:
        run_case(varied(folder, (old, new)), MPI.COMM_WORLD)
    assert "\n" not in str(caught.value)


def test_a_selection_of_modes_takes_frequencies_in_hertz(folder):
    modes = read_material("Si-5").modes
    limits = (
        "power = 1e-6\nmodes = { min_frequency = 4e12, max_frequency = 1e13, branches = [0, 3] }"
    )
    (chosen,) = heated_modes(varied(folder, ("power = 1e-6", limits)), modes, ())
    hertz = modes.frequencies / (2.0 * np.pi)
    assert chosen.any()
    assert hertz[chosen].min() >= 4e12 and hertz[chosen].max() <= 1e13
    assert set(modes.bands[chosen]) <= {0, 3}
    np.testing.assert_array_equal(chosen[modes.partners], chosen)


def test_one_rank_and_all_ranks_give_the_same_results(large, folder, comm):
    """To 1e-10, as sums over the modes are taken in another sequence."""
    together, _ = large
    alone = run_case(read_case(folder / "large.toml"), MPI.COMM_SELF)
    pairs = zip((*together.orders, together.steady), (*alone.orders, alone.steady), strict=True)
    for shared, own in pairs:
        for what in ("temperature", "heat_flux", "outgoing_current"):
            a, b = getattr(shared, what), getattr(own, what)
            np.testing.assert_allclose(a, b, rtol=0.0, atol=1e-10 * np.abs(b).max())
        assert shared.balance.absorbed["surface"] == pytest.approx(
            own.balance.absorbed["surface"], rel=1e-10
        )
    for shared, own in zip(together.eigenvalues, alone.eigenvalues, strict=True):
        assert shared.dominant == pytest.approx(own.dominant, abs=1e-10)
        assert shared.most_negative == pytest.approx(own.most_negative, abs=1e-10)
