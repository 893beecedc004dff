"""Steady states through interfaces, and the resistances that are told of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cases import DMM, gray, isothermal, layers
from mpi4py import MPI

from pbte.core.parallel import on_all_ranks
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.landauer import interface_conductance
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.output.summary.data import as_data
from pbte.run import run_case

LINE = {"family": "line", "polar": 32}
FREE_PATH, CONDUCTIVITY = 10e-9, 10.0
GRAY = gray("gray", speed=1000.0, life=10e-12, heat=3e6, **LINE)
HARD = gray("hard", speed=3000.0, life=10e-12, heat=1e6, **LINE)
BALLISTIC = {"relaxation_time": 1.0}
PAIR = {"a": HARD, "b": GRAY}
PERFECT = {"kind": "perfect"}
THICK = {"thicknesses": (300e-9, 300e-9), "size": 10e-9, "size_at_interface": 4e-10, "growth": 0.1}


@pytest.fixture(scope="module")
def solve(folder):
    """Return a function that solves for the steady state of layers between two walls."""

    def run(materials, *, comm=MPI.COMM_WORLD, mesh=None, **more):
        defaults = {
            "orders": {"max_order": 2, "self_scattering": 0.0},
            "steady": {"tolerance": 1e-11},
            "output": {"frequency_bins": 4},
        }
        case = layers(folder, materials, mesh={"size": 5e-9, **(mesh or {})}, **(defaults | more))
        return run_case(case, comm)

    return run


@pytest.fixture(scope="module")
def series(solve):
    return solve(PAIR)


def through(results, wall="right"):
    return results.steady.balance.absorbed[wall]


def test_heat_that_enters_leaves_and_passes_the_interface_alike_on_both_sides(series):
    assert series.steady_report.converged
    (interface,) = series.interfaces
    passed = through(series)
    assert passed > 0.0
    assert through(series, "left") == pytest.approx(-passed, rel=1e-8)
    assert interface.heat_flux == pytest.approx(passed, rel=1e-8)
    assert interface.mismatch < 1e-8 * passed
    assert abs(through(series, "a-b")) < 1e-8 * passed
    assert interface.spectrum.heat_flux.sum(axis=1) == pytest.approx((passed, -passed), rel=1e-8)


def test_nothing_flows_between_walls_of_one_temperature(solve):
    results = solve(PAIR, temperatures=(301.0, 301.0))
    np.testing.assert_allclose(results.steady.temperature, 1.0, rtol=0, atol=1e-9)
    (interface,) = results.interfaces
    assert interface.temperatures == pytest.approx((1.0, 1.0), abs=1e-9)
    arriving = 1e6 * 3000.0 / 4.0
    assert abs(interface.heat_flux) < 1e-9 * arriving
    assert math.isnan(interface.local) and math.isnan(interface.emission)
    assert interface.landauer > 0.0
    assert abs(interface.entropy) < 1e-9 * arriving / 300.0**2
    assert results.series is None


def test_the_stack_passes_as_much_heat_the_other_way(solve, series):
    backward = solve(PAIR, temperatures=(300.0, 301.0))
    assert through(backward, "left") == pytest.approx(through(series), rel=1e-9)
    (interface,), (before,) = backward.interfaces, series.interfaces
    assert interface.heat_flux == pytest.approx(-before.heat_flux, rel=1e-9)
    for name in ("local", "emission", "landauer", "entropy"):
        assert getattr(interface, name) == pytest.approx(getattr(before, name), rel=1e-8)


def test_without_scattering_the_streams_are_those_of_reservoirs(solve):
    """Ballistic: emission = Landauer, and half of it between all modes (diffuse mismatch)."""
    (interface,) = solve({"a": HARD | BALLISTIC, "b": GRAY | BALLISTIC}).interfaces
    assert interface.emission == pytest.approx(interface.landauer, rel=1e-8)
    assert interface.streams == pytest.approx((1.0, 0.0), abs=1e-8)
    assert interface.local == pytest.approx(0.5 * interface.landauer, rel=1e-8)
    assert math.isnan(interface.extrapolated)
    assert interface.entropy > 0.0
    expected = interface_conductance(
        DiffuseMismatch().flux_matrix(*[crystal(c) for c in (HARD, GRAY)], np.eye(3)[0]), 32
    )
    assert interface.landauer == pytest.approx(expected.landauer_resistance, rel=1e-12)
    assert interface.local == pytest.approx(expected.local_resistance, rel=1e-8)


def crystal(choice):
    numbers = {k: choice[k] for k in ("name", "speed", "relaxation_time", "heat_capacity")}
    return gray_crystal(quadrature=line_rule(32), temperature=300.0, **numbers).modes


def test_a_perfect_interface_has_no_resistance_but_those_of_the_paradox(solve):
    same = {"a": GRAY, "b": GRAY | {"name": "again"}}
    joined, whole = solve(same, interface=PERFECT), solve({"": GRAY})
    (interface,) = joined.interfaces
    assert through(joined) == pytest.approx(through(whole), rel=1e-7)
    assert abs(interface.local) < 1e-8 * interface.landauer
    # What flows is the difference of the streams, mode by mode.
    assert interface.emission == pytest.approx(interface.landauer, rel=1e-8)
    assert abs(interface.entropy) < 1e-9 * interface.heat_flux / 300.0**2
    assert joined.series.interfaces == pytest.approx(0.0, abs=1e-8 * interface.landauer)


PLANE = {"family": "plane", "polar": 2, "azimuthal": 6}
WAVY = {"dim": 2, "width": 40e-9, "periodic": "y", "amplitude": 8e-9}


@pytest.mark.parametrize(
    ("crystal", "more"),
    [
        ({"file": "Si-5"}, {}),
        (
            GRAY | {"directions": PLANE},
            {
                "mesh": WAVY | {"size": 20e-9},
                "walls": {"y_min": {"kind": "periodic", "partner": "y_max"}},
            },
        ),
    ],
    ids=["full matrix", "wavy"],
)
def test_a_perfect_interface_in_one_crystal_changes_nothing(solve, crystal, more):
    mesh = more.get("mesh", {}) | {"regions": ("a", "b")}
    more = more | {"mesh": mesh, "regions": {"b": "a"}, "steady": {"tolerance": 1e-13}}
    model = {"a-b": PERFECT}
    joined, whole = (solve({"a": crystal}, interfaces=models, **more) for models in (model, {}))
    assert joined.interfaces and not whole.interfaces
    one, other = joined.steady, whole.steady
    np.testing.assert_allclose(one.temperature, other.temperature, rtol=0, atol=1e-12)
    size = np.abs(other.heat_flux).max()
    np.testing.assert_allclose(one.heat_flux, other.heat_flux, rtol=0, atol=1e-12 * size)


def test_a_perfect_interface_of_first_principles_crystals_has_no_local_resistance(solve):
    """But for modes along it, which know of no upwind side: these jump with the cells."""
    silicon = {"file": "Si-5", "scattering": "rta"}
    local = []
    for size in (10e-9, 5e-9):
        same = {"a": silicon, "b": silicon}
        (interface,) = solve(same, interface=PERFECT, mesh={"size": size}).interfaces
        assert interface.emission == pytest.approx(interface.landauer, rel=1e-7)
        local.append(abs(interface.local) / interface.landauer)
    assert local[0] < 1e-4 and local[1] < 0.6 * local[0]  # of first order in the cells


def test_a_thick_diffuse_interface_of_one_crystal_is_two_black_walls(solve):
    """What arrives is mixed and sent both ways: each side sees a black wall (Hopf's function).

    Local jumps of 1/sqrt(3) and extrapolated ones of 0.7104 mean free paths on each side.
    """
    same = {"a": GRAY, "b": GRAY | {"name": "again"}}
    results = solve(
        same,
        mesh=THICK,
    )
    (interface,) = results.interfaces
    per_path = FREE_PATH / CONDUCTIVITY
    assert interface.local == pytest.approx(2.0 * 3.0**-0.5 * per_path, rel=4e-3)
    assert interface.extrapolated == pytest.approx(2.0 * 0.7104 * per_path, rel=4e-3)
    assert interface.landauer == pytest.approx(8.0 / (3e6 * 1000.0), rel=1e-3)
    # The stack: two films of bulk and what is left at walls and interface.
    series = results.series
    assert series.bulk == pytest.approx(600e-9 / CONDUCTIVITY, rel=1e-9)
    assert series.interfaces == pytest.approx(interface.local, rel=1e-9)
    # Extrapolated, a black wall and each side of the interface cost 0.7104 mean free paths.
    assert series.total - series.bulk == pytest.approx(4 * 0.7104 * per_path, rel=6e-3)


def test_resistances_of_a_stack_add_up_to_the_whole(series):
    parts = series.series.parts
    kinds = ["boundary", "film", "interface", "film", "boundary"]
    assert [part.kind for part in parts] == kinds
    assert [part.name for part in parts] == ["left", "a", "a-b", "b", "right"]
    assert sum(part.drop for part in parts) == pytest.approx(1.0, rel=1e-12)
    assert series.series.total == pytest.approx(1.0 / through(series), rel=1e-8)
    assert parts[1].thickness == pytest.approx(40e-9)
    assert parts[3].bulk == pytest.approx(60e-9 / CONDUCTIVITY, rel=1e-9)
    assert series.conductivity.value == pytest.approx(100e-9 * through(series), rel=1e-8)
    assert all(part.drop > 0.0 for part in parts)


def test_layers_of_a_superlattice_have_interfaces_of_their_own(solve):
    """Two periods: three interfaces of one name, crossed in turn from either side."""
    results = solve(PAIR, mesh={"thicknesses": (30e-9, 30e-9), "repeat": 2})
    assert [each.name for each in results.interfaces] == ["a-b 1", "a-b 2", "a-b 3"]
    first, second, third = (each.heat_flux for each in results.interfaces)
    assert first == pytest.approx(third, rel=1e-8) and first == pytest.approx(-second, rel=1e-8)
    assert all(each.local > 0.0 for each in results.interfaces)
    assert [part.name for part in results.series.parts] == [
        "left", "a", "a-b 1", "b", "a-b 2", "a", "a-b 3", "b", "right",
    ]  # fmt: skip
    assert sum(part.drop for part in results.series.parts) == pytest.approx(1.0, rel=1e-12)


def test_entropy_is_produced_at_every_node_of_a_wavy_interface(solve):
    results = solve(
        {"a": HARD | {"directions": {"polar": 4, "azimuthal": 4}},
         "b": GRAY | {"directions": {"polar": 4, "azimuthal": 4}}},
        mesh={"dim": 2, "width": 40e-9, "periodic": "y", "amplitude": 8e-9, "size": 12e-9},
        walls={"y_min": {"kind": "periodic", "partner": "y_max"}},
    )  # fmt: skip
    (interface,) = results.interfaces
    assert interface.least_entropy > 0.0 and interface.entropy > 0.0
    assert interface.area > 40e-9
    assert math.isnan(interface.extrapolated) and results.series is None
    assert interface.heat_flux * interface.area == pytest.approx(through(results), rel=1e-7)
    assert interface.mismatch < 1e-7 * interface.heat_flux


def test_what_is_told_of_interfaces_is_written_and_read_back(series, shared_tmp_path, comm):
    with on_all_ranks(comm):
        if comm.rank == 0:
            write_results(series, shared_tmp_path / "run")
    comm.barrier()
    again = read_results(shared_tmp_path / "run")
    assert again.series == series.series
    for one, other in zip(again.interfaces, series.interfaces, strict=True):
        for name in vars(other):
            if name != "spectrum":
                np.testing.assert_equal(getattr(one, name), getattr(other, name))
        for name, values in vars(other.spectrum).items():
            np.testing.assert_array_equal(getattr(one.spectrum, name), values)
    assert again.geometry.materials == ("a", "b")
    np.testing.assert_array_equal(again.geometry.components, series.geometry.components)
    data = as_data(again)
    assert data["series"]["total"] == series.series.total
    assert data["interfaces"][0]["local"] == series.interfaces[0].local
    plots = {path.name for path in (shared_tmp_path / "run" / "plots").iterdir()}
    assert {"interface_distributions.png", "interface_flux.png"} <= plots


def test_ranks_find_the_same_interfaces(solve, comm):
    """First-principles crystals with the full matrix."""
    crystals = {"a": {"file": "Si-5", "scattering": 30}, "b": {"file": "Ge-5", "scattering": 30}}
    together, alone = (
        solve(crystals, mesh={"size": 20e-9}, comm=c) for c in (comm, comm.Split(comm.rank))
    )
    one, other = together.interfaces[0], alone.interfaces[0]
    for name in ("local", "emission", "heat_flux", "entropy"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-8)
    assert one.landauer == other.landauer
    size = np.abs(alone.steady.temperature).max()
    np.testing.assert_allclose(
        together.steady.temperature, alone.steady.temperature, rtol=0, atol=1e-9 * size
    )


def test_a_grain_boundary_in_one_crystal_is_that_between_two_names_of_it(solve):
    """A model for a named interface cuts the only body: the same as two bodies of one crystal."""
    same = {"a": GRAY, "b": GRAY | {"name": "again"}}
    apart = solve(same)
    grain = solve({"a": GRAY}, regions={"b": "a"}, interfaces={"a-b": DMM})
    (one,), (other,) = grain.interfaces, apart.interfaces
    assert one.materials == ("a", "a") and grain.geometry.materials == ("a", "a")
    for name in ("local", "emission", "landauer", "heat_flux", "entropy"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-7)


def test_a_period_of_a_superlattice_conducts_like_many(solve):
    """With a drop between its ends: as a long stack less what its walls cost."""
    period = {"thicknesses": (20e-9, 20e-9)}
    free = solve(
        PAIR,
        mesh=period | {"periodic": "x"},
        temperatures=None,
        walls={"left": {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}},
    )
    assert free.steady_report.converged
    first, second = free.interfaces
    assert first.heat_flux == pytest.approx(-second.heat_flux, rel=1e-8)
    assert first.heat_flux == pytest.approx(free.conductivity.value / 40e-9, rel=1e-7)
    assert first.local == pytest.approx(second.local, rel=1e-6) and first.local > 0.0
    walls = [1.0 / through(solve(PAIR, mesh=period | {"repeat": n})) for n in (4, 8)]
    per_period = (walls[1] - walls[0]) / 4.0
    assert 1.0 / first.heat_flux == pytest.approx(per_period, rel=1e-4)


@pytest.mark.parametrize("drop", [1.0, -1.0])
def test_a_period_is_films_and_interfaces_in_series(solve, drop):
    """The first film goes on at the other end; together they conduct as the period does."""
    results = solve(
        PAIR,
        mesh={"thicknesses": (20e-9, 30e-9), "periodic": "x"},
        temperatures=None,
        walls={"left": {"kind": "periodic", "partner": "right", "temperature_drop": drop}},
    )
    series = results.series
    assert series.is_period
    there, back = ("a-b 1", "a-b 2") if drop > 0.0 else ("a-b 2", "a-b 1")
    assert [part.name for part in series.parts] == ["a", there, "b", back]
    assert [part.kind for part in series.parts] == ["film", "interface"] * 2
    assert [part.thickness for part in series.parts] == pytest.approx([20e-9, 0.0, 30e-9, 0.0])
    assert sum(part.drop for part in series.parts) == pytest.approx(1.0, rel=1e-12)
    assert all(part.drop > 0.0 for part in series.parts)
    assert series.conductivity == pytest.approx(results.conductivity.value, rel=1e-8)
    local = sum(each.local for each in results.interfaces)
    assert series.interfaces == pytest.approx(local, rel=1e-8)
    assert series.bulk == pytest.approx(20e-9 / 30.0 + 30e-9 / CONDUCTIVITY, rel=1e-9)
    data = as_data(results)["series"]
    assert data["conductivity"] == series.conductivity and data["is_period"]


def test_a_thick_period_is_bulk_and_jumps_of_black_walls(solve):
    """Films of 30 mean free paths: extrapolated, each side of an interface costs 0.7104."""
    same = {"a": GRAY, "b": GRAY | {"name": "again"}}
    results = solve(
        same,
        mesh=THICK | {"periodic": "x"},
        temperatures=None,
        walls={"left": {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}},
    )
    per_path = FREE_PATH / CONDUCTIVITY
    series = results.series
    assert series.interfaces == pytest.approx(4.0 * 3.0**-0.5 * per_path, rel=4e-3)
    assert series.total - series.bulk == pytest.approx(4 * 0.7104 * per_path, rel=6e-3)


def test_a_shell_around_a_heated_core_carries_its_power(solve):
    """3D: a curved interface, heat from inside; the flux through it is the power put in."""
    few = {"directions": {"polar": 4, "azimuthal": 4}}
    mesh = {"shape": "core_shell", "diameter": 60e-9, "core_diameter": 30e-9, "size": 14e-9}
    results = solve(
        {"core": HARD | few, "shell": GRAY | few},
        mesh=mesh,
        temperatures=None,
        walls=isothermal(surface=300.0),
        interfaces={"core|shell": DMM},
        source={"sigma": 5e-9, "power": 1e-6},
    )
    (interface,) = results.interfaces
    outward = 1.0 if interface.materials[0] == "core" else -1.0
    core = results.geometry.materials.index("core")
    volumes = results.geometry.volumes
    assert volumes[results.geometry.components == core].sum() < 0.2 * volumes.sum()
    # Of a Gaussian 97 % lie within three standard deviations.
    assert 0.9e-6 < outward * interface.heat_flux * interface.area < 1e-6
    assert interface.local > 0.0 and math.isnan(interface.extrapolated)
    assert interface.least_entropy > 0.0 and results.series is None
    assert through(results, "surface") == pytest.approx(1e-6, rel=1e-8)


SILICON_GERMANIUM = {"a": {"file": "Si-5"}, "b": {"file": "Ge-5"}}


@pytest.mark.parametrize(
    "model",
    [
        DMM,
        {"kind": "smooth-dmm"},
        {"kind": "amm"},
        {"kind": "mixed", "roughness": 2e-10},
        {
            "kind": "mediator",
            "density": 1e20,
            "frequency": 5e12,
            "damping": 1e12,
            "excess": "reduce",
        },
    ],
    ids=lambda model: model["kind"],
)
def test_silicon_on_germanium_keeps_the_laws_of_a_device(solve, model):
    """Full matrices: no rectifier, no flux at equal temperature, entropy, alike on both sides."""

    def device(*temperatures):
        return solve(
            SILICON_GERMANIUM,
            interface=model,
            temperatures=temperatures,
            mesh={"size": 20e-9},
            steady={"tolerance": 1e-14, "rank": 60},
            fourier={"compare": False},
        )

    forward, backward, equal = device(301.0, 300.0), device(300.0, 301.0), device(301.0, 301.0)
    assert all(each.steady_report.converged for each in (forward, backward, equal))
    arriving = forward.steady.outgoing_current.max()  # a kelvin on the left, little comes back
    passed = through(forward)
    assert passed > 1e-2 * arriving
    assert passed == pytest.approx(through(backward, "left"), abs=1e-12 * arriving)
    np.testing.assert_allclose(equal.steady.temperature, 1.0, rtol=0, atol=1e-12)
    assert np.abs(equal.steady.heat_flux).max() < 1e-12 * arriving
    for results in (forward, backward, equal):
        (interface,) = results.interfaces
        assert interface.mismatch < 1e-12 * arriving
        assert interface.least_entropy > -1e-12 * arriving / 300.0**2
    (ahead,), (back,) = forward.interfaces, backward.interfaces
    assert ahead.heat_flux == pytest.approx(passed, abs=1e-12 * arriving)
    for interface in (ahead, back):
        # What the interface produces is a part of what heat does that falls by a kelvin.
        assert 0.0 < interface.entropy < passed / 300.0**2


def test_first_principles_crystals_keep_the_laws_at_every_node_of_a_wavy_interface(solve):
    """Facets of many normals; at each as much leaves one side as enters the other."""
    crystals = {
        name: {**crystal, "scattering": "rta"} for name, crystal in SILICON_GERMANIUM.items()
    }
    mesh = {"dim": 2, "width": 40e-9, "periodic": "y", "amplitude": 8e-9, "size": 20e-9}
    walls = {"y_min": {"kind": "periodic", "partner": "y_max"}}
    results = solve(crystals, mesh=mesh, walls=walls, fourier={"compare": False})
    (interface,) = results.interfaces
    assert interface.area > 40e-9
    assert interface.heat_flux * interface.area == pytest.approx(through(results), rel=1e-9)
    assert interface.mismatch < 1e-9 * interface.heat_flux
    assert interface.least_entropy > 0.0
