"""Cases of several materials, through the whole chain: laws of every interface, on any ranks."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from cases import gray, layers
from mpi4py import MPI

from pbte.case.case import Case, resolved_toml
from pbte.cli.check import examine
from pbte.core.errors import InputError
from pbte.run import run_case
from pbte.simulation.problem import build_problem

DIRECTIONS = {"polar": 6, "azimuthal": 6, "axis": "x"}
HARD = gray("hard", speed=5000.0, life=20e-12, heat=1e6, **DIRECTIONS)
SOFT = gray("soft", speed=2000.0, life=40e-12, heat=2e6, **DIRECTIONS)


@pytest.fixture(scope="module")
def series(folder):
    """Return a function that describes two layers between two walls; a is hard and b is soft."""

    def case(*, material=None, materials=None, orders=8, **more):
        crystals = {"": material} if material else materials or {"a": HARD, "b": SOFT}
        defaults = {
            "orders": {"max_order": orders, "self_scattering": 0.0},
            "steady": {"enabled": False},
        }
        return layers(folder, crystals, **(defaults | more))

    return case


def run(case, comm=MPI.COMM_WORLD):
    return run_case(case, comm)


def summed(results, field="temperature"):
    return np.sum([getattr(order, field) for order in results.orders], axis=0)


def through(results, wall, order=None):
    """Return the net power that left through a wall, of one order or of all."""
    orders = results.orders if order is None else [results.orders[order]]
    return sum(each.balance.absorbed[wall] for each in orders)


def test_every_order_balances_walls_and_interfaces(series):
    results = run(series(source={"sigma": 15e-9, "power": 3.0, "centre": (35e-9, 0.0, 0.0)}))
    assert results.power == pytest.approx(3.0, rel=1e-12)
    for order in results.orders:
        assert set(order.balance.absorbed) == {"left", "right", "a-b"}
        assert abs(order.balance.imbalance) < 1e-13
    # The interface only holds phonons until the next order.
    assert abs(through(results, "a-b")) < abs(through(results, "a-b", order=0))


def test_bodies_are_put_together_in_the_numbers_of_the_mesh(series):
    results = run(series(orders=2))
    geometry = results.geometry
    assert geometry.materials == ("a", "b")
    centres = geometry.points.mean(axis=(1, 2))
    np.testing.assert_array_equal(geometry.components, (centres > 40e-9).astype(int))
    assert geometry.volumes.sum() == pytest.approx(100e-9, rel=1e-12)
    np.testing.assert_array_equal(np.sort(geometry.facets.ravel()), [0.0, 100e-9])
    assert geometry.walls.keys() == {"left", "right"}
    # Order 0 has passed no interface yet: only the warm side of it knows of the warm wall.
    assert np.all(results.orders[0].temperature[centres < 40e-9] > 0.0)
    assert np.all(results.orders[0].temperature[centres > 40e-9] == 0.0)
    assert np.all(results.orders[1].temperature[centres > 40e-9] > 0.0)


@pytest.mark.parametrize("kind", ["dmm", "smooth-dmm"])
def test_no_heat_flows_at_equal_temperature(series, kind):
    """All orders of walls at T0 + 1 K add up to 1 K everywhere, and no flux."""
    model = {"a|b": {"kind": kind}}
    results = run(series(temperatures=(301.0, 301.0), orders=120, interfaces=model))
    assert np.abs(results.orders[-1].temperature).max() < 1e-14
    np.testing.assert_allclose(summed(results), 1.0, rtol=0, atol=1e-12)
    # Beside what one direction of flight carries, c v / 4 for 1 K.
    assert np.abs(summed(results, "heat_flux")).max() < 1e-12 * 1e6 * 5000.0


def test_a_perfect_interface_of_identical_crystals_is_not_there(series):
    """Crossing it counts as an event, so single orders differ and their sum does not."""
    same = {"a": HARD, "b": HARD | {"name": "again"}}
    joined = series(materials=same, interfaces={"a|b": {"kind": "perfect"}}, orders=100)
    whole = series(material=HARD, orders=100)
    named = series(material=HARD, interfaces={"a-b": {"kind": "perfect"}}, orders=100)
    alone = run(whole)
    assert alone.geometry.materials == ()
    for case in (joined, named):
        results = run(case)
        np.testing.assert_allclose(summed(results), summed(alone), rtol=0, atol=1e-12)
        flux = summed(alone, "heat_flux")
        np.testing.assert_allclose(
            summed(results, "heat_flux"), flux, rtol=0, atol=1e-12 * np.abs(flux).max()
        )
        assert abs(through(results, "a-b")) < 1e-12 * abs(through(alone, "left"))


def test_exchanging_hot_and_cold_exchanges_the_powers(series):
    """Reciprocity of the device, order by order: an asymmetric stack is no rectifier."""
    forward, backward = run(series()), run(series(temperatures=(300.0, 301.0)))
    for order in range(1, 9):
        passed = through(forward, "right", order)
        assert passed == pytest.approx(through(backward, "left", order), rel=1e-11)
    assert passed > 0.0


def test_the_sides_of_a_law_may_be_named_in_either_order(series):
    table = {"kind": "mediator", "density": 1e17, "frequency": 1e12, "damping": 1e12}
    table |= {"first_share": 0.3, "excess": "reduce"}
    first = run(series(interfaces={"a|b": table}))
    second = run(series(interfaces={"b|a": table | {"first_share": 0.7}}))
    np.testing.assert_allclose(summed(first), summed(second), rtol=0, atol=1e-13)


WAVY = {"dim": 2, "width": 40e-9, "periodic": "y", "size": 12e-9}


@pytest.mark.parametrize("amplitude", [0.0, 6e-9])
def test_periodic_walls_go_on_in_each_material_and_wavy_interfaces_hold(series, amplitude):
    """2D, periodic in y across both crystals: energy and equilibrium on facets of any normal."""
    mesh = {**WAVY, "amplitude": amplitude}
    walls = {"y_min": {"kind": "periodic", "partner": "y_max"}}
    results = run(series(mesh=mesh, walls=walls, temperatures=(301.0, 301.0), orders=100))
    np.testing.assert_allclose(summed(results), 1.0, rtol=0, atol=1e-8)
    for order in results.orders:
        assert abs(order.balance.imbalance) < 1e-12


def test_flat_layers_in_two_dimensions_are_those_in_one(series):
    walls = {"y_min": {"kind": "periodic", "partner": "y_max"}}
    plane = run(series(mesh=WAVY | {"size": 10e-9}, walls=walls, orders=40))
    line = run(series(mesh={"size": 5e-9}, orders=40))
    passed = through(plane, "right") / 40e-9
    assert passed == pytest.approx(through(line, "right"), rel=5e-3)  # of the cells


def test_a_superlattice_repeats_and_its_pieces_are_told_apart(series):
    mesh = {"repeat": 2, "periodic": "x"}
    walls = {"left": {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}}
    case = series(mesh=mesh, walls=walls).model_copy()
    case = case.model_copy(update={"walls": {"left": case.walls["left"]}})
    results = run(case)
    assert results.geometry.materials == ("a", "b", "a", "b", "a")
    # In order 0 what the drop sends in on the left, 1 K warmer, enters on the right 1 K colder.
    first = results.orders[0].temperature
    order = np.argsort(results.geometry.points.mean(axis=(1, 2)))
    np.testing.assert_allclose(first[order], -first[order[::-1]][:, ::-1], atol=1e-12)


def test_periodic_walls_may_join_bodies_of_one_crystal_under_two_names(series):
    """a | b | c with c a copy of a: the end of c goes on at the beginning of a."""
    mesh = {"regions": ("a", "b", "c"), "thicknesses": (20e-9, 60e-9, 20e-9)}
    walls = {"left": {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}}
    models = {"a|b": {"kind": "dmm"}, "b|c": {"kind": "dmm"}}
    materials = {"a": HARD, "b": SOFT, "c": HARD | {"name": "copy"}}
    apart = series(mesh=mesh, materials=materials, interfaces=models)
    regions = {"c": "a"}
    together = series(mesh=mesh, regions=regions)
    apart, together = (
        case.model_copy(
            update={"walls": Case.model_validate(case.model_dump() | {"walls": walls}).walls}
        )
        for case in (apart, together)
    )
    one, other = run(apart), run(together)
    np.testing.assert_allclose(summed(one), summed(other), rtol=0, atol=1e-13)


def test_a_period_that_ends_in_another_crystal_is_refused(series):
    walls = {"left": {"kind": "periodic", "partner": "right"}}
    case = series()
    case = Case.model_validate(case.model_dump() | {"walls": walls})
    with pytest.raises(
        InputError, match=r"walls.left: hard would continue as soft at the other end"
    ):
        run(case)


def test_first_principles_crystals_balance_on_any_number_of_ranks(series, comm):
    """Si-5 | Ge-5 with relaxation times, diffuse sides: one rank and all ranks agree."""
    crystals = {
        "a": {"file": "Si-5", "scattering": "rta"},
        "b": {"file": "Ge-5", "scattering": "rta"},
    }
    mesh = {"dim": 2, "width": 40e-9, "size": 20e-9}
    case = series(materials=crystals, mesh=mesh, walls={"sides": {"kind": "diffuse"}}, orders=3)
    together, alone = run(case), run(case, comm.Split(comm.rank))
    size = np.abs(summed(alone)).max()
    assert size > 0.1
    np.testing.assert_allclose(summed(together), summed(alone), rtol=0, atol=1e-11 * size)
    for one, other in zip(together.orders, alone.orders, strict=True):
        assert abs(one.balance.imbalance) < 1e-12
        scale = max(np.abs(spectrum).max() for spectrum in other.outgoing_spectrum.values())
        for wall, spectrum in one.outgoing_spectrum.items():
            np.testing.assert_allclose(
                spectrum, other.outgoing_spectrum[wall], rtol=0, atol=1e-11 * scale
            )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"interfaces": {}},
            r"no interface model for 'a' and 'b', which meet at the interface 'a-b'",
        ),
        ({"interfaces": {"a|b": {"kind": "perfect"}}}, r'interfaces."a|b": .* choose a mismatch'),
        ({"interfaces": {"a|b": {"kind": "amm"}}}, r'interfaces."a\|b": hard'),
        ({"interfaces": {"a|b": {"kind": "smm"}}}, r'interfaces."a\|b": hard'),
        ({"parallel": {"space_parts": 1}, "regions": {"a": "x"}}, r"regions.a = 'x': there is no"),
        (
            {"materials": {"a": HARD, "b": {"file": "Si-5"}}, "temperature": 200.0},
            r"materials.b: it was computed at 300 K and 'a' at 200 K",
        ),
    ],
)
def test_what_does_not_fit_is_refused(series, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        build_problem(series(**changes), MPI.COMM_WORLD)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("1.2", r'interfaces."a\|b": .*table.csv: .* are outside 0 to 1 .* beyond by 0.2\)'),
        ("0.9", r'interfaces."a\|b": .* asks for a transmission back of 1.12.* above 1 by 0.12'),
    ],
)
def test_tables_that_no_interface_can_have_are_refused(series, folder, comm, values, sentence):
    """1.2 is no share; 0.9 from the crystal with more flux asks for more than all the way back."""
    table = folder / "table.csv"
    if comm.rank == 0:
        rows = "".join(f"{frequency}, {values}\n" for frequency in (0.0, 1e3))
        table.write_text(f"frequency [THz], transmission\n{rows}")
    comm.barrier()
    model = {"a|b": {"kind": "table", "file": str(table), "bins": 1}}
    with pytest.raises(InputError, match=sentence):
        build_problem(series(interfaces=model), comm)
    comm.barrier()


def test_a_mesh_cut_into_parts_takes_no_interfaces(series, comm):
    if comm.size == 1:
        pytest.skip("one rank cannot hold two parts")
    case = series(parallel={"space_parts": comm.size})
    with pytest.raises(InputError, match="several materials need the whole mesh on every rank"):
        build_problem(case, comm)


def test_check_tells_of_materials_interfaces_and_memory(series, comm, monkeypatch, shared_tmp_path):
    monkeypatch.chdir(shared_tmp_path)
    case = series(regions={"b": "a"}, materials={"a": HARD}, interfaces={"a-b": {"kind": "dmm"}})
    one = examine(case, comm)
    assert [each["regions"] for each in one["materials"]] == [["a", "b"]]
    assert one["interfaces"][0]["materials"] == ["a", "a"]
    two = examine(series(), comm)
    assert [(each["name"], each["num_modes"]) for each in two["materials"]] == [
        ("a", 36),
        ("b", 36),
    ]
    assert two["num_unknowns"] == sum(
        each["num_modes"] * each["num_cells"] * 2 for each in two["materials"]
    )
    assert two["memory"]["total"] == sum(v for k, v in two["memory"].items() if k != "total")
    # Twice the bodies, one program.
    assert two["memory"]["total"] < 1.5 * one["memory"]["total"]
    ((model, resistance),) = [(each["model"], each["landauer"]) for each in two["interfaces"]]
    hard, soft = 1e6 * 5000.0 / 4.0, 2e6 * 2000.0 / 4.0
    assert model == "dmm" and resistance == pytest.approx(1.0 / hard + 1.0 / soft, rel=0.02)
    with pytest.raises(InputError, match=r'interfaces."a\|b": .* choose a mismatch model'):
        examine(series(interfaces={"a|b": {"kind": "perfect"}}), comm)


def test_a_resolved_case_of_several_materials_runs_alike(series, folder):
    case = series(orders=2)
    again = Case.model_validate(tomllib.loads(resolved_toml(case)), context={"folder": folder})
    np.testing.assert_array_equal(summed(run(again)), summed(run(case)))
