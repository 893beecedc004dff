"""The temperature slip at black walls: its limits, and what is said where no heat flows."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.observables.bulk import bulk_tensor
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.observables.slip import WallShape, wall_shape, wall_slips
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot
from pbte.transport.body import make_body
from pbte.transport.sources import wall_inflow
from pbte.transport.steady.steady import solve_steady
from pbte.verification.validation._interval import interval
from pbte.verification.validation.film import film_cells

ALONG_X = WallShape(area=1.0, normals=np.diag([1.0, 0.0, 0.0]))


def film_slips(thickness, comm, held=(0.5, -0.5), num_cells=60):
    """Return the slips at both walls of a gray film, thickness in mean free paths; C = 3, v = 1."""
    crystal = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=3.0, quadrature=line_rule(32)
    )
    domain = interval(film_cells(thickness, 0.01, num_cells))
    mesh, modes = sweep_mesh_of(domain), crystal.modes
    walls = dict(zip(("left", "right"), held, strict=True))
    problem = make_body(
        mesh,
        crystal.kernel,
        np.zeros(mesh.num_dofs),
        wall_inflow(mesh, domain.walls, walls),
        mode_partition=partition_modes(modes.num_pairs, modes.num_modes, comm),
    )
    steady = solve_steady(problem, crystal.kernel, tolerance=1e-10)
    assert steady.report.converged
    tally = FieldTally(
        system=problem, walls=domain.walls, frequency_edges=frequency_bins(modes.frequencies, 1)
    )
    snapshot = tally.observe(steady.theta, 0.0, scatters=False, inflow=problem.inflow)
    behind = dict.fromkeys(walls, bulk_tensor(problem))
    return wall_slips(snapshot, walls, dict.fromkeys(walls, ALONG_X), behind)


def test_the_slip_length_of_a_thick_gray_film_is_that_of_hopf(comm):
    """The Hopf function is 1/sqrt(3) at the surface, exactly; in mean free paths."""
    slips = film_slips(100.0, comm, num_cells=120)
    assert [slip.wall for slip in slips] == ["left", "right"]
    for slip in slips:
        assert slip.length == pytest.approx(3.0**-0.5, rel=1e-3)  # of the cells at the wall
        assert slip.resistance == pytest.approx(slip.length, rel=1e-10)  # k = 1
    left, right = slips
    assert left.slip == pytest.approx(-right.slip, rel=1e-6) and left.slip > 0.0
    assert left.heat_flux == pytest.approx(-right.heat_flux, rel=1e-7)


def test_the_slips_of_a_thin_film_take_half_the_drop_each(comm):
    """Everywhere (T_hot + T_cold)/2 and q = C v dT/4, so that R = 2/(C v)."""
    for slip in film_slips(1e-6, comm, num_cells=8):
        assert abs(slip.slip) == pytest.approx(0.5, rel=1e-5)
        assert slip.resistance == pytest.approx(2.0 / 3.0, rel=1e-5)


def test_the_slip_does_not_depend_on_the_reference_temperature(comm):
    here, there = (film_slips(1.0, comm, held, 20) for held in ((0.5, -0.5), (0.0, -1.0)))
    for one, other in zip(here, there, strict=True):
        assert other.slip == pytest.approx(one.slip, rel=1e-6)
        assert other.resistance == pytest.approx(one.resistance, rel=1e-6)


def test_walls_in_equilibrium_with_the_body_have_no_slip_and_no_resistance(comm):
    for slip in film_slips(1.0, comm, (2.0, 2.0), 20):
        assert slip.slip == pytest.approx(0.0, abs=1e-8)
        assert isnan(slip.resistance) and isnan(slip.length)


def test_the_slip_length_uses_the_conductivity_across_the_wall():
    """A crystal that conducts 1, 2, 4 along x, y, z, and a wall half to x and half to y."""
    corners = np.array([[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]] * 3)
    geometry = MeshGeometry(
        points=np.zeros((1, 4, 3)),
        volumes=np.ones(1),
        facets=corners,
        facet_areas=np.array([2.0, 2.0, 5.0]),
        facet_normals=np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]),
        facet_walls=np.array([7, 7, 8]),
        walls={"corner": 7, "top": 8},
    )
    shape = wall_shape(geometry, "corner")
    assert shape.area == 4.0
    steady = Snapshot(
        temperature=np.zeros((1, 4)),
        heat_flux=np.zeros((1, 4, 3)),
        outgoing_spectrum={"corner": np.array([10.0])},
        outgoing_current=np.zeros(3),
        balance=Balance(deposited=0.0, absorbed={"corner": -8.0}, scattered_power=0.0),
        wall_temperatures={"corner": 0.25},
    )
    (slip,) = wall_slips(
        steady, {"corner": 1.25}, {"corner": shape}, {"corner": np.diag([1.0, 2.0, 4.0])}
    )
    assert (slip.slip, slip.heat_flux) == pytest.approx((1.0, 2.0))
    assert slip.resistance == pytest.approx(0.5)
    assert slip.length == pytest.approx(0.5 * 1.5)
