"""The sweep through cells shared by ranks gives what the sweep of the whole mesh gives.

Under mpirun every rank has a part of the cells; alone it has all of them and a halo of no facets.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import pbte.transport.sweep.pipeline_blocks as blocks_module
from pbte.core.errors import RunError
from pbte.core.mode_partition import partition_modes
from pbte.core.rank_grid import rank_grid
from pbte.geometry.distributed import distribute
from pbte.geometry.partition import Halo, gather_cells, partition, swap
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.transport.sources import gaussian, project
from pbte.transport.sweep.pipeline import sweep_pipeline
from pbte.transport.sweep.pipeline_order import plan_pipeline
from pbte.transport.sweep.sweep import plan_sweep, sweep

# The same operations on the same numbers: only their sequence may differ.
SAME = 1e-13
SPHERE = {"diameter": 200e-9, "size": 45e-9}


def random_modes(num_pairs, singles=3, seed=1):
    """Return velocities of 0.5 to 9 km/s, pairs first, and Gamma from 1e6 to 1e16 1/s."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(num_pairs + singles, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    velocities = directions * random.uniform(500.0, 9000.0, size=(len(directions), 1))
    pairs = velocities[:num_pairs]
    velocities = np.concatenate([pairs, -pairs, velocities[num_pairs:]])
    return velocities, random.permutation(np.logspace(6, 16, len(velocities)))


def divide(domain, comm):
    """Return the whole mesh and this rank's part of it, with a halo even if it is alone."""
    whole, part = sweep_mesh_of(domain), partition(distribute(domain, comm), comm)
    halo = part.halo
    if halo is None:
        empty = np.empty((0, whole.dim), dtype=np.int64)
        none = np.empty(0, dtype=np.int64)
        halo = Halo(
            comm=comm,
            neighbours=none,
            starts=np.zeros(1, dtype=np.int64),
            send_dofs=empty,
            recv_boundary_dofs=empty,
        )
    dim = whole.dim
    dofs = (part.cells[:, None] * (dim + 1) + np.arange(dim + 1)).ravel()
    boundary_dofs = (part.facets[:, None] * dim + np.arange(dim)).ravel()
    return SimpleNamespace(
        whole=whole, part=part, mesh=part.mesh, halo=halo, dofs=dofs, boundary_dofs=boundary_dofs
    )


def local_inflow(body, inflow):
    """Return the inflow of the local facets, and no numbers at all at those to other ranks."""
    local = np.full((len(inflow), body.mesh.boundary_dofs.size), np.nan, dtype=inflow.dtype)
    local[:, : body.boundary_dofs.size] = inflow[:, body.boundary_dofs]
    return local


def both_sweeps(body, velocities, loss_rates, *, num_pairs=0, inflow=None, source=None):
    """Return theta of the local cells, from the sweep of the whole mesh and from the pipeline."""
    random = np.random.default_rng(2)
    if source is None:
        source = random.uniform(-1.0, 1.0, size=(len(velocities), body.whole.num_dofs))
        source *= np.maximum(loss_rates, loss_rates.min() * 100.0)[:, None]
    if inflow is None:
        inflow = random.normal(size=(len(velocities), body.whole.boundary_dofs.size))
    alone = source.copy()
    order = plan_sweep(body.whole, velocities, num_pairs)
    sweep(body.whole, order, velocities, loss_rates, inflow, alone)
    shared = source[:, body.dofs].copy()
    order = plan_pipeline(body.mesh, body.halo, velocities, num_pairs)
    entering = local_inflow(body, inflow)
    sweep_pipeline(body.mesh, body.halo, order, velocities, loss_rates, entering, shared)
    return alone, shared


def assert_same(body, alone, shared):
    error = np.abs(shared - alone[:, body.dofs]).max(axis=1, initial=0.0)
    assert (error <= SAME * np.abs(alone).max(axis=1)).all()


