"""Whole runs of case files, as a user would start them, for what they say at the end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pbte.core.errors import RunError

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.observables.results import Results

# Silicon of one mean free path, 106.8 nm, and the published table of 15 bands.
GRAY = """kind = "gray"
speed = 2677.0
relaxation_time = {time:.17g}
heat_capacity = 1.627e6"""
GRAY_PATH = 2677.0 * 3.99e-11
BANDS = """kind = "bands"
table = "Si-bands\""""

CASE = """
temperature = 300.0
[material]
{material}
{directions}
[mesh]
file = "body.msh"
builder = {builder}
{rest}
[orders]
max_order = 0
self_scattering = 0.0
[steady]
tolerance = {tolerance:g}
"""


def gray(mean_free_path: float = GRAY_PATH) -> str:
    """Return the lines of a gray crystal of a given mean free path [m]."""
    return GRAY.format(time=mean_free_path / 2677.0)


def periodic(first: str, last: str, drop: float = 0.0) -> str:
    """Return the lines of two walls that continue at each other."""
    return f'[walls.{first}]\nkind = "periodic"\npartner = "{last}"\ntemperature_drop = {drop:g}\n'


def walls(condition: str, *names: str) -> str:
    """Return the lines of walls that all have one boundary condition."""
    return "".join(f"[walls.{name}]\n{condition}\n" for name in names)


def run_whole(comm: MPI.Intracomm, text: str) -> Results:
    """Return the results of a case of any model. Collective over `comm`."""
    from pbte.case.case import parse_case
    from pbte.core.parallel import on_all_ranks
    from pbte.run import run_case

    with tempfile.TemporaryDirectory(prefix="pbte-validate-") as own:
        folder = Path(comm.bcast(own))
        with on_all_ranks(comm):
            case = parse_case(text, folder=folder)
        results = run_case(case, comm)
        comm.barrier()  # the first rank must not remove the mesh before all have read it
    return results


def run_text(
    comm: MPI.Intracomm,
    *,
    material: str,
    builder: str,
    rest: str,
    directions: str = "",
    tolerance: float = 1e-9,
) -> Results:
    """Return the results of a case, made from parts of its text.

    Args:
        comm: The ranks.
        material: Lines of the table `material`.
        builder: Builder of the mesh and its parameters.
        rest: Tables of walls and sources.
        directions: Family of directions and its parameters, for crystals that need some.
        tolerance: Of the steady state.

    Raises:
        RunError: The steady state did not converge.

    Note: Collective over `comm`.
    """
    text = CASE.format(
        material=material,
        builder=builder,
        rest=rest,
        tolerance=tolerance,
        directions=f"directions = {{ {directions} }}" if directions else "",
    )
    results = run_whole(comm, text)
    report = results.steady_report
    if report is None or not report.converged:
        history = report.residuals if report is not None else ()
        raise RunError(
            f"the steady state did not converge: residuals {', '.join(f'{r:.1e}' for r in history)}"
        )
    return results


def conductivity_of(
    comm: MPI.Intracomm,
    *,
    material: str,
    builder: str,
    rest: str,
    directions: str = "",
    tolerance: float = 1e-9,
) -> float:
    """Return the effective conductivity that a case comes to [W/m K]. Collective over `comm`."""
    results = run_text(
        comm,
        material=material,
        builder=builder,
        rest=rest,
        directions=directions,
        tolerance=tolerance,
    )
    assert results.conductivity is not None, "the case drives no heat from end to end"
    return float(results.conductivity.value)
