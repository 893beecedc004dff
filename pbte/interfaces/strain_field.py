"""The dilatation of a network of misfit dislocations at an interface.

Where two crystals of different lattice parameter meet, edge dislocations take up the difference.
An isotropic edge dislocation dilates the crystal by -(b/2 pi) (1 - 2 nu)/(1 - nu) z/(x^2 + z^2)
(J. P. Hirth and J. Lothe, Theory of Dislocations (1982)); a periodic array by

    Delta(x, z) = -B [sinh(K z)/(cosh(K z) - cos(K x)) - sgn z]
                = -B sgn(z) sum over k != 0 of exp(-kappa_k |z|) exp(i k K x),

K = 2 pi/D, kappa_k = K |k|, B = b (1 - 2 nu)/(2 (1 - nu) D). Modelling choices:

[M1] An (001) interface with perfect 90-degree edge dislocations, b = a/2 <110> in the plane; for
     60-degree ones take the edge component b/2 and the spacing b/(2 f).
[M2] A square network of two independent orthogonal arrays, without interaction or nodes.
[M3] The uniform part k = 0 is left out: it is the coherency strain that the array cancels.
[M4] Each side has its own nu and the same b and D; no image terms for different shear moduli.
[M5] The sum stops at |k| <= D/b, the core of a dislocation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True)
class MisfitArray:
    """A periodic array of edge dislocations in the plane z = 0, lines along y.

    Attributes:
        burgers: b [m].
        spacing: D [m].
        poisson: Poisson's ratio nu of both sides, z < 0 first [-].

    Raises:
        InputError: A length is not positive, D is below b, or nu is outside (-1, 1/2).
    """

    burgers: float
    spacing: float
    poisson: tuple[float, float]

    def __post_init__(self) -> None:
        if not (self.burgers >= 0.0 and self.spacing > 0.0 and np.isfinite(self.burgers)):
            raise InputError(
                f"dislocations with b = {self.burgers:g} m at {self.spacing:g} m; expected lengths"
            )
        if self.spacing < self.burgers:
            raise InputError(
                f"dislocations at {self.spacing:g} m with b = {self.burgers:g} m would overlap"
            )
        for value in self.poisson:
            if not -1.0 < value < 0.5:
                raise InputError(f"Poisson's ratio = {value:g}; expected a value in (-1, 1/2)")

    @property
    def amplitudes(self) -> tuple[float, float]:
        """B on both sides [-]."""
        ratio = 0.5 * self.burgers / self.spacing
        first, second = (ratio * (1.0 - 2.0 * nu) / (1.0 - nu) for nu in self.poisson)
        return first, second

    @property
    def wave_number(self) -> float:
        """K = 2 pi / D, the smallest change of wave vector [1/m]."""
        return 2.0 * math.pi / self.spacing

    @property
    def num_harmonics(self) -> int:
        """Largest k, floor(D/b) [M5]; 0 without dislocations."""
        if self.burgers == 0.0 or not np.isfinite(self.spacing):
            return 0
        return math.floor(self.spacing / self.burgers)

    def dilatation(self, x: npt.ArrayLike, z: npt.ArrayLike) -> Array:
        """Return Delta at points, the closed form [-].

        Args:
            x: Across the lines, from one of them, any shape [m].
            z: Along the normal, not zero on a line, same shape [m].
        """
        first, second = self.amplitudes
        phase, depth = self.wave_number * np.asarray(x), self.wave_number * np.asarray(z)
        amplitude = np.where(depth < 0.0, first, second)
        # sinh/cosh of large arguments: both over cosh
        shape = np.tanh(depth) / (1.0 - np.cos(phase) / np.cosh(np.clip(depth, -700.0, 700.0)))
        return np.asarray(-amplitude * (shape - np.sign(depth)), dtype=np.float64)

    def transform(
        self, harmonic: npt.ArrayLike, change: npt.ArrayLike
    ) -> npt.NDArray[np.complex128]:
        """Return Delta_k(Q), the integral of Delta_k(z) exp(-i Q z) over z.

        Args:
            harmonic: k, not 0, any shape.
            change: Q = q_z' - q_z, same shape [1/m].

        Returns:
            B_1/(kappa - i Q) - B_2/(kappa + i Q) [m].
        """
        first, second = self.amplitudes
        kappa = self.wave_number * np.abs(np.asarray(harmonic))
        step = 1j * np.asarray(change)
        return np.asarray(first / (kappa - step) - second / (kappa + step), dtype=np.complex128)

    def intensity(self, harmonic: npt.ArrayLike, change: npt.ArrayLike) -> Array:
        """Return |Delta_k(Q)|^2, arguments as in `transform`; 0 for k = 0 [M3] and [M5] [m^2]."""
        first, second = self.amplitudes
        number = np.abs(np.asarray(harmonic))
        kappa, step = self.wave_number * number, np.asarray(change)
        sum_of_squares = np.where(number > 0, kappa**2 + step**2, 1.0)
        value = (first - second) ** 2 * kappa**2 + (first + second) ** 2 * step**2
        inside = (number > 0) & (number <= self.num_harmonics)
        return np.asarray(np.where(inside, value / sum_of_squares**2, 0.0), dtype=np.float64)

    def mean_intensity(self, harmonic: npt.ArrayLike, change: npt.ArrayLike, width: float) -> Array:
        """Return the mean of |Delta_k(Q)|^2 over a step of Q, for grids coarser than K.

        Args:
            harmonic: k, any shape.
            change: Q in the middle of the step, same shape [1/m].
            width: Of the step [1/m].

        Returns:
            0 for k = 0 [M3] and [M5] [m^2].
        """
        first, second = self.amplitudes
        number = np.abs(np.asarray(harmonic))
        inside = (number > 0) & (number <= self.num_harmonics)
        kappa = self.wave_number * np.where(inside, number, 1)
        ends = np.asarray(change) + 0.5 * width, np.asarray(change) - 0.5 * width
        rational = ends[0] / (kappa**2 + ends[0] ** 2) - ends[1] / (kappa**2 + ends[1] ** 2)
        angle = (np.arctan(ends[0] / kappa) - np.arctan(ends[1] / kappa)) / kappa
        even, odd = 0.5 * (angle + rational), 0.5 * (angle - rational)
        value = ((first - second) ** 2 * even + (first + second) ** 2 * odd) / width
        return np.asarray(np.where(inside, value, 0.0), dtype=np.float64)


def misfit_array(
    first_lattice: float, second_lattice: float, poisson: tuple[float, float]
) -> MisfitArray:
    """Return the array that takes up the misfit of two cubic crystals [M1].

    f = 2 |a2 - a1|/(a1 + a2), b = (a1 + a2)/(2 sqrt 2), D = b/f.

    Args:
        first_lattice: Cubic lattice parameter a1 of the side z < 0 [m].
        second_lattice: a2 of the other side [m].
        poisson: Poisson's ratio of both sides [-].

    Raises:
        InputError: A value is out of range, or the crystals fit.
    """
    if not (first_lattice > 0.0 and second_lattice > 0.0):
        raise InputError(
            f"lattice parameters {first_lattice:g} and {second_lattice:g} m; expected lengths"
        )
    misfit = 2.0 * abs(second_lattice - first_lattice) / (first_lattice + second_lattice)
    if misfit < 1e-9:
        raise InputError(
            "the two crystals have the same lattice parameter: no misfit, no dislocations, no "
            "strain mismatch; choose another interface model"
        )
    burgers = (first_lattice + second_lattice) / (2.0 * math.sqrt(2.0))
    return MisfitArray(burgers=burgers, spacing=burgers / misfit, poisson=poisson)
