"""The steady state of a case: solved for, kept on the way, observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pbte.case.case import Steady
from pbte.core.types import Array, Numbers
from pbte.observables.gathering import whole_snapshot
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.snapshot import Snapshot
from pbte.output.checkpoint import DistributedArray
from pbte.simulation.checkpoints import CheckpointManager, boundary_pieces, cells_of, of_modes
from pbte.simulation.interface_results import interface_tally
from pbte.simulation.problem import Problem
from pbte.transport.reports import SteadyReport
from pbte.transport.steady.iterate import SteadyCheckpoint, SteadyIterate, is_whole
from pbte.transport.steady.moment_system import MomentSystem
from pbte.transport.steady.steady import SteadyState, moment_system, solve_steady
from pbte.transport.system import Boundary

STAGE = "steady"


def compute_steady_state(
    problem: Problem,
    steady: Steady,
    keeping: CheckpointManager,
    *,
    with_fields: bool,
) -> tuple[Snapshot, SteadyReport, tuple[InterfaceFields, ...], tuple[Array, ...] | None]:
    """Return the observables of the steady state, how it was reached, and the state itself.

    The observables come in two parts, the second of interfaces. The state, the mode temperatures of
    each body, is there only where a transient is to begin with it. Collective over the ranks.
    """
    interfaces = interface_tally(problem)
    known = keeping.finished(STAGE)
    if known is not None:
        interfaces.restart(known["at_interfaces"])
        return known["snapshot"], known["report"], interfaces.take(), None
    solution = _solve(problem, steady, keeping)
    tally, bodies = problem.tally, problem.system.bodies
    kept = tuple(body.new_field() for body in bodies) if with_fields else None
    for block in solution.streamed_blocks():
        tally.accumulate(block)
        interfaces.accumulate(block)
        if kept is not None:
            kept[block.body][block.modes] = block.theta
    snapshot = tally.snapshot(problem.system.heat_power, scatters=False)
    known = {
        "snapshot": whole_snapshot(snapshot, problem.part),
        "report": replace(solution.report, error_estimate=solution.error_estimate()),
        "at_interfaces": interfaces.sums(),
    }
    keeping.finish(STAGE, known)
    return known["snapshot"], known["report"], interfaces.take(), kept


def _solve(problem: Problem, steady: Steady, keeping: CheckpointManager) -> SteadyState:
    checkpointer = _Keeper(problem, keeping)
    return solve_steady(
        problem.system,
        *problem.leading,
        tolerance=steady.tolerance,
        max_iterations=steady.max_iterations,
        moments=checkpointer.moments,
        restart=checkpointer.restart(),
        checkpointer=checkpointer,
    )


class _Keeper:
    """Keeps a solution on its way on the disk: emission, and what walls and interfaces send in.

    What a full matrix emits is a field of all modes, what one of low rank emits its moments.
    """

    def __init__(self, problem: Problem, keeping: CheckpointManager) -> None:
        self.problem, self.keeping = problem, keeping
        self.moments: MomentSystem = moment_system(problem.system, *problem.leading)

    def checkpoint_due(self) -> bool:
        """Return whether it is time for a checkpoint. Collective."""
        return self.keeping.is_due()

    def save(self, checkpoint: SteadyCheckpoint) -> None:
        """Write a checkpoint. Collective."""
        boundary = Boundary(self.problem.system)
        self.moments.unknowns.of(boundary).write(checkpoint.iterate.entering)
        present = {
            "scale": checkpoint.scale,
            "residuals": checkpoint.residuals,
            "inner_sweeps": checkpoint.inner_sweeps,
        }
        bases = [part.factors.w_in for part in self.moments.bodies]
        emitted = [
            np.ascontiguousarray(scattered.T) if whole else scattered
            for scattered, whole in zip(checkpoint.iterate.scattered, self._whole(), strict=True)
        ]
        self.keeping.keep(STAGE, present, self._pieces(boundary, emitted, bases))

    def restart(self) -> SteadyCheckpoint | None:
        """Return how far the solution had come when it was interrupted, or None. Collective."""
        present = self.keeping.begun(STAGE)
        if present is None:
            return None
        boundary = Boundary(self.problem.system)
        bases = [np.empty_like(part.factors.w_in) for part in self.moments.bodies]
        emitted = [
            np.empty(part.shape[::-1]) if whole else part.body.new_field()
            for part, whole in zip(self.moments.bodies, self._whole(), strict=True)
        ]
        self.keeping.fill(self._pieces(boundary, emitted, bases))
        scattered = tuple(
            self._in_present_basis(number, emitted[number], bases[number])
            if whole
            else emitted[number]
            for number, whole in enumerate(self._whole())
        )
        entering = self.moments.unknowns.of(boundary).read()
        return SteadyCheckpoint(
            iterate=SteadyIterate(scattered=scattered, entering=entering), **present
        )

    def _whole(self) -> list[bool]:
        return [is_whole(part.body, part) for part in self.moments.bodies]

    def _in_present_basis(self, number: int, moments: Array, basis: Array) -> Array:
        """Return the moments, (rows, rank), with which the modes emit the same. Collective.

        The factors of a matrix cut to some rank are defined up to a rotation.
        """
        part = self.moments.bodies[number]
        weighted = part.body.heat_capacities[:, None] * basis
        products = part.group.allreduce(part.factors.w_in.T @ weighted)
        turn = np.linalg.lstsq(part.gram, products, rcond=None)[0]
        return np.ascontiguousarray((turn @ moments).T)

    def _pieces(
        self, boundary: Boundary, emitted: Sequence[Numbers], bases: Sequence[Array]
    ) -> dict[str, DistributedArray]:
        pieces = boundary_pieces(self.problem, boundary)
        of_bodies = zip(self.moments.bodies, cells_of(self.problem), self._whole(), strict=True)
        for number, (part, cells, whole) in enumerate(of_bodies):
            modes, rows, values = part.body.mode_partition.indices, part.rows, emitted[number]
            if whole:
                corners = part.body.mesh.dim + 1
                own = cells[rows.start // corners : rows.stop // corners]
                moments = np.arange(part.rank)
                pieces[f"moments_{number}"] = DistributedArray(
                    rows=moments, columns=own, values=values
                )
                pieces[f"emitted_{number}"] = of_modes(modes, bases[number])
            else:
                pieces[f"field_{number}"] = DistributedArray(
                    rows=modes, columns=cells, values=values
                )
        return pieces
