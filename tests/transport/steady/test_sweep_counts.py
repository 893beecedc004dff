"""How many sweeps the steady state of a gray body takes: few, from thin to thick bodies."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.models import gray_crystal
from pbte.transport.body import make_body
from pbte.transport.sources import project
from pbte.transport.steady.steady import solve_steady

KNUDSEN = (100.0, 1.0, 1e-1, 1e-2, 1e-4)


def sweeps(mesh, knudsen):
    """Return the sweeps to 1e-8 for a body of unit length, heated evenly between black walls."""
    crystal = gray_crystal(
        speed=1.0, relaxation_time=knudsen, heat_capacity=1.0, polar=8, azimuthal=4
    )
    heat = project(mesh, lambda points: np.ones(points.shape[0]))
    problem = make_body(mesh, crystal.kernel, heat, np.zeros(mesh.boundary_dofs.size))
    report = solve_steady(problem, crystal.kernel, tolerance=1e-8).report
    assert report.converged
    return report.sweeps


@pytest.mark.parametrize("knudsen", KNUDSEN)
def test_a_gray_film_takes_at_most_15_sweeps_and_a_finer_mesh_no_more(grid, knudsen):
    """Four times the cells cost at most a fifth more sweeps."""
    coarse, fine = (sweeps(sweep_mesh_of(grid(1, n)), knudsen) for n in (20, 80))
    assert coarse <= 15 and fine <= 15
    assert fine <= 1.2 * coarse


@pytest.mark.parametrize("knudsen", KNUDSEN)
def test_a_gray_cube_takes_at_most_15_sweeps(grid, knudsen):
    assert sweeps(sweep_mesh_of(grid(3, 4, wobble=0.1)), knudsen) <= 15
