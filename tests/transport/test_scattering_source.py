"""ScatteringSource: moments say as much as the whole field, in portions of any size."""

from __future__ import annotations

import numpy as np
import pytest

import pbte.transport.body as problem_module
from pbte.materials.kernel import rta_kernel, truncated_kernel
from pbte.transport.body import make_body, stream, with_self_scattering
from pbte.transport.scattering_source import (
    FieldScatteringSource,
    MomentScatteringSource,
    generation,
)


def follow(problem, emission, num_orders):
    """Return the field and the power of each order."""
    found = []
    for number in range(num_orders):
        if number:
            emission.scatter()
        theta = problem.new_field()
        power = emission.power()
        for modes in emission.blocks():
            rows = emission.rows(modes)
            stream(problem, rows, modes, walls=number == 0)
            emission.collect(modes, rows)
            theta[modes] = rows
        found.append((theta, power))
    return found


@pytest.mark.parametrize("rank", [1, 12])
def test_moments_emit_what_the_whole_field_does(body, heat, silicon, comm, monkeypatch, rank):
    """Orders 0 to 3, from blocks of 32 modes and from all modes at once."""
    kernel = rta_kernel(silicon.modes) if rank == 1 else truncated_kernel(silicon.kernel, rank)
    w_in, w_out = comm.bcast((kernel.w_in, kernel.w_out))
    kernel = type(kernel)(modes=kernel.modes, w_in=w_in, w_out=w_out)
    monkeypatch.setattr(problem_module, "BLOCK_BYTES", 1)
    problem = heat(
        body("nanoparticle", diameter=50e-9, size=15e-9), kernel, sigma=5e-9, wall=0.2, comm=comm
    )
    moments = generation(problem)
    assert isinstance(moments, MomentScatteringSource)
    assert len(list(moments.blocks())) > 5
    whole = FieldScatteringSource(problem, problem.source())
    for (a, power), (b, expected) in zip(
        follow(problem, moments, 4), follow(problem, whole, 4), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=0.0, atol=1e-12 * np.abs(b).max())
        assert power == pytest.approx(expected, rel=1e-12)


def test_what_is_kept_does_not_grow_with_the_number_of_modes(body, heat, silicon):
    problem = heat(
        body("nanoparticle", diameter=50e-9, size=15e-9), rta_kernel(silicon.modes), sigma=5e-9
    )
    assert generation(problem).nbytes == 2 * 8 * problem.mesh.num_dofs
    assert FieldScatteringSource(problem, problem.source()).nbytes == problem.new_field().nbytes


def test_self_scattering_needs_the_field(body, heat, silicon):
    """Every mode comes back to itself: no moments hold that."""
    problem = heat(
        body("nanoparticle", diameter=50e-9, size=15e-9), rta_kernel(silicon.modes), sigma=5e-9
    )
    assert isinstance(generation(with_self_scattering(problem, 0.1)), FieldScatteringSource)


def test_blocks_hold_every_mode_once_beside_its_partner(body, heat, silicon, monkeypatch):
    monkeypatch.setattr(problem_module, "BLOCK_BYTES", 1)
    problem = heat(
        body("nanoparticle", diameter=50e-9, size=15e-9), rta_kernel(silicon.modes), sigma=5e-9
    )
    portions = list(problem.mode_blocks())
    everything = np.concatenate(portions)
    np.testing.assert_array_equal(np.sort(everything), np.arange(problem.mode_partition.num_modes))
    partners = problem.modes.partners
    for modes in portions:
        assert len(modes) <= problem_module.LEAST_MODES
        assert set(partners[modes]) == set(modes)


@pytest.mark.parametrize("scattering", ["full", "rta"])
def test_sources_that_heat_different_modes_add_up(body, heat, silicon, scattering):
    """Two sources in one problem give the sum of the fields that each gives by itself."""
    kernel = silicon.kernel if scattering == "full" else rta_kernel(silicon.modes)
    reference = heat(body("nanoparticle", diameter=50e-9, size=20e-9), kernel, sigma=5e-9)
    mesh = reference.mesh
    heats = np.array([np.linspace(1.0, 2.0, mesh.num_dofs), np.linspace(0.0, -1.0, mesh.num_dofs)])
    chosen = np.array([silicon.modes.bands == 1, silicon.modes.bands >= 3])

    def orders(heat_source, heated):
        problem = make_body(mesh, kernel, 1e18 * heat_source, reference.inflow[0], heated=heated)
        return follow(problem, generation(problem), 3)

    one, other, both = (
        orders(heats[0], chosen[0]),
        orders(heats[1], chosen[1]),
        orders(heats, chosen),
    )
    for (a, p), (b, q), (c, power) in zip(one, other, both, strict=True):
        scale = max(np.abs(a).max(), np.abs(b).max())
        np.testing.assert_allclose(a + b, c, rtol=0.0, atol=1e-12 * scale)
        assert p + q == pytest.approx(power, rel=1e-12)