@pytest.fixture(params=["line", "square", "cube", "sphere"])
def body_in_parts(request, grid, body, comm):
    """Return a body of each dimension, about 100 nm wide, in parts."""
    if request.param == "sphere":
        return divide(body("nanoparticle", **SPHERE), comm)
    dim = ["line", "square", "cube"].index(request.param) + 1
    size = (1e-7, 1.3e-7, 0.9e-7)
    return divide(grid(dim, {1: 17, 2: 6, 3: 4}[dim], wobble=0.3, stretch=size), comm)


def test_parts_drift_like_the_whole_from_ballistic_to_thick(body_in_parts):
    velocities, loss_rates = random_modes(20)
    alone, shared = both_sweeps(body_in_parts, velocities, loss_rates, num_pairs=20)
    assert_same(body_in_parts, alone, shared)


def test_walls_that_only_absorb(body_in_parts):
    velocities, loss_rates = random_modes(4)
    nothing = np.zeros((1, body_in_parts.whole.boundary_dofs.size))
    alone, shared = both_sweeps(body_in_parts, velocities, loss_rates, num_pairs=4, inflow=nothing)
    assert_same(body_in_parts, alone, shared)


def test_a_mode_at_rest_and_modes_along_the_faces(grid, comm):
    """Nothing flows through a face along v: both sides must know it."""
    body = divide(grid(3, 3), comm)
    velocities = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, -1, -1], [1, 1, 1]], dtype=float)
    alone, shared = both_sweeps(body, velocities, np.full(5, 0.7))
    assert_same(body, alone, shared)


def test_bands_of_one_direction_go_eight_at_once(grid, comm):
    """Nineteen speeds to and fro along each line: full groups, groups with gaps, one mode left."""
    body = divide(grid(3, 4, wobble=0.3), comm)
    random = np.random.default_rng(3)
    lines = random.normal(size=(3, 3))
    half = np.concatenate([np.outer(random.uniform(0.5, 2.0, 19), line) for line in lines])
    half = np.concatenate([half, random.normal(size=(1, 3))])
    velocities = np.concatenate([half, -half])
    loss_rates = random.permutation(np.logspace(-3, 3, len(velocities)))
    alone, shared = both_sweeps(body, velocities, loss_rates, num_pairs=len(half))
    assert_same(body, alone, shared)


def test_some_modes_in_any_sequence(body_in_parts):
    """The rows of field and inflow are those of the chosen modes."""
    body, (velocities, loss_rates) = body_in_parts, random_modes(6)
    random = np.random.default_rng(4)
    source = random.normal(size=(len(velocities), body.whole.num_dofs)) * loss_rates[:, None]
    inflow = random.normal(size=(len(velocities), body.whole.boundary_dofs.size))
    alone, _ = both_sweeps(body, velocities, loss_rates, num_pairs=6, source=source, inflow=inflow)
    order = plan_pipeline(body.mesh, body.halo, velocities, 6)
    for chosen in (np.array([7, 2, 13, 8, 0]), slice(3, 9), np.array([], dtype=np.int64)):
        some = source[chosen][:, body.dofs]
        entering = local_inflow(body, inflow)[chosen]
        arguments = velocities, loss_rates, entering, some, chosen
        sweep_pipeline(body.mesh, body.halo, order, *arguments)
        assert_same(body, alone[chosen], some)


def test_complex_loss_rates(grid, comm):
    """Gamma + i omega, as for a response in time."""
    body = divide(grid(2, 5, wobble=0.3), comm)
    velocities = np.random.default_rng(5).normal(size=(6, 3))
    loss_rates = np.logspace(-2, 2, 6) + 3.0j
    random = np.random.default_rng(6)
    source = random.normal(size=(6, body.whole.num_dofs)) * (1.0 - 0.5j)
    inflow = random.normal(size=(1, body.whole.boundary_dofs.size)) * (1.0 + 2.0j)
    alone, shared = both_sweeps(body, velocities, loss_rates, source=source, inflow=inflow)
    assert_same(body, alone, shared)


