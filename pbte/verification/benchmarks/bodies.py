"""Bodies of the benchmarks: spheres of a given number of cells, and tables of modes."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import ModePartition
from pbte.core.parallel import on_all_ranks
from pbte.geometry.domain import Domain, read_domain
from pbte.geometry.shapes import nanoparticle
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.kernel import CollisionKernel
from pbte.materials.models import isotropic_crystal
from pbte.materials.modes import ModeTable, canonical_partners
from pbte.materials.storage import Material
from pbte.transport.body import Body, make_body
from pbte.transport.sources import gaussian, project

DIAMETER = 200e-9
# Gmsh fills a ball with about this many tetrahedra per cube of the element size.
_CELLS_PER_CUBE = 4.9

NUM_BANDS = 15


def sphere(num_cells: int, comm: MPI.Intracomm) -> Domain:
    """Return a sphere of 200 nm of about this many tetrahedra. Collective over `comm`."""
    size = DIAMETER * (np.pi / 6.0 * _CELLS_PER_CUBE / num_cells) ** (1.0 / 3.0)
    with tempfile.TemporaryDirectory(prefix="pbte-bench-") as folder:
        path = Path(comm.bcast(folder)) / "sphere.msh"
        with on_all_ranks(comm):
            if comm.rank == 0:
                nanoparticle(path, diameter=DIAMETER, size=size)
        domain = read_domain(path, comm)
        comm.barrier()  # the first rank must not remove the file before all have read it
    return domain


def heated_body(
    domain: Domain, kernel: CollisionKernel, share: ModePartition | None = None
) -> Body:
    """Return a body heated at the origin, with walls at T0."""
    mesh = sweep_mesh_of(domain)
    heat = project(mesh, gaussian(np.zeros(3), DIAMETER / 10.0))
    inflow = np.zeros(mesh.boundary_dofs.size)
    return make_body(mesh, kernel, heat, inflow, mode_partition=share)


def sampled_modes(modes: ModeTable, num_modes: int) -> ModeTable:
    """Return about `num_modes` modes of a table, evenly spaced pairs with their partners."""
    num_pairs = max(1, min(modes.num_pairs, num_modes // 2))
    first = np.linspace(0, modes.num_pairs - 1, num_pairs).astype(np.int64)
    chosen = np.concatenate([first, modes.num_pairs + first])
    rows: dict[str, Any] = {
        name: getattr(modes, name)[chosen]
        for name in (
            "frequencies",
            "velocities",
            "loss_rates",
            "heat_capacities",
            "grid_points",
            "bands",
            "wave_vectors",
        )
    }
    partners = canonical_partners(num_pairs, 2 * num_pairs)
    return dataclasses.replace(modes, partners=partners, crystal=None, **rows)


def band_table(num_modes: int) -> Material:
    """Return a model crystal of 15 bands along each direction, about `num_modes` modes."""
    azimuthal = max(4, 2 * round(np.sqrt(num_modes / NUM_BANDS / 2.0)))
    return isotropic_crystal(
        name=f"{NUM_BANDS} bands",
        temperature=300.0,
        speeds=[1e3 + 5e2 * band for band in range(NUM_BANDS)],
        relaxation_times=[1e-12 * (1 + 3 * band) for band in range(NUM_BANDS)],
        heat_capacities=[1e5] * NUM_BANDS,
        polar=max(2, azimuthal // 2),
        azimuthal=azimuthal,
    )


def array_bytes(record: object) -> int:
    """Return the bytes of all arrays in a record, those of its inner records included."""
    seen: dict[int, int] = {}

    def visit(item: object) -> None:
        if isinstance(item, np.ndarray):
            while isinstance(item.base, np.ndarray):
                item = item.base
            seen[id(item)] = item.nbytes
        elif dataclasses.is_dataclass(item):
            for field in dataclasses.fields(item):
                visit(getattr(item, field.name))
        elif isinstance(item, tuple | list):
            for part in item:
                visit(part)

    visit(record)
    return sum(seen.values())
