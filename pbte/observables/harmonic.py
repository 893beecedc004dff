"""Harmonic (frequency-domain) response: complex moments of complex mode temperatures.

    T(r, t) = Re[ T(r) exp(i omega t) ]

The amplitude is the modulus and the phase the argument of T(r); a negative phase is a delay. All
moments are linear in the mode temperatures, so their real and imaginary parts are measured like
those of any other field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array
from pbte.observables.moments import FieldTally
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.transport.reports import SteadyReport
from pbte.transport.system import StreamedBlock, System

ComplexArray = npt.NDArray[np.complex128]


@record
class HarmonicResult:
    """The response at one frequency: amplitudes A of A exp(i 2 pi f t)."""

    frequency: float = quantity("Hz", "oscillations per second")
    real: Snapshot = quantity("", "real part of all moments")
    imaginary: Snapshot = quantity("", "imaginary part of all moments")
    energy: complex = quantity("J", "energy stored beyond that at T0", per_extent=True)
    converged: bool = quantity("1", "whether the solver reached its tolerance")
    sweeps: int = quantity("1", "sweeps over all modes")
    residuals: Array = quantity(
        "1", "relative residual after each correction", axes=("correction",)
    )

    @property
    @derived("K", axes=("cell", "vertex"))
    def temperature(self) -> ComplexArray:
        """Complex amplitude of the deviation from T0."""
        return np.asarray(self.real.temperature + 1j * self.imaginary.temperature)

    @property
    @derived("K", axes=("wall",))
    def wall_temperatures(self) -> Mapping[str, complex]:
        """Mean amplitude of the body next to each wall."""
        return _by_name(self.real.wall_temperatures, self.imaginary.wall_temperatures)

    @property
    @derived("W", axes=("wall",), per_extent=True)
    def absorbed(self) -> Mapping[str, complex]:
        """Amplitude of the net power that leaves through each wall."""
        return _by_name(self.real.balance.absorbed, self.imaginary.balance.absorbed)

    @property
    @derived("W", per_extent=True)
    def deposited(self) -> complex:
        """Amplitude of the power of the heat sources."""
        return complex(self.real.balance.deposited, self.imaginary.balance.deposited)

    @property
    @derived("1")
    def imbalance(self) -> float:
        """Power that is neither stored nor leaves, relative to all that comes and goes."""
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
    """Tally of complex fields.

    Args:
        system: The bodies, without the absorption of the oscillation.
        walls: Name -> tag of each wall, and of each interface.
        frequency_edges: Edges of the bins of the spectra, shape (num_bins + 1,) [rad/s].
    """

    def __init__(self, *, system: System, walls: Mapping[str, int], frequency_edges: Array) -> None:
        self.system = system
        self._parts = [
            FieldTally(system=system, walls=walls, frequency_edges=frequency_edges)
            for _ in range(2)
        ]

    def observe(
        self,
        blocks: Iterable[StreamedBlock],
        report: SteadyReport,
        *,
        frequency: float,
        power: float,
    ) -> HarmonicResult:
        """Return the observables of a solution, in the cells of this rank. Collective.

        Args:
            blocks: All its modes.
            report: Its convergence.
            frequency: Oscillations per second [Hz].
            power: Amplitude of the power of the heat sources [W].
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
            part.snapshot(deposited, scatters=False)
            for part, deposited in zip(self._parts, (power, 0.0), strict=True)
        )
        found = HarmonicResult(
            frequency=frequency,
            real=real,
            imaginary=imaginary,
            energy=energy,
            converged=report.converged,
            sweeps=report.sweeps,
            residuals=report.residuals,
        )
        return replace(found, converged=report.judged_by(found.imbalance).converged)


def _by_name(real: Mapping[str, float], imaginary: Mapping[str, float]) -> dict[str, complex]:
    return {name: complex(value, imaginary[name]) for name, value in real.items()}
