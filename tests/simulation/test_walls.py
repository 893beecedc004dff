"""Walls that send phonons back, through whole runs: planes of symmetry, mirrors, rough walls."""

from __future__ import annotations

import numpy as np
import pytest
from cases import gray, isothermal, layers, run_text
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.reference.closed_forms.fuchs_sondheimer import film_suppression
from pbte.run import run_case

SILICON = {"": {"file": "Si-5"}}
HEAT = {"kind": "uniform", "density": 1e18}
SYMMETRIC, SPECULAR, DIFFUSE = ({"kind": kind} for kind in ("symmetric", "specular", "diffuse"))


def rough(**measure):
    return {"kind": "rough", **measure}


@pytest.fixture(scope="module")
def solve(folder):
    """Return a function that solves for a film of silicon with two walls, full matrix."""

    def run(thickness=40e-9, source=HEAT, crystal=SILICON, **walls):
        case = layers(
            folder,
            crystal,
            mesh={"regions": ("film",), "thicknesses": (thickness,)},
            temperatures=None,
            walls=isothermal(left=300.0) | walls,
            orders={"max_order": 3, "self_scattering": 0.0},
            steady={"tolerance": 1e-11, "rank": 40},
            fourier={"compare": False},
            source=source,
        )
        return run_case(case, MPI.COMM_WORLD)

    return run


def profile(results, field="temperature", what=None):
    """Return a field of the steady state, or of an order, from left to right."""
    snapshot = results.steady if what is None else results.orders[what]
    order = np.argsort(results.geometry.points.mean(axis=(1, 2)))
    values = getattr(snapshot, field)[order]
    turned = results.geometry.points[order, 0, 0] > results.geometry.points[order, 1, 0]
    values[turned] = values[turned][:, ::-1]
    return values


def assert_same(one, other, tolerance=1e-9):
    """Assert that orders and steady states of two films have the same temperature and flux."""
    for what in (None, 0, 3):
        for field in ("temperature", "heat_flux"):
            a, b = profile(one, field, what), profile(other, field, what)
            np.testing.assert_allclose(a, b, rtol=0.0, atol=tolerance * np.abs(b).max())


def test_half_of_a_film_behind_a_plane_of_symmetry_is_half_of_the_whole(solve):
    whole = solve(80e-9, **isothermal(right=300.0))
    half = solve(40e-9, right=SYMMETRIC)
    for field in ("temperature", "heat_flux"):
        found, expected = profile(half, field), profile(whole, field)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected[:4], rtol=0.0, atol=1e-9 * scale)
        mirrored = expected[::-1, ::-1][:4] * (-1.0 if field == "heat_flux" else 1.0)
        np.testing.assert_allclose(found, mirrored, rtol=0.0, atol=1e-9 * scale)
    assert whole.power == pytest.approx(2.0 * half.power, rel=1e-12)
    # On a mirror plane of the crystal a mirror is exact, whatever its bins.
    assert_same(solve(right={"kind": "specular", "bins": 3}), half, 1e-13)


@pytest.mark.parametrize("condition", [SYMMETRIC, SPECULAR, DIFFUSE, rough(roughness=3e-10)])
def test_what_a_wall_sends_back_is_not_lost(solve, condition):
    results = solve(right=condition)
    for order in results.orders:
        assert abs(order.balance.imbalance) < 1e-13
    # Like an interface the wall holds what reaches it until the next order.
    assert (
        results.orders[0].balance.absorbed["right"]
        > 0.0
        > (results.orders[1].balance.absorbed["right"])
    )
    balance = results.steady.balance
    assert balance.absorbed["left"] == pytest.approx(results.power, rel=1e-9)
    assert abs(balance.absorbed["right"]) < 1e-9 * results.power


def test_a_rough_wall_goes_from_mirror_to_diffuse(solve):
    """By its specularity, and by its height; what is in between lies in between."""
    mirror, diffuse = solve(right=SPECULAR), solve(right=DIFFUSE)
    assert_same(solve(right=rough(specularity=1.0)), mirror)
    assert_same(solve(right=rough(specularity=0.0)), diffuse)
    assert_same(solve(right=rough(roughness=0.0)), mirror)
    assert_same(solve(right=rough(roughness=1e-6)), diffuse)
    middle = [solve(right=rough(specularity=p)) for p in (0.75, 0.25)]
    levels = [profile(r)[-1, -1] for r in (mirror, *middle, diffuse)]
    assert abs(levels[3] - levels[0]) > 1e-3 * levels[0]
    steps = np.diff(levels)
    assert (steps > 0.0).all() or (steps < 0.0).all()


@pytest.mark.parametrize("condition", [SYMMETRIC, rough(roughness=3e-10), rough(specularity=0.5)])
def test_a_film_beside_a_warm_wall_takes_its_temperature(solve, condition):
    results = solve(source=None, right=condition, **isothermal(left=301.0))
    np.testing.assert_allclose(results.steady.temperature, 1.0, rtol=0.0, atol=1e-9)
    arriving = results.steady.outgoing_current.max()
    assert np.abs(results.steady.heat_flux).max() < 1e-9 * arriving


def test_a_plane_that_is_none_of_the_crystal_is_refused(solve):
    """Directions of a model crystal of which only one of each mirrored pair is there."""
    halved = gray(speed=1e3, life=1e-11, heat=1e6, family="plane", polar=4, azimuthal=6, axis="x")
    with pytest.raises(InputError, match=r"walls.right: the plane .* is no mirror plane of gray"):
        solve(crystal={"": halved}, right=SYMMETRIC)


def test_a_curved_wall_is_no_plane_of_symmetry(folder):
    mesh = {"shape": "nanoparticle", "diameter": 30e-9, "size": 15e-9}
    case = layers(folder, SILICON, mesh=mesh, temperatures=None, walls={"surface": SYMMETRIC})
    with pytest.raises(InputError, match=r"walls.surface: a symmetric wall must be flat"):
        run_case(case, MPI.COMM_WORLD)


def test_half_a_film_with_rough_sides_conducts_like_the_whole(folder):
    """Along its plane, one mean free path thick: Fuchs and Sondheimer's suppression."""
    found = [
        run_text(
            f"""
temperature = 300.0
fourier.compare = false
[material]
kind = "gray"
speed = 1000.0
relaxation_time = 1e-10
heat_capacity = 3e6
directions = {{ polar = 6, azimuthal = 12 }}
[mesh]
file = "{below}.msh"
builder = {{ shape = "block", lengths = [2e-8, {thickness}], size = 1e-8, periodic = "x" }}
[walls]
x_min = {{ kind = "periodic", partner = "x_max", temperature_drop = 0.5 }}
y_min = {{ kind = "{below}"{share} }}
y_max = {{ kind = "rough", specularity = 0.3 }}
[orders]
max_order = 0
[steady]
tolerance = 1e-10
""",
            folder,
        ).conductivity
        for below, thickness, share in (
            ("rough", 1e-7, ", specularity = 0.3"),
            ("symmetric", 5e-8, ""),
        )
    ]
    whole, half = (k.value / k.bulk for k in found)
    assert whole == pytest.approx(float(film_suppression(1.0, 0.3)), rel=0.03)
    assert half == pytest.approx(whole, rel=5e-3)
