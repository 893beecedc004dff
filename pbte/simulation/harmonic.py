"""Harmonic response of a problem at each frequency, driven by oscillating sources and walls."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from pbte.case.transients import Harmonic
from pbte.observables.gathering import whole_snapshot
from pbte.observables.harmonic import HarmonicResult
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.problem import Problem
from pbte.simulation.records import HarmonicRecord
from pbte.transport.harmonic import solve_harmonic
from pbte.transport.system import System

LOG = logging.getLogger("pbte.simulation")

STAGE = "harmonic"


def compute_harmonic_response(
    problem: Problem, checkpoints: CheckpointManager
) -> tuple[HarmonicResult, ...]:
    """Return the response of a problem at each of its frequencies. Collective over the ranks.

    Args:
        problem: The problem; its settings have oscillations.
        checkpoints: Writes checkpoints and restores them.
    """
    known: HarmonicRecord | None = checkpoints.finished(STAGE)
    if known is not None:
        return known.responses
    harmonic = problem.settings.harmonic
    assert harmonic is not None
    system = driven(problem, harmonic)
    restart: HarmonicRecord | None = checkpoints.progress(STAGE)
    responses = [] if restart is None else list(restart.responses)
    frequencies = harmonic.all_frequencies()
    for number, frequency in list(enumerate(frequencies, start=1))[len(responses) :]:
        solution = solve_harmonic(
            system,
            *problem.leading,
            frequency=float(frequency),
            tolerance=harmonic.tolerance,
            max_iterations=problem.settings.steady.max_iterations,
        )
        own = problem.harmonic_tally.observe(
            solution.streamed_blocks(),
            solution.report,
            frequency=float(frequency),
            power=system.heat_power,
        )
        responses.append(
            replace(
                own,
                real=whole_snapshot(own.real, problem.part),
                imaginary=whole_snapshot(own.imaginary, problem.part),
            )
        )
        LOG.info(
            "frequency %d of %d: %.4g Hz, %d sweeps",
            number,
            len(frequencies),
            frequency,
            solution.report.sweeps,
            extra={"stage": STAGE, "done": number / len(frequencies)},
        )
        if checkpoints.checkpoint_due():
            checkpoints.write(STAGE, HarmonicRecord(responses=tuple(responses)), {})
    checkpoints.finish(STAGE, HarmonicRecord(responses=tuple(responses)))
    return tuple(responses)


def driven(problem: Problem, harmonic: Harmonic) -> System:
    """Return the bodies with only those sources and walls that oscillate."""
    bodies = []
    for body in problem.system.bodies:
        inflow = body.inflow[0]
        if harmonic.walls is not None:
            tags = [problem.walls[name] for name in harmonic.walls]
            chosen = np.isin(body.mesh.boundary_walls, tags)
            inflow = np.where(np.repeat(chosen, body.mesh.dim), inflow, 0.0)
        heat = body.heat_sources if harmonic.source else 0.0 * body.heat_sources
        bodies.append(replace(body, heat_sources=heat, inflow=inflow[None, :]))
    return replace(problem.system, bodies=tuple(bodies))
