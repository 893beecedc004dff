"""The heat equation, alone or next to a run of phonon transport."""

from __future__ import annotations

from pbte.core.errors import InputError, RunError
from pbte.simulation.heat_problem import HeatProblem, heat_problem_of
from pbte.simulation.heat_transient import integrate_heat_in_time, solve_heat_harmonic
from pbte.simulation.problem import Problem
from pbte.simulation.records import HeatResult


def solve_heat_equation(problem: HeatProblem) -> HeatResult:
    """Return the steady, transient and harmonic solutions requested; the steady one if none is.

    Raises:
        InputError: Heat has nowhere to go.
        RunError: A solution did not converge.

    Note: Collective over the ranks.
    """
    settings, field, steady = problem.settings, None, None
    transient, harmonic = settings.transient, settings.harmonic
    if settings.steady.enabled or (transient is None and harmonic is None):
        field = problem.equation.steady(problem.heat, problem.temperatures)
        steady = problem.state(field)
    return HeatResult(
        steady=steady,
        transient=None if transient is None else integrate_heat_in_time(problem, transient, field),
        harmonic=() if harmonic is None else solve_heat_harmonic(problem, harmonic),
    )


def compare_with_fourier(problem: Problem) -> HeatResult:
    """Return the solution of the heat equation for comparison with phonon transport, and notes.

    Empty if it is not requested. A note alone where the cells are shared by ranks, or where the
    heat equation has no solution.

    Note: Collective over all ranks of the problem.
    """
    if not problem.settings.fourier.compare:
        return HeatResult()
    if problem.part is not None:
        return HeatResult(
            notes=(
                "The heat equation was not solved for comparison: it needs the whole mesh on every "
                "rank (parallel.space_parts = 1).",
            )
        )
    try:
        return solve_heat_equation(heat_problem_of(problem))
    except (InputError, RunError) as error:
        return HeatResult(notes=(f"The heat equation was not solved for comparison: {error}.",))
