"""The steady state of a problem and its observables."""

from __future__ import annotations

from dataclasses import replace

from pbte.core.types import Array
from pbte.observables.gathering import whole_snapshot
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.problem import Problem
from pbte.simulation.records import SteadyRecord
from pbte.transport.steady.iterate import SteadyProgress, SteadySourceIteration
from pbte.transport.steady.steady import solve_steady

STAGE = "steady"


def compute_steady_state(
    problem: Problem, checkpoints: CheckpointManager
) -> tuple[SteadyRecord, tuple[Array, ...] | None]:
    """Return the observables of the steady state and, where a transient begins with it, the state.

    Args:
        problem: The problem.
        checkpoints: Writes checkpoints and restores them.

    Returns:
        The observables; and the mode temperatures of each body, shape (local modes, num_dofs) [K],
        or None.

    Raises:
        InputError: The checkpoint is damaged.
        KeyboardInterrupt: A signal requested a stop; a checkpoint is written.

    Note: Collective over the ranks.
    """
    known: SteadyRecord | None = checkpoints.finished(STAGE)
    if known is not None:
        return known, None
    settings, system = problem.settings, problem.system
    solution = solve_steady(
        system,
        *problem.leading,
        tolerance=settings.steady.tolerance,
        max_iterations=settings.steady.max_iterations,
        checkpointer=_SteadyCheckpointer(problem, checkpoints),
    )
    begins = settings.transient is not None and settings.transient.initial.kind == "steady"
    fields = tuple(body.new_field() for body in system.bodies) if begins else None
    tally, interfaces = problem.field_tally, problem.interface_tally
    interfaces.restart()
    for block in solution.streamed_blocks():
        tally.accumulate(block)
        interfaces.accumulate(block)
        if fields is not None:
            fields[block.body][block.modes] = block.theta
    snapshot = tally.snapshot(system.heat_power, scatters=False)
    report = replace(solution.report, error_estimate=solution.error_estimate())
    record = SteadyRecord(
        snapshot=whole_snapshot(snapshot, problem.part),
        report=report.judged_by(snapshot.balance.imbalance),
        interface_sums=interfaces.sums(),
    )
    checkpoints.finish(STAGE, record)
    return record, fields


class _SteadyCheckpointer:
    """Writes and restores checkpoints of the steady state of a problem."""

    def __init__(self, problem: Problem, checkpoints: CheckpointManager) -> None:
        self.problem, self.checkpoints = problem, checkpoints

    def checkpoint_due(self) -> bool:
        """Return whether a checkpoint is due. Collective."""
        return self.checkpoints.checkpoint_due()

    def write(self, events: SteadySourceIteration, progress: SteadyProgress) -> None:
        """Write a checkpoint. Collective."""
        self.checkpoints.write(STAGE, progress, events.state_arrays(self.problem.numbering))

    def restore(self, events: SteadySourceIteration) -> SteadyProgress | None:
        """Restore an interrupted solution, if there is one. Collective."""
        progress: SteadyProgress | None = self.checkpoints.progress(STAGE)
        if progress is not None:
            events.restore(self.problem.numbering, self.checkpoints.restore)
        return progress
