"""The command ``pbte bench``: how fast pbte is on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pbte.cli.logs import show_only
from pbte.cli.terminal import show, show_data, world
from pbte.core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from pbte.verification.bench import BenchReport
    from pbte.verification.benchmarks.assembled import AssembledFigures
    from pbte.verification.benchmarks.clock import Timing
    from pbte.verification.benchmarks.iterating import SteadyFigures
    from pbte.verification.benchmarks.machine import Machine
    from pbte.verification.benchmarks.scaling import ScalingFigures
    from pbte.verification.benchmarks.superlattices import SuperlatticeFigures
    from pbte.verification.benchmarks.sweeping import SweepFigures

_BY = "processor time, least of the repeats (median in brackets)"


def bench(
    material: Annotated[str, typer.Option(help="Shipped name or material file.")] = "Si-9",
    cells: Annotated[
        int | None,
        typer.Option(min=10, help="Number of cells of the sphere that should fit the cache."),
    ] = None,
    mesh: Annotated[
        Path | None, typer.Option(help="Mesh of tetrahedra instead of that sphere (.msh).")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each process.")] = 1,
    only: Annotated[
        str | None,
        typer.Option(
            help="Sections to measure, with commas and wildcards: sweep, bands, collide, order, "
            "steady, superlattice, petsc, scaling."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few seconds, on small meshes; rough figures only.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Measure the speed of sweep and scattering: ns per unknown, fraction of dgemm, against PETSc.

    Takes one to two minutes. Scaling over modes needs several processes, 'mpirun -n 2 pbte bench
    --only scaling'; everything else runs on the first one alone.
    """
    from pbte.verification.bench import QUICK, BenchSettings, choose_sections, run_bench

    if cells is not None and mesh is not None:
        raise InputError("--cells and --mesh both name the mesh; give one of them")
    given: dict[str, Any] = dict(QUICK) if quick else {}
    if cells is not None:
        given["cells"] = cells
    settings = BenchSettings(
        **given,
        material=material,
        mesh=mesh,
        threads=threads,
        sections=choose_sections(only),
    )
    comm = world()
    show_only("pbte.verification")
    report = run_bench(settings, comm)
    if json:
        show_data({"quick": quick, "num_ranks": comm.size, **asdict(report)})
    elif comm.rank == 0:
        show(*tables(report, quick=quick, alone=comm.size == 1, sections=settings.sections))


def tables(
    report: BenchReport, *, quick: bool, alone: bool, sections: Sequence[str]
) -> list[Table | str]:
    """Return the report as tables for the terminal.

    Args:
        report: Measurements.
        quick: Whether it was measured in the quick way.
        alone: Whether there is one rank, so that no scaling was measured.
        sections: Names of the sections that were requested.
    """
    parts: list[Table | str] = [_conditions(report.machine)]
    if report.sweep:
        parts.append(_sweep_table("Sweep, arbitrary directions", report.sweep, report.machine))
    if report.bands:
        parts.append(_sweep_table("Sweep, table of bands", report.bands, report.machine))
    parts += _mixing_tables(report)
    if report.superlattice:
        parts.append(_superlattice_table(report.superlattice))
    parts += [_assembled_table(figures) for figures in report.petsc]
    if report.scaling is not None:
        parts.append(_scaling_table(report.scaling))
    parts.append(f"Times are {_BY} unless marked 'by the clock'; ns are core-nanoseconds.")
    if quick:
        parts.append("Measured with --quick on small meshes: rough, not figures to quote.")
    if alone and "scaling" in sections:
        parts.append("Scaling needs several processes: mpirun -n 2 pbte bench --only scaling")
    return parts


def _conditions(machine: Machine) -> Table:
    from pbte.output.summary.overview import facts_table, memory_text

    caches = [("L2", machine.level_2_cache), ("L3", machine.level_3_cache)]
    known = [f"{name} {memory_text(size)}" for name, size in caches if size is not None]
    load = "not known" if machine.load is None else f"{machine.load:.1f}"
    return facts_table(
        [
            ("Processor", f"{machine.processor}, {machine.vector_unit}"),
            ("Caches", ", ".join(known) or "not known"),
            ("Threads", f"{machine.threads} of {machine.num_cores} cores"),
            ("Matrix products", machine.blas),
            ("Load before the start", f"{load} processes"),
        ],
        title="Conditions",
    )


