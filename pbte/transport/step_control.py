"""Step size control of the time integration."""

from __future__ import annotations

from dataclasses import dataclass

# The embedded solution is of first order: its error over a step grows with the square of it.
POWER = 2.0
# Shares of the present and the last error in the next step (PI control: Gustafsson, Lundh &
# Soderlind, BIT 28, 270 (1988)).
PROPORTIONAL, INTEGRAL = 0.4, 0.3
SAFETY = 0.9
SMALLEST, LARGEST = 0.2, 5.0
# A step that may grow by less than this is kept, because a new size needs a new operator.
WORTH_IT = 1.5


@dataclass(kw_only=True)
class StepControl:
    """Fixed steps, or adaptive steps that keep an error below a tolerance.

    Attributes:
        size: Upper limit of the next step [s].
        tolerance: Error allowed per step [-]; None for fixed steps.
        longest: Upper limit of all steps [s].
        last_error: Error of the last accepted step [-]; None at the start and after a rejection.
    """

    size: float
    tolerance: float | None = None
    longest: float = float("inf")
    last_error: float | None = None

    def __post_init__(self) -> None:
        self.size = min(self.size, self.longest)

    def judge(self, size: float, error: float) -> bool:
        """Return whether a step is accepted, and set the size of the next one.

        Args:
            size: Length of the step that was tried [s].
            error: Its error [-].
        """
        if self.tolerance is None:
            return True
        ratio = max(error, 1e-30) / self.tolerance
        if not ratio <= 1.0:  # nan is rejected as well
            shrink = SAFETY * ratio ** (-1.0 / POWER) if ratio < float("inf") else SMALLEST
            self.size, self.last_error = size * max(SMALLEST, shrink), None
            return False
        factor = SAFETY * ratio ** (-(PROPORTIONAL + INTEGRAL) / POWER)
        if self.last_error is not None:
            factor *= (max(self.last_error, 1e-30) / self.tolerance) ** (PROPORTIONAL / POWER)
        factor = min(max(factor, SMALLEST), LARGEST)
        if factor < 1.0 or factor >= WORTH_IT:
            self.size = min(size * factor, self.longest)
        else:
            self.size = size
        self.last_error = error
        return True