def test_energy_is_conserved_through_all_parts(body_in_parts, comm):
    """What is made and not lost leaves through the walls, mode by mode."""
    body, (velocities, loss_rates) = body_in_parts, random_modes(5)
    mesh, dim = body.mesh, body.mesh.dim
    random = np.random.default_rng(7)
    source = random.uniform(size=(len(velocities), body.whole.num_dofs)) * loss_rates[:, None]
    inflow = random.uniform(size=(len(velocities), body.whole.boundary_dofs.size))
    _, theta = both_sweeps(body, velocities, loss_rates, num_pairs=5, source=source, inflow=inflow)
    made = (source[:, body.dofs] - loss_rates[:, None] * theta) @ mesh.dof_weights
    true = len(body.part.facets)
    through = velocities[:, :dim] @ mesh.boundary_normals[:true].T
    leaving = theta[:, mesh.boundary_dofs[:true]].mean(axis=2)
    entering = inflow[:, body.boundary_dofs].reshape(len(inflow), true, dim).mean(axis=2)
    lost = (through * np.where(through > 0.0, leaving, entering)).sum(axis=1)
    scale = source[:, body.dofs] @ mesh.dof_weights + np.abs(through * entering).sum(axis=1)
    made, lost, scale = comm.allreduce(np.stack([made, lost, scale]))
    np.testing.assert_allclose(made / scale, lost / scale, rtol=0.0, atol=1e-12)


def stages_of(body, order, row):
    """Return the stage of each local cell in one order."""
    stages = np.empty(body.mesh.num_cells, dtype=np.int64)
    for stage in range(order.starts.shape[1] - 1):
        stages[order.cells[row, order.starts[row, stage] : order.starts[row, stage + 1]]] = stage
    return stages