def _sweep_table(title: str, figures: Iterable[SweepFigures], machine: Machine) -> Table:
    from pbte.output.summary.overview import memory_text
    from pbte.verification.benchmarks.sweeping import AMORTISED_SWEEPS

    cache = machine.level_2_cache
    columns = [
        (
            f"{item.material}, {item.num_cells:,} cells",
            [
                f"{item.num_modes:,}, {item.num_directions:,}, {item.num_orders:,}",
                f"{item.num_cyclic_modes:,}",
                memory_text(item.geometry_bytes),
                memory_text(item.working_set_bytes)
                + ("" if cache is None else f", {_fits(item.working_set_bytes, cache)} L2"),
                _two(item.sweep, _pairs(item), digits=1),
                _two(item.sweep, _pairs(item) * _vertices(item)),
                _two(item.ordering, _pairs(item), digits=1),
                f"{item.amortised_ns_per_unknown:.2f}",
            ],
        )
        for item in figures
    ]
    names = [
        "Modes, directions, sweep orders",
        "Modes with cyclic cells",
        "Geometry that a mode reads",
        "The same with its own fields",
        "Sweep, ns per cell and mode",
        "Sweep, ns per unknown",
        "Ordering, ns per cell and mode",
        f"With ordering/{AMORTISED_SWEEPS}, ns per unknown",
    ]
    return _columns(title, names, columns)


def _mixing_tables(report: BenchReport) -> list[Table]:
    from pbte.output.summary.overview import memory_text

    tables = []
    if report.collide:
        names = ["Modes, columns", "Seconds", "GF/s", "Machine's dgemm, GF/s", "Share"]
        columns = [
            (
                f"{item.material}, {item.scattering}",
                [
                    f"{item.num_modes:,}, {item.num_columns:,}",
                    _two(item.collide, 1.0, unit=1.0),
                    f"{item.rate / 1e9:.1f}",
                    f"{item.multiplication_rate / 1e9:.1f}",
                    f"{100 * item.share:.0f} %",
                ],
            )
            for item in report.collide
        ]
        tables.append(_columns("Scattering operator", names, columns))
    if report.order:
        names = ["Unknowns", "Seconds per order", "Orders per second, by the clock"]
        names += ["ns per unknown", "Bytes per unknown"]
        names += [f"  {name}" for name in report.order[0].state_bytes]
        columns = [
            (
                f"{item.material}, {item.scattering}, {item.num_cells:,} cells",
                [
                    f"{item.num_unknowns:,}",
                    _two(item.order, 1.0, unit=1.0),
                    f"{item.orders_per_second:.2f}",
                    f"{item.ns_per_unknown:.1f}",
                    f"{item.bytes_per_unknown:.1f}",
                    *(memory_text(size) for size in item.state_bytes.values()),
                ],
            )
            for item in report.order
        ]
        tables.append(_columns("Scattering orders", names, columns))
    if report.steady:
        names = ["Rank, tolerance", "Corrections", "Sweeps", "Seconds", "By the clock, seconds"]
        columns = [
            (
                f"{item.material}, {item.scattering}, {item.num_cells:,} cells",
                [
                    f"{item.rank}, {item.tolerance:.0e}",
                    f"{item.corrections}" + ("" if item.converged else " (NOT CONVERGED)"),
                    f"{item.sweeps}",
                    _two(item.solve, 1.0, unit=1.0),
                    f"{item.solve.wall_min:.3g} ({item.solve.wall_median:.3g})",
                ],
            )
            for item in report.steady
        ]
        tables.append(_columns("Steady state", names, columns))
        tables += [_sizes_table(item) for item in report.steady]
    return tables


def _sizes_table(figures: SteadyFigures) -> Table:
    names = ["Sweeps with the diffusion correction", "Krylov solve without it"]
    columns = [
        (
            f"{1e9 * item.size:g} nm",
            [f"{item.sweeps}", f"{item.plain_sweeps}" if item.plain_sweeps else "not enough"],
        )
        for item in figures.relaxation
    ]
    title = f"Steady state by size ({figures.num_cells:,} cells, {figures.material}, rank 1)"
    return _columns(title, names, columns)


