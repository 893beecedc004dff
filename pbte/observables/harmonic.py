"""What a body answers to an oscillation: complex moments of complex mode temperatures.

    T(r, t) = Re[ T(r) exp(i omega t) ]

The amplitude is the modulus and the phase the argument of T(r); a negative phase is a delay. All
moments are linear in the mode temperatures, so their real and imaginary parts are measured like
those of any other field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pbte.core.types import Array
from pbte.observables.moments import FieldTally
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.transport.reports import SteadyReport
from pbte.transport.system import StreamedBlock, System

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True)
class HarmonicResult:
    """The answer at one frequency.

    Attributes:
        frequency: Oscillations per second [Hz].
        real: Real part of all moments.
        imaginary: Imaginary part of all moments.
        energy: Energy stored beyond that at T0, as a complex amplitude [J].
        converged: Whether the solver reached its tolerance.
        sweeps: Sweeps over all modes that it took.
        residuals: Relative residual after each correction, shape (corrections,) [-].
    """

    frequency: float
    real: Snapshot
    imaginary: Snapshot
    energy: complex
    converged: bool
    sweeps: int
    residuals: Array

    @property
    def temperature(self) -> ComplexArray:
        """Amplitude of the temperature, shape (num_cells, dim + 1) [K]."""
        return np.asarray(self.real.temperature + 1j * self.imaginary.temperature)

    @property
    def wall_temperatures(self) -> dict[str, complex]:
        """By wall name, mean amplitude of the body beside it [K]."""
        return _by_name(self.real.wall_temperatures, self.imaginary.wall_temperatures)

    @property
    def absorbed(self) -> dict[str, complex]:
        """By wall name, amplitude of the net power that leaves through it [W]."""
        return _by_name(self.real.balance.absorbed, self.imaginary.balance.absorbed)

    @property
    def deposited(self) -> complex:
        """Amplitude of the power of the heat sources [W]."""
        return complex(self.real.balance.deposited, self.imaginary.balance.deposited)

    @property
    def imbalance(self) -> float:
        """Power that is neither stored nor leaves, relative to all that comes and goes [-]."""
        stored = 2j * np.pi * self.frequency * self.energy
        left = self.absorbed.values()
        scale = abs(self.deposited) + abs(stored) + sum(abs(power) for power in left)
        return abs(self.deposited - stored - sum(left)) / scale if scale > 0.0 else 0.0

    def mean_temperatures(self, geometry: MeshGeometry) -> dict[str, complex]:
        """Return the mean amplitude in the body, or in each component of one material [K].

        Args:
            geometry: The whole mesh.
        """
        cells, volumes = self.temperature.mean(axis=1), geometry.volumes
        if not geometry.materials:
            return {"body": complex(volumes @ cells / volumes.sum())}
        several = [geometry.materials.count(name) > 1 for name in geometry.materials]
        means = {}
        for number, material in enumerate(geometry.materials):
            own = geometry.components == number
            name = f"{material} ({number + 1})" if several[number] else material
            means[name] = complex(volumes[own] @ cells[own] / volumes[own].sum())
        return means


class HarmonicTally:
    """Measures complex fields.

    Args:
        system: The bodies, without the absorption of the oscillation.
        like: Measures the same at the same walls.
    """

    def __init__(self, system: System, like: FieldTally) -> None:
        self.system = system
        self._parts = [
            FieldTally(system=system, walls=like.walls, frequency_edges=like.frequency_edges)
            for _ in range(2)
        ]

    def observe(
        self, blocks: Iterable[StreamedBlock], report: SteadyReport, frequency: float
    ) -> HarmonicResult:
        """Return what is measured of a solution, in the cells of this rank. Collective.

        Args:
            blocks: All its modes.
            report: How it was found.
            frequency: Oscillations per second [Hz].
        """
        stored = np.zeros(len(self.system.bodies), dtype=np.complex128)
        for block in blocks:
            theta, inflow = block.theta, block.inflow
            self._parts[0].accumulate(replace(block, theta=theta.real, inflow=inflow.real))
            self._parts[1].accumulate(replace(block, theta=theta.imag, inflow=inflow.imag))
            body = self.system.bodies[block.body]
            heat = body.heat_capacities[block.modes]
            stored[block.body] += heat @ (theta @ body.mesh.dof_weights)
        energy = self.system.comm.allreduce(complex(stored.sum()))
        real, imaginary = (
            part.snapshot(power, scatters=False)
            for part, power in zip(self._parts, (self.system.heat_power, 0.0), strict=True)
        )
        return HarmonicResult(
            frequency=frequency,
            real=real,
            imaginary=imaginary,
            energy=energy,
            converged=report.converged,
            sweeps=report.sweeps,
            residuals=report.residuals,
        )


def _by_name(real: Mapping[str, float], imaginary: Mapping[str, float]) -> dict[str, complex]:
    return {name: complex(value, imaginary[name]) for name, value in real.items()}
