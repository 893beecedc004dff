"""The oscillations of a case: what drives them, and the answer at each frequency."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pbte.case.case import Case
from pbte.observables.gathering import whole_snapshot
from pbte.observables.response import Response, ResponseObserver
from pbte.simulation.checkpoints import Keeping
from pbte.simulation.problem import Say, Setup
from pbte.simulation.walls import given_inflow
from pbte.transport.harmonic import respond
from pbte.transport.system import System

STAGE = "harmonic"


def follow_frequencies(
    case: Case, setup: Setup, progress: Say, keeping: Keeping
) -> tuple[Response, ...]:
    """Return the answer of a case at each of its frequencies. Collective over the ranks.

    Args:
        case: The case, with a table of oscillations.
        setup: The case made ready.
        progress: Called with a line of text now and then.
        keeping: Where checkpoints are kept.
    """
    harmonic = case.harmonic
    assert harmonic is not None
    known = keeping.finished(STAGE)
    if known is not None:
        return tuple(known)
    system = driven(case, setup)
    observer = ResponseObserver(system, setup.observer)
    responses: list[Response] = list(keeping.begun(STAGE) or ())
    frequencies = harmonic.all_frequencies()
    for number, frequency in list(enumerate(frequencies, start=1))[len(responses) :]:
        solution = respond(
            system,
            *setup.leading,
            frequency=float(frequency),
            tolerance=harmonic.tolerance,
            max_iterations=case.steady.max_iterations,
        )
        own = observer.observe(solution.drifts(), solution.report, float(frequency))
        responses.append(
            replace(
                own,
                real=whole_snapshot(own.real, setup.part),
                imaginary=whole_snapshot(own.imaginary, setup.part),
            )
        )
        progress(
            f"oscillation {number} of {len(frequencies)}: {frequency:.4g} Hz, "
            f"{solution.report.sweeps} sweeps"
        )
        if keeping.is_due():
            keeping.keep(STAGE, tuple(responses), {})
    keeping.finish(STAGE, tuple(responses))
    return tuple(responses)


def driven(case: Case, setup: Setup) -> System:
    """Return the bodies with only those sources and walls that oscillate."""
    harmonic = case.harmonic
    assert harmonic is not None
    bodies = []
    for body in setup.system.bodies:
        inflow = given_inflow(case, body.mesh, setup.walls)
        if harmonic.walls is not None:
            tags = [setup.walls[name] for name in harmonic.walls]
            chosen = np.isin(body.mesh.boundary_walls, tags)
            inflow = np.where(np.repeat(chosen, body.mesh.dim), inflow, 0.0)
        heat = body.heat_sources if harmonic.source else 0.0 * body.heat_sources
        bodies.append(replace(body, heat_sources=heat, inflow=inflow[None, :]))
    return replace(setup.system, bodies=tuple(bodies))