def _superlattice_table(figures: Sequence[SuperlatticeFigures]) -> Table:
    """Sweeps to the steady state, corrections with the full matrices in brackets."""
    names = [each.model for each in figures]
    columns = [
        (
            f"{1e9 * period.period:g} nm",
            [
                f"{each.periods[number].sweeps} ({each.periods[number].corrections})"
                for each in figures
            ],
        )
        for number, period in enumerate(figures[0].periods)
    ]
    first, second = figures[0].materials
    title = f"Sweeps (corrections) of superlattices by period, {first} on {second}, full matrices"
    return _columns(title, names, columns)


def _assembled_table(figures: AssembledFigures) -> Table:
    from pbte.verification.benchmarks.sweeping import AMORTISED_SWEEPS

    def milliseconds(timing: Timing) -> str:
        return _two(timing, 1.0, unit=1e3)

    names = ["Assembly | ordering", "Symbolic, once", "Numeric factorisation"]
    names += ["Solution | sweep", "Iterations", "Difference to the sweep"]
    names += ["Numeric + solution / sweep", f"+ assembly | ordering/{AMORTISED_SWEEPS}"]
    names += ["+ symbolic | all of the ordering"]
    ours = [milliseconds(figures.ordering), "-", "-", milliseconds(figures.sweep)]
    columns = [("sweep", [*ours, "-", "-", "1", "1", "1"])]
    for solver in figures.solvers:
        steps = [milliseconds(figures.assembly), f"{1e3 * solver.symbolic:.3g}"]
        steps += [milliseconds(solver.factorisation), milliseconds(solver.solve)]
        ends = [f"{solver.iterations}", f"{solver.difference:.0e}"]
        ratios = [solver.ratio, solver.ratio_with_assembly, solver.ratio_from_scratch]
        columns.append((solver.name, steps + ends + [f"{ratio:.0f}" for ratio in ratios]))
    title = f"Sweep against PETSc, ms per mode ({figures.num_cells:,} cells, {figures.material})"
    return _columns(title, names, columns)


def _scaling_table(figures: ScalingFigures) -> Table:
    names = [
        "Order, by the clock, seconds",
        "Scattering in it, by the clock",
        "Order, processor time",
    ]
    names += ["Speed-up by the clock", "Speed-up by processor time"]
    columns = []
    for name, order, mixing, ratios in (
        ("1 rank", figures.alone, figures.collide_alone, (1.0, 1.0)),
        (
            f"{figures.num_ranks} ranks",
            figures.together,
            figures.collide_together,
            (figures.speedup, figures.processor_speedup),
        ),
    ):
        times = [f"{t.wall_min:.3g} ({t.wall_median:.3g})" for t in (order, mixing)]
        times.append(_two(order, 1.0, unit=1.0))
        columns.append((name, times + [f"{ratio:.2f}" for ratio in ratios]))
    title = f"Scaling over modes ({figures.material}, {figures.scattering}, "
    title += f"{figures.num_cells:,} cells)"
    return _columns(title, names, columns)


def _columns(title: str, names: Sequence[str], columns: Sequence[tuple[str, list[str]]]) -> Table:
    """Return a table with a row for each name and a column for each measurement."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("")
    for head, _ in columns:
        table.add_column(head, justify="right")
    for name, *row in zip(names, *(values for _, values in columns), strict=True):
        table.add_row(name, *row)
    return table


def _two(timing: Timing, count: float, *, unit: float = 1e9, digits: int | None = None) -> str:
    """Return least and median processor time per count, in 1/`unit` seconds."""
    form = ".3g" if digits is None else f".{digits}f"
    least, median = (unit * t / count for t in (timing.cpu_min, timing.cpu_median))
    return f"{least:{form}} ({median:{form}})"


def _pairs(item: SweepFigures) -> float:
    return float(item.num_cells * item.num_modes)


def _vertices(item: SweepFigures) -> float:
    return item.sweep_ns_per_cell / item.sweep_ns_per_unknown


def _fits(size: int, cache: int) -> str:
    return "fits" if size <= cache else "exceeds"
