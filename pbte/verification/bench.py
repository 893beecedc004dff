"""The benchmark: how fast drift, mixing and whole iterations are, in one run, on one machine.

    sweep, bands      core-nanoseconds per unknown, ordering apart     benchmarks.sweeping
    collide           share of the machine's matrix product            benchmarks.mixing
    order, steady     orders per second, bytes per unknown             benchmarks.iterating
    superlattice      sweeps of periodic layers of two crystals        benchmarks.superlattices
    petsc             the same drift assembled and solved by PETSc     benchmarks.assembled
    scaling           one rank against all                             benchmarks.scaling

Everything but the scaling runs on the first rank, while the others sleep.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks, run_together
from pbte.geometry.domain import Domain, read_domain
from pbte.materials.kernel import FactoredKernel, FullKernel, rta_kernel, truncated_kernel
from pbte.materials.storage import Material, read_material
from pbte.verification.benchmarks.assembled import AssembledFigures, assembled_figures
from pbte.verification.benchmarks.bodies import band_table, sampled_modes, sphere
from pbte.verification.benchmarks.iterating import (
    OrderFigures,
    SteadyFigures,
    order_figures,
    steady_figures,
)
from pbte.verification.benchmarks.machine import Machine, describe_machine, use_threads
from pbte.verification.benchmarks.mixing import CollideFigures, collide_figures
from pbte.verification.benchmarks.scaling import (
    ScalingFigures,
    rest_until_all_arrive,
    scaling_figures,
)
from pbte.verification.benchmarks.superlattices import (
    MODELS,
    SuperlatticeFigures,
    superlattice_figures,
)
from pbte.verification.benchmarks.sweeping import SweepFigures, sweep_figures

SECTIONS = ("sweep", "bands", "collide", "order", "steady", "superlattice", "petsc", "scaling")

# Pairs of modes of opposite velocity: four matrices in all.
PETSC_MODES = 4

LOG = logging.getLogger("pbte.verification")


@dataclass(frozen=True, kw_only=True)
class BenchSettings:
    """Quantities to measure, and for how long.

    Attributes:
        material: Shipped name or file of a material with its full matrix.
        mesh: Mesh file of tetrahedra for sweep, order and scaling; spheres if None.
        cells: Cells of the sphere for sweep, order and scaling, to fit the second-level cache.
        large_cells: Cells of the sphere that does not fit it.
        steady_cells: Cells of the sphere for the steady state.
        periods: Periods of the superlattices [m].
        petsc_cells: Cells of the sphere for PETSc's solvers.
        sampled_modes: Modes on the large mesh and in the table of bands.
        order_modes: Most modes on the mesh of `cells` in sweep; the whole table if None.
        columns: Degrees of freedom that are mixed in collide.
        product_size: Rows of the matrices for the machine's own rate.
        rank: Rank of the kernel in the Krylov solve.
        repeats: Repeats of what takes a fraction of a second; longer work has fewer.
        threads: Threads of each rank.
        sections: What to measure.
    """

    material: str = "Si-9"
    mesh: Path | None = None
    cells: int = 2500
    large_cells: int = 20000
    steady_cells: int = 300
    periods: tuple[float, ...] = (2e-8, 2e-7, 2e-6)
    petsc_cells: int = 10000
    sampled_modes: int = 480
    order_modes: int | None = None
    columns: int = 4096
    product_size: int = 2048
    rank: int = 100
    repeats: int = 9
    threads: int = 1
    sections: tuple[str, ...] = SECTIONS


QUICK = {
    "cells": 800,
    "large_cells": 4000,
    "steady_cells": 30,
    "periods": (2e-7,),
    "petsc_cells": 2000,
    "sampled_modes": 120,
    "order_modes": 480,
    "columns": 512,
    "product_size": 1024,
    "rank": 30,
    "repeats": 3,
}
"""Settings of a look in a few seconds; its figures are not to be quoted."""


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """Everything that was measured; empty where it was not asked for.

    Attributes:
        machine: Conditions of the measurement.
        sweep: Drift on a mesh that fits the cache and on one that does not.
        bands: The same with many bands along each direction.
        collide: Mixing.
        order: Scattering orders, full matrix and relaxation times.
        steady: The steady state.
        superlattice: That of superlattices, by the kind of their interfaces.
        petsc: PETSc's solvers next to the sweep.
        scaling: One rank against all, None on one rank.
    """

    machine: Machine
    sweep: tuple[SweepFigures, ...] = ()
    bands: tuple[SweepFigures, ...] = ()
    collide: tuple[CollideFigures, ...] = ()
    order: tuple[OrderFigures, ...] = ()
    steady: tuple[SteadyFigures, ...] = ()
    superlattice: tuple[SuperlatticeFigures, ...] = ()
    petsc: tuple[AssembledFigures, ...] = ()
    scaling: ScalingFigures | None = None


def choose_sections(pattern: str | None) -> tuple[str, ...]:
    """Return the sections that match a pattern such as "sweep", "s*" or "order,steady".

    Raises:
        InputError: A part of the pattern matches none.
    """
    if pattern is None:
        return SECTIONS
    chosen: set[str] = set()
    for part in pattern.split(","):
        found = [name for name in SECTIONS if fnmatchcase(name, part.strip().lower())]
        if not found:
            raise InputError(f"--only {part}: no such section; there are {', '.join(SECTIONS)}")
        chosen.update(found)
    return tuple(name for name in SECTIONS if name in chosen)


def run_bench(settings: BenchSettings, comm: MPI.Intracomm) -> BenchReport:
    """Measure what the settings ask for; the report is complete on the first rank.

    Args:
        settings: What to measure.
        comm: The ranks; only the scaling uses more than the first.

    Raises:
        InputError: A material or mesh that is missing or does not fit, or too many threads.

    Note: Collective over `comm`.
    """
    use_threads(settings.threads)
    wanted = settings.sections
    machine = describe_machine(settings.threads)
    material = run_together(comm, lambda: _material(settings.material))
    report = BenchReport(machine=machine)
    with on_all_ranks(comm):
        try:
            if comm.rank == 0:
                for section in (name for name in wanted if name in _MEASURES):
                    LOG.info("measuring %s", section)
                    figures = _MEASURES[section](settings, material)
                    report = replace(report, **{section: figures})
        finally:
            rest_until_all_arrive(comm)
    if "scaling" in wanted and comm.size > 1:
        LOG.info("measuring scaling")
        figures = scaling_figures(
            _main_mesh(settings, comm),
            material.kernel,
            comm,
            repeats=_few(settings),
            threads=settings.threads,
        )
        report = replace(report, scaling=figures)
    return report


def _sweep(settings: BenchSettings, material: Material) -> tuple[SweepFigures, ...]:
    modes = material.modes
    few = sampled_modes(modes, settings.sampled_modes)
    here = modes if settings.order_modes is None else sampled_modes(modes, settings.order_modes)
    return (
        sweep_figures(_main_mesh(settings), here, repeats=settings.repeats),
        sweep_figures(_large_mesh(settings), few, repeats=settings.repeats),
    )


def _bands(settings: BenchSettings, material: Material) -> tuple[SweepFigures, ...]:
    modes = band_table(settings.sampled_modes).modes
    meshes = (_main_mesh(settings), _large_mesh(settings))
    return tuple(sweep_figures(mesh, modes, repeats=settings.repeats) for mesh in meshes)


def _collide(settings: BenchSettings, material: Material) -> tuple[CollideFigures, ...]:
    figures = collide_figures(
        material.kernel,
        num_columns=settings.columns,
        size=settings.product_size,
        repeats=_few(settings),
        threads=settings.threads,
    )
    return (figures,)


def _order(settings: BenchSettings, material: Material) -> tuple[OrderFigures, ...]:
    mesh = _main_mesh(settings)
    return (
        order_figures(mesh, material.kernel, repeats=_few(settings)),
        order_figures(mesh, rta_kernel(material.modes), repeats=settings.repeats),
    )


def _steady(settings: BenchSettings, material: Material) -> tuple[SteadyFigures, ...]:
    kernel = material.kernel
    if isinstance(kernel, FullKernel):
        leading = truncated_kernel(kernel, min(settings.rank, kernel.modes.num_modes))
    else:
        assert isinstance(kernel, FactoredKernel)
        leading = kernel
    mesh = sphere(settings.steady_cells, MPI.COMM_SELF)
    return (steady_figures(mesh, kernel, leading, repeats=max(1, _few(settings) - 1)),)


def _superlattice(settings: BenchSettings, material: Material) -> tuple[SuperlatticeFigures, ...]:
    return tuple(superlattice_figures(model, settings.periods) for model in MODELS)


def _petsc(settings: BenchSettings, material: Material) -> tuple[AssembledFigures, ...]:
    mesh = sphere(settings.petsc_cells, MPI.COMM_SELF)
    figures = assembled_figures(
        mesh, material.modes, num_modes=PETSC_MODES, repeats=settings.repeats
    )
    return (figures,)


_MEASURES: dict[str, Callable[[BenchSettings, Material], Any]] = {
    "sweep": _sweep,
    "bands": _bands,
    "collide": _collide,
    "order": _order,
    "steady": _steady,
    "superlattice": _superlattice,
    "petsc": _petsc,
}


def _few(settings: BenchSettings) -> int:
    """Return the repeats of work that takes seconds."""
    return max(1, settings.repeats // 3)


def _main_mesh(settings: BenchSettings, comm: MPI.Intracomm = MPI.COMM_SELF) -> Domain:
    if settings.mesh is None:
        return sphere(settings.cells, comm)
    domain = read_domain(settings.mesh, comm)
    if domain.mesh.topology.dim != 3:
        raise InputError(
            f"{settings.mesh}: its cells have dimension {domain.mesh.topology.dim}; the benchmark "
            "counts tetrahedra"
        )
    return domain


def _large_mesh(settings: BenchSettings) -> Domain:
    return sphere(settings.large_cells, MPI.COMM_SELF)


def _material(name: str) -> Material:
    material = read_material(name)
    if material.modes.num_pairs == 0:
        raise InputError(f"{name}: it has no pair of modes (q, -q) to measure")
    return material