def test_stages_are_one_more_than_those_of_other_ranks_upstream(body_in_parts):
    """In every cell that others wait for; the rest go with the first stage or the last.

    And upstream cells come first.
    """
    body, (velocities, _) = body_in_parts, random_modes(6)
    mesh, halo = body.mesh, body.halo
    order = plan_pipeline(mesh, halo, velocities, 6)
    assert order.num_cyclic_modes == 0
    first_cut = len(body.part.facets)
    for row, direction in enumerate(order.directions):
        stages = stages_of(body, order, row)
        np.testing.assert_array_equal(np.sort(order.cells[row]), np.arange(mesh.num_cells))
        across = swap(halo, stages[halo.send_dofs[:, 0] // (mesh.dim + 1)])
        least, awaited = np.zeros_like(stages), np.zeros(mesh.num_cells, dtype=bool)
        flow = np.einsum("ckf,k->cf", mesh.face_normals, direction)
        when = np.argsort(order.cells[row])
        for cell in order.cells[row][::-1]:
            for other in mesh.neighbours[cell][flow[cell] > 0.0]:
                awaited[cell] |= awaited[other] if other >= 0 else -1 - other >= first_cut
            for other in mesh.neighbours[cell][flow[cell] < 0.0]:
                if other >= 0:
                    assert when[other] < when[cell]
                    least[cell] = max(least[cell], stages[other])
                elif -1 - other >= first_cut:
                    least[cell] = max(least[cell], across[-1 - other - first_cut] + 1)
        assert (stages >= least).all()
        np.testing.assert_array_equal(stages[awaited], least[awaited])
        assert np.isin(stages[~awaited], [0, order.last[row]]).all()


def test_every_facet_is_sent_once_by_the_rank_that_a_mode_leaves(body_in_parts, comm):
    body, (velocities, _) = body_in_parts, random_modes(6)
    mesh, halo = body.mesh, body.halo
    order = plan_pipeline(mesh, halo, velocities, 6)
    normals = mesh.boundary_normals[len(body.part.facets) :]
    for mode, velocity in enumerate(velocities):
        flight = 2 * order.rows[mode] + order.backwards[mode]
        out, into = order.out_starts[flight], order.in_starts[flight]
        through = normals @ velocity[: mesh.dim]
        sent = order.faces[flight, out[0] : out[-1]]
        np.testing.assert_array_equal(np.sort(sent), np.flatnonzero(through > 0.0))
        received = order.faces[flight, into[0] : into[-1]]
        np.testing.assert_array_equal(np.sort(received), np.flatnonzero(through < 0.0))
    total = comm.allreduce(int((order.out_starts[:, -1]).sum()))
    assert total == comm.allreduce(int((order.in_starts[:, -1] - order.in_starts[:, 0]).sum()))


@pytest.mark.parametrize(("modes", "flying", "tags"), [(1, 1, 32767), (2, 3, 5), (50, 8, 40)])
def test_the_size_of_blocks_and_their_number_in_flight_change_nothing(
    grid, comm, monkeypatch, modes, flying, tags
):
    """Not even with so few tags that messages of different blocks share one."""
    body = divide(grid(3, 4, wobble=0.3), comm)
    velocities, loss_rates = random_modes(15)
    velocities, loss_rates = velocities / 3000.0, loss_rates / 1e11
    order = plan_pipeline(body.mesh, body.halo, velocities, 15)
    source = np.random.default_rng(8).normal(size=(len(velocities), body.mesh.num_dofs))
    walls = np.ones((1, body.mesh.boundary_dofs.size))
    fields = [source.copy(), source.copy()]
    arguments = velocities, loss_rates, walls
    sweep_pipeline(body.mesh, body.halo, order, *arguments, fields[0])
    monkeypatch.setattr(blocks_module, "BLOCKS_IN_FLIGHT", flying)
    monkeypatch.setattr(blocks_module, "LARGEST_TAG", tags)
    order = replace(order, block_modes=modes)
    for _ in range(2):
        fields[1][:] = source
        sweep_pipeline(body.mesh, body.halo, order, *arguments, fields[1])
    np.testing.assert_array_equal(fields[0], fields[1])


@pytest.fixture
def twisted(grid, comm):
    """Return cells so twisted that some directions run through them in circles, and those modes."""
    domain = grid(3, 5, wobble=1.0, seed=1)
    directions = np.random.default_rng(1).normal(size=(200, 3))
    lagged = plan_sweep(sweep_mesh_of(domain), directions).lagged
    velocities = directions[lagged > 0]
    assert len(velocities) >= 5
    return divide(domain, comm), velocities


def test_cycles_through_and_across_ranks_are_swept_until_they_settle(twisted):
    body, half = twisted
    velocities = np.concatenate([half, -half])
    order = plan_pipeline(body.mesh, body.halo, velocities, len(half))
    # Cycles of the whole mesh do not go away when other ranks hold a part of them.
    assert order.num_cyclic_modes == len(velocities)
    for loss_rate in (1e-6, 1.0, 1e3):
        alone, shared = both_sweeps(
            body, velocities, np.full(len(velocities), loss_rate), num_pairs=len(half)
        )
        error = np.abs(shared - alone[:, body.dofs]).max(initial=0.0)
        # Both stop when nothing changes any more by more than a few units in the last place.
        assert error <= 10 * SAME * np.abs(alone).max()


def test_cycles_of_many_bands_and_straight_modes_together(twisted):
    body, half = twisted
    speeds = np.linspace(0.5, 2.0, 9)
    velocities = np.concatenate([np.outer(speeds, half[0]), half[1:3], [[0.0, 0.0, 0.0]]])
    alone, shared = both_sweeps(body, velocities, np.logspace(-3, 3, len(velocities)))
    error = np.abs(shared - alone[:, body.dofs]).max(axis=1, initial=0.0)
    assert (error <= 10 * SAME * np.abs(alone).max(axis=1)).all()


def test_modes_that_do_not_settle_stop_all_ranks(twisted, monkeypatch):
    body, half = twisted
    monkeypatch.setattr(blocks_module, "MAX_ROUNDS", 1)
    order = plan_pipeline(body.mesh, body.halo, half)
    field = np.ones((len(half), body.mesh.num_dofs))
    walls = np.zeros((1, body.mesh.boundary_dofs.size))
    with pytest.raises(RunError, match="did not settle in 1 rounds"):
        sweep_pipeline(body.mesh, body.halo, order, half, np.full(len(half), 1e-3), walls, field)


def test_a_rank_without_cells_takes_part(grid, comm):
    """As when all cells of one material are on other ranks."""
    domain = grid(3, 3, wobble=0.3)
    body = divide(domain, comm)
    everything = distribute(domain, comm.Split(comm.rank))
    chosen = np.arange(len(everything.cells) if comm.rank == 0 else 0)
    facets = np.arange(len(everything.facets) if comm.rank == 0 else 0)
    mine = replace(
        everything,
        points=everything.points[chosen],
        vertices=everything.vertices[chosen],
        cells=everything.cells[chosen],
        cell_regions=everything.cell_regions[chosen],
        boundary=everything.boundary[facets],
        facets=everything.facets[facets],
        facet_walls=everything.facet_walls[facets],
    )
    part = partition(mine, comm)
    velocities, loss_rates = np.random.default_rng(9).normal(size=(5, 3)), np.logspace(-2, 2, 5)
    source = np.random.default_rng(10).normal(size=(5, body.whole.num_dofs))
    alone = source.copy()
    walls = np.ones((1, body.whole.boundary_dofs.size))
    sweep(body.whole, plan_sweep(body.whole, velocities), velocities, loss_rates, walls, alone)
    if part.halo is None:
        pytest.skip("needs more than one rank")
    shared = source[:, : part.mesh.num_dofs].copy()
    order = plan_pipeline(part.mesh, part.halo, velocities)
    walls = walls[:, : part.mesh.boundary_dofs.size]
    sweep_pipeline(part.mesh, part.halo, order, velocities, loss_rates, walls, shared)
    assert shared.shape[1] == (body.whole.num_dofs if comm.rank == 0 else 0)
    expected = alone[:, : shared.shape[1]]
    np.testing.assert_allclose(shared, expected, rtol=0.0, atol=SAME * np.abs(alone).max())


def test_orders_are_the_same_on_every_grid_of_ranks(body, silicon, comm):
    """Three scattering orders at the relaxation rate, with all ways of dealing modes and cells."""
    domain, modes = body("nanoparticle", **SPHERE), silicon.modes
    whole = sweep_mesh_of(domain)
    expected = temperatures_of_orders(whole, modes, rank_grid(comm.Split(comm.rank), 1), None)
    for parts in (n for n in range(1, comm.size + 1) if comm.size % n == 0):
        grid = rank_grid(comm, parts)
        part = partition(distribute(domain, grid.space, grid.modes), grid.space)
        local = temperatures_of_orders(part.mesh, modes, grid, part.halo)
        by_cell = np.moveaxis(local.reshape(3, -1, 4), 0, 1)
        found = gather_cells(part, by_cell)
        if found is None:
            continue
        wanted = np.moveaxis(expected.reshape(3, -1, 4), 0, 1)
        assert np.abs(found - wanted).max() <= 1e-12 * np.abs(wanted).max()


def temperatures_of_orders(mesh, modes, grid, halo):
    """Return the energy temperature of the first orders, shape (3, num_dofs).

    A Gaussian heats all modes, the walls absorb, and each event spreads the energy of the modes
    over all of them: the kernel of rank one.
    """
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, grid.modes)
    mine, pairs = mode_partition.indices, mode_partition.num_pairs
    velocities = modes.velocities[mine]
    velocities[pairs : 2 * pairs] = -velocities[:pairs]
    rates, capacities = modes.loss_rates[mine], modes.heat_capacities[mine]
    weights = modes.heat_capacities * modes.loss_rates
    source = np.tile(project(mesh, gaussian(np.zeros(3), 40e-9)), (len(mine), 1))
    walls = np.zeros((1, mesh.boundary_dofs.size))
    if halo is None:
        order = plan_sweep(mesh, velocities, pairs)
    else:
        order = plan_pipeline(mesh, halo, velocities, pairs)
    found = []
    for _ in range(3):
        if halo is None:
            sweep(mesh, order, velocities, rates, walls, source)
        else:
            sweep_pipeline(mesh, halo, order, velocities, rates, walls, source)
        energy = grid.modes.allreduce(capacities @ source)
        found.append(energy / modes.heat_capacities.sum())
        scattered = grid.modes.allreduce((capacities * rates) @ source)
        source = rates[:, None] * (scattered / weights.sum())
    return np.stack(found)
