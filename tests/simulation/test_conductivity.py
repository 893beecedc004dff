"""Conductivity and slip of cases: what a run says about films, the endless crystal and wires."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.case.case import parse_case
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.storage import read_material
from pbte.observables.conductivity import suppression_curve
from pbte.reference.closed_forms.fuchs_sondheimer import film_suppression
from pbte.run import run_case

CASE = """\
temperature = 300.0
[material]
{material}
[mesh]
file = "{shape}.msh"
builder = {builder}
{walls}
[orders]
max_order = 0
[steady]
tolerance = 1e-10
{steady}
"""
HELD = """\
[walls.left]
kind = "isothermal"
temperature = {hot}
[walls.right]
kind = "isothermal"
temperature = {cold}
"""
PERIODIC = """\
[walls.{first}]
kind = "periodic"
partner = "{last}"
temperature_drop = 0.5
"""
BANDS = 'kind = "bands"\ntable = "Si-bands"\ndirections = { family = "line", polar = 32 }'
GRAY = """\
kind = "gray"
speed = 1000.0
relaxation_time = 1e-10
heat_capacity = 3e6
directions = { family = "lebedev", degree = 11 }"""


def results_of(comm, folder, *, material, builder, walls, steady="", shape="film"):
    text = CASE.format(material=material, builder=builder, walls=walls, steady=steady, shape=shape)
    results = run_case(parse_case(text, folder=folder), comm)
    assert results.steady_report.converged
    return results


def test_a_film_between_walls_says_its_conductivity_and_slip(comm, shared_tmp_path):
    """100 nm of silicon bands: 42.228 W/m K (Hua & Minnich); here with equal cells of 1.25 nm."""
    results = results_of(
        comm,
        shared_tmp_path,
        material=BANDS,
        builder='{ shape = "film", thickness = 1e-7, size = 1.25e-9 }',
        walls=HELD.format(hot=301.0, cold=300.0),
    )
    k = results.conductivity
    assert k.value == pytest.approx(42.228, rel=1e-3)
    assert k.bulk == pytest.approx(151.796, rel=1e-5)
    left, right = results.slips
    flux = k.value / 1e-7
    assert left.heat_flux == pytest.approx(flux, rel=1e-6)
    assert right.heat_flux == pytest.approx(-flux, rel=1e-6)
    # The energy temperature jumps alike at both walls, about T0 + 1/2.
    assert left.slip == pytest.approx(-right.slip, rel=1e-6)
    assert 0.0 < left.slip < 0.5
    assert left.resistance == pytest.approx(left.slip / flux, rel=1e-6)
    assert left.length == pytest.approx(k.bulk * left.resistance, rel=1e-6)


def test_the_endless_crystal_conducts_like_the_direct_solution_mode_by_mode(comm, shared_tmp_path):
    """A periodic cell with a drop, full matrix: to 1e-8, and nothing is suppressed."""
    results = results_of(
        comm,
        shared_tmp_path,
        material='file = "Si-5"',
        builder='{ shape = "film", thickness = 4e-8, size = 1e-8 }',
        walls=PERIODIC.format(first="left", last="right"),
    )
    exact = bulk_conductivity(read_material("Si-5").kernel)[0, 0]
    k = results.conductivity
    assert k.bulk == pytest.approx(exact, rel=1e-10)
    assert k.value == pytest.approx(exact, rel=1e-8)
    assert (k.gradient.length, k.gradient.drop) == pytest.approx((4e-8, 0.5))
    np.testing.assert_allclose(
        k.contributions, k.bulk_contributions, atol=1e-7 * k.bulk_contributions.max()
    )
    np.testing.assert_allclose(suppression_curve(k)[1], 1.0, rtol=1e-5)
    assert results.slips == ()


def test_a_film_along_its_plane_conducts_like_fuchs_and_sondheimer(comm, shared_tmp_path):
    """One mean free path thick, specular for 0.3; coarse cells and 50 directions: 2 %."""
    rough = "".join(
        f'[walls.{name}]\nkind = "rough"\nspecularity = 0.3\n' for name in ("y_min", "y_max")
    )
    results = results_of(
        comm,
        shared_tmp_path,
        material=GRAY,
        builder='{ shape = "block", lengths = [2e-8, 1e-7], size = 1e-8, periodic = "x" }',
        walls=PERIODIC.format(first="x_min", last="x_max") + rough,
        shape="plane",
    )
    k = results.conductivity
    assert k.bulk == pytest.approx(3e6 * 1000.0**2 * 1e-10 / 3.0, rel=1e-10)
    assert k.value / k.bulk == pytest.approx(float(film_suppression(1.0, 0.3)), rel=0.02)
    assert (k.gradient.length, k.gradient.area) == pytest.approx((2e-8, 1e-7))
    (path,), (value,) = suppression_curve(k)
    assert (path, value) == pytest.approx((1e-7, k.value / k.bulk), rel=1e-9)


def test_a_state_that_did_not_converge_has_no_conductivity(comm, shared_tmp_path):
    text = CASE.format(
        material=BANDS,
        builder='{ shape = "film", thickness = 1e-7, size = 5e-9 }',
        walls=HELD.format(hot=301.0, cold=299.0),
        steady="",
        shape="unfinished",
    )
    text = text.replace("tolerance = 1e-10", "tolerance = 1e-300\nmax_iterations = 1")
    results = run_case(parse_case(text, folder=shared_tmp_path), comm)
    assert not results.steady_report.converged
    assert results.conductivity is None and results.slips == ()
