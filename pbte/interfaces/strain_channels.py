"""Scattering by misfit strain in the isotropic continuum: the strain mismatch model without a grid.

Idea: G. Varnavides, A. S. Jermyn, P. Anikeeva and P. Narang, Phys. Rev. B 100, 115402 (2019), eqs.
(6)-(8); phonons and strain after P. Carruthers, Rev. Mod. Phys. 33, 92 (1961). In each side sound
of three isotropic branches; the dilatation of `strain_field` shifts frequencies and so scatters, in
the golden rule, a phonon mu elastically into mu' with

    P = |gamma gamma'| w^2 (e' . e)^2 |Delta_k(q_z' - q_z)|^2 / (|v_z| |v_z'|),

q_par' = q_par + G_k, |k| <= D/b, one array along x and one along y. Modelling choices:

[M6] w -> w (1 - gamma Delta): Grueneisen's gamma for Carruthers' third-order constants.
[M7] The volume in eq. (8) is the normalisation volume; nothing depends on it.
[M8] Bulk plane waves extend through the interface; the two-sided integral Delta_k(Q) serves
     transmission and reflection alike.
[M9] Static strain conserves energy: "inelastic" in the paper is exchange of momentum and branch.
[M10] The rest is reflected specularly: only this gives more resistance than the diffuse mismatch
     model, as in the paper. So T -> 0 for long waves, w < c K/2, except with
     "amm+strain", where what is not scattered is sound at a welded interface.
[M11] 1/G is the Landauer resistance; times 1 - (<T>_1 + <T>_2)/2 it belongs to the discontinuity
     of local temperatures.

P diverges at grazing incidence and its sums exceed 1; how they are limited is the method (S is the
matrix of P over the channels of one w and one q_par modulo the network; r its row sums): "cap"
P_ab/max(1, r_a, r_b); "heitler" |(1 + iK/2)^-1 (1 - iK/2)|^2 of the real amplitude K (the part even
in Q, B_1 - B_2, dropped); "sinkhorn" d_a P_ab d_b with unit row sums; "amm+strain" the cap, and
sound for the rest, attenuated by the smaller of the rests of both channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.interfaces.balance import cap_rows, redistribute
from pbte.interfaces.elastic import isotropic_solid, welded_waves
from pbte.interfaces.strain_field import MisfitArray
from pbte.materials.statistics import mode_heat_capacity

Method = Literal["cap", "heitler", "sinkhorn", "amm+strain"]
METHODS = ("cap", "heitler", "sinkhorn", "amm+strain")
NUM_FREQUENCIES = 16
"""Gauss-Legendre nodes in frequency, which suffice for 1e-2 of the resistance."""


@dataclass(frozen=True, kw_only=True)
class StrainedSolid:
    """An isotropic Debye solid whose frequencies follow the dilatation.

    Attributes:
        density: rho [kg/m^3].
        longitudinal: c_L [m/s].
        transverse: c_T [m/s].
        atom_density: Atoms per volume, which set the Debye frequency [1/m^3].
        gruneisen: |gamma| of all modes [-].
    """

    density: float
    longitudinal: float
    transverse: float
    atom_density: float
    gruneisen: float

    def __post_init__(self) -> None:
        for what in ("density", "longitudinal", "transverse", "atom_density"):
            if not (np.isfinite(getattr(self, what)) and getattr(self, what) > 0.0):
                raise InputError(f"{what} = {getattr(self, what):g}; it must be positive")
        if not np.isfinite(self.gruneisen):
            raise InputError(f"gruneisen = {self.gruneisen:g}; it must be a number")

    @property
    def speeds(self) -> Array:
        """Speeds of L, SV, SH, shape (3,) [m/s]."""
        return np.array([self.longitudinal, self.transverse, self.transverse], dtype=np.float64)

    @property
    def debye_frequency(self) -> float:
        """Angular frequency below which lie three modes per atom [rad/s]."""
        inverse_cubes = float(np.sum(self.speeds**-3.0))
        return float((18.0 * math.pi**2 * self.atom_density / inverse_cubes) ** (1.0 / 3.0))


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Waves of one frequency, and of one wave vector along the interface modulo the network.

    Every channel is a wave that arrives and, with the opposite q_z, one that leaves.

    Attributes:
        steps: Multiples of K of the wave vector, next to the common offset, shape (num, 2).
        second: Side z > 0, shape (num,).
        branches: 0, 1, 2 for L, SV, SH, shape (num,).
        parallel: Wave vector along the interface, shape (num, 2) [1/m].
        arriving: q_z of the arriving wave, positive on the first side, shape (num,) [1/m].
        speeds: |v_z|, shape (num,) [m/s].
        polarisations: Of the arriving wave; the leaving one has the opposite z component,
            shape (num, 3) [-].
    """

    steps: IntArray
    second: BoolArray
    branches: IntArray
    parallel: Array
    arriving: Array
    speeds: Array
    polarisations: Array


@dataclass(frozen=True, kw_only=True)
class StrainedInterface:
    """Two solids with misfit dislocations between them.

    Attributes:
        first: Solid at z < 0.
        second: Solid at z > 0.
        field: The arrays of dislocations.
        method: How probabilities are limited.
    """

    first: StrainedSolid
    second: StrainedSolid
    field: MisfitArray
    method: Method = "cap"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"method = {self.method!r}; expected one of {', '.join(METHODS)}")

    def channels(self, frequency: float, offset: tuple[float, float]) -> Channels:
        """Return the channels at a frequency.

        Args:
            frequency: w [rad/s].
            offset: Wave vector modulo the network, in units of K, each in [0, 1).
        """
        step = self.field.wave_number
        slowest = min(self.first.speeds.min(), self.second.speeds.min())
        reach = math.ceil(frequency / slowest / step) + 1
        numbers = np.arange(-reach, reach + 1)
        grid = np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)
        parallel = (grid + np.array(offset)) * step
        length = np.linalg.norm(parallel, axis=1)
        parts = []
        for side, solid in enumerate((self.first, self.second)):
            for branch, speed in enumerate(solid.speeds):
                inside = np.flatnonzero(length < frequency / speed * (1.0 - 1e-12))
                normal = np.sqrt((frequency / speed) ** 2 - length[inside] ** 2)
                sign = -1.0 if side else 1.0
                parts.append(
                    (
                        grid[inside],
                        np.full(inside.size, bool(side)),
                        np.full(inside.size, branch),
                        parallel[inside],
                        sign * normal,
                        speed**2 * normal / frequency,
                        _polarisation(parallel[inside], sign * normal, branch),
                    )
                )
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return Channels(
            steps=columns[0],
            second=columns[1],
            branches=columns[2],
            parallel=columns[3],
            arriving=columns[4],
            speeds=columns[5],
            polarisations=columns[6],
        )

    def probabilities(self, frequency: float, channels: Channels) -> scipy.sparse.csr_array:
        """Return the probability that a phonon arriving in one channel leaves in another.

        Args:
            frequency: w [rad/s].
            channels: The channels of this frequency.

        Returns:
            Symmetric, rows add up to at most 1, the rest is specular reflection, (num, num).
        """
        bare, signed = self.golden_rule(frequency, channels)
        ones = np.ones(channels.speeds.size)
        if self.method == "sinkhorn":
            return redistribute(bare, ones, iterations=300)
        if self.method == "heitler":
            k = 0.5j * signed.toarray()
            one = np.eye(len(k))
            return scipy.sparse.csr_array(np.abs(np.linalg.solve(one + k, one - k)) ** 2)
        capped = cap_rows(bare, ones)
        if self.method == "cap":
            return capped
        rest = np.maximum(1.0 - capped.sum(axis=1), 0.0)
        welded = _welded(self, frequency, channels).tocoo()
        data = welded.data * np.minimum(rest[welded.row], rest[welded.col])
        sound = scipy.sparse.csr_array((data, (welded.row, welded.col)), shape=welded.shape)
        return scipy.sparse.csr_array(capped + sound)

    def transmission(self, frequency: float, *, offsets: int = 1) -> tuple[float, float, float]:
        """Return M_1 <T>_1 = M_2 <T>_2 per area, and the channels M_1 and M_2 of both sides.

        Args:
            frequency: w [rad/s].
            offsets: Number of wave vectors along each axis of a quarter of the network's zone, the
                others following by symmetry.

        Returns:
            Transmitting channels, channels of the first and of the second side, each [1/m^2].
        """
        places = (np.arange(offsets) + 0.5) / (2.0 * offsets)
        totals = np.zeros(3)
        for offset in [(x, y) for x in places for y in places]:
            channels = self.channels(frequency, offset)
            first = np.where(channels.second, 0.0, 1.0)
            passing = self.probabilities(frequency, channels) @ (1.0 - first)
            totals += [first @ passing, first.sum(), (1.0 - first).sum()]
        totals /= offsets**2 * self.field.spacing**2
        return float(totals[0]), float(totals[1]), float(totals[2])

    def conductance(self, temperature: float, *, offsets: int = 1) -> float:
        """Return G = int dw/2pi hbar w (dn/dT) M_1 <T>_1 up to the lower Debye frequency.

        Args:
            temperature: T [K].
            offsets: See `transmission`.

        Returns:
            Conductance of Landauer's definition [M11] [W/m^2 K].
        """
        return debye_conductance(
            self.first,
            self.second,
            temperature,
            lambda w: self.transmission(w, offsets=offsets)[0],
        )

    def golden_rule(
        self, frequency: float, channels: Channels
    ) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
        """Return P before it is limited, and the real amplitude K, K^2 = P but for B_1 - B_2.

        Args:
            frequency: w [rad/s].
            channels: The channels of this frequency.

        Returns:
            Two symmetric matrices with zero diagonal, shape (num, num) [-].
        """
        gamma = np.where(channels.second, self.second.gruneisen, self.first.gruneisen)
        strength = np.sqrt(frequency * np.abs(gamma) / channels.speeds)
        out = channels.polarisations * np.array([1.0, 1.0, -1.0])
        sum_of_amplitudes = sum(self.field.amplitudes)
        nothing: IntArray = np.zeros(0, dtype=np.int64)
        empty: Array = np.zeros(0)
        rows, columns, probabilities, signed = [nothing], [nothing], [empty], [empty]
        for axis in (0, 1):
            line = channels.steps[:, 1 - axis]
            for value in np.unique(line):
                members = np.flatnonzero(line == value)
                k = np.subtract.outer(channels.steps[members, axis], channels.steps[members, axis])
                overlap = channels.polarisations[members] @ out[members].T
                # leaves with the opposite of its own q_z
                change = -np.add.outer(channels.arriving[members], channels.arriving[members])
                factor = np.outer(strength[members], strength[members]) * overlap
                intensity = self.field.intensity(k, change)
                i, j = np.nonzero(intensity)
                kappa = self.field.wave_number * np.abs(k[i, j])
                lorentzian = change[i, j] / (kappa**2 + change[i, j] ** 2)
                rows.append(members[i])
                columns.append(members[j])
                probabilities.append((factor**2 * intensity)[i, j])
                signed.append(factor[i, j] * sum_of_amplitudes * lorentzian)
        shape = (channels.speeds.size,) * 2
        index = (np.concatenate(rows), np.concatenate(columns))
        bare, real = (
            scipy.sparse.csr_array((np.concatenate(values), index), shape=shape)
            for values in (probabilities, signed)
        )
        return bare, real


def diffuse_conductance(first: StrainedSolid, second: StrainedSolid, temperature: float) -> float:
    """Return the conductance of the diffuse mismatch model, <T>_1 = M_2/(M_1 + M_2).

    Args:
        first: One solid.
        second: The other one.
        temperature: T [K].

    Returns:
        Landauer's definition, to compare with `StrainedInterface.conductance` [W/m^2 K].
    """
    densities = [float(np.sum(solid.speeds**-2.0)) / (4.0 * math.pi) for solid in (first, second)]
    both = densities[0] * densities[1] / sum(densities)
    return debye_conductance(first, second, temperature, lambda w: both * w**2)


def debye_conductance(
    first: StrainedSolid,
    second: StrainedSolid,
    temperature: float,
    transmitting: Callable[[float], float],
) -> float:
    """Return int dw/2pi hbar w (dn/dT) M <T> up to the lower Debye frequency [W/m^2 K].

    Args:
        first: One solid.
        second: The other one.
        temperature: T [K].
        transmitting: M_1 <T>_1 at a frequency [1/m^2].
    """
    cutoff = min(first.debye_frequency, second.debye_frequency)
    nodes, weights = np.polynomial.legendre.leggauss(NUM_FREQUENCIES)
    frequencies = 0.5 * cutoff * (nodes + 1.0)
    passing = np.array([transmitting(float(w)) for w in frequencies])
    # the heat capacity of a mode is hbar w dn/dT
    heat = mode_heat_capacity(frequencies, temperature)
    return float(np.sum(weights * heat * passing) * 0.5 * cutoff / (2.0 * math.pi))


def welded_powers(first: StrainedSolid, second: StrainedSolid, slowness: Array) -> Array:
    """Return the probabilities of sound between L, SV, SH of both sides of a welded interface.

    Args:
        first: Solid at z < 0.
        second: Solid at z > 0.
        slowness: Along the interface, shape (num,) [s/m].

    Returns:
        Branches of the first side, then of the second, symmetric, shape (num, 6, 6) [-].
    """
    here, there = (
        isotropic_solid(solid.density, solid.longitudinal, solid.transverse)
        for solid in (first, second)
    )
    along: Array = slowness[:, None] * np.array([1.0, 0.0, 0.0])
    power = welded_waves(here, there, along, np.array([0.0, 0.0, 1.0])).power.reshape(
        -1, 2, 3, 2, 3
    )
    # Slow waves first: T, T, L. SH parts from the others, by impedances rho c_T^2 p.
    impedances = [
        solid.density
        * solid.transverse**2
        * np.sqrt(np.maximum(solid.transverse**-2.0 - slowness**2, 0.0))
        for solid in (first, second)
    ]
    total = impedances[0] + impedances[1]
    product = 4.0 * impedances[0] * impedances[1]
    passing = np.divide(product, total**2, out=np.zeros_like(total), where=total > 0.0)
    result = np.zeros((slowness.size, 2, 3, 2, 3))
    result[:, :, 0, :, 0] = power[:, :, 2, :, 2]
    result[:, :, 0, :, 1] = power[:, :, 2, :, :2].sum(axis=-1)
    result[:, :, 1, :, 0] = power[:, :, :2, :, 2].sum(axis=2)
    for i in (0, 1):
        for j in (0, 1):
            share = passing if i != j else np.where(impedances[i] > 0.0, 1.0 - passing, 0.0)
            transverse = power[:, i, :2, j, :2].sum(axis=(1, 2))
            result[:, i, 2, j, 2] = share
            result[:, i, 1, j, 1] = np.maximum(transverse - share, 0.0)
    return result.reshape(-1, 6, 6)


def _welded(
    interface: StrainedInterface, frequency: float, channels: Channels
) -> scipy.sparse.csr_array:
    """Return the probabilities of sound at a welded interface between the channels."""
    places, of_channel = np.unique(channels.steps, axis=0, return_inverse=True)
    of_channel = of_channel.ravel()
    slowness = np.zeros(len(places))
    slowness[of_channel] = np.linalg.norm(channels.parallel, axis=1) / frequency
    power = welded_powers(interface.first, interface.second, slowness)
    # Channels of one place by side and branch
    table = np.full((len(places), 6), -1, dtype=np.int64)
    table[of_channel, 3 * channels.second + channels.branches] = np.arange(of_channel.size)
    place, i, j = np.nonzero(power)
    rows, columns = table[place, i], table[place, j]
    kept = (rows >= 0) & (columns >= 0)
    entries = (power[place, i, j][kept], (rows[kept], columns[kept]))
    return scipy.sparse.csr_array(entries, shape=(of_channel.size,) * 2)


def _polarisation(parallel: Array, normal: Array, branch: int) -> Array:
    """Return e of arriving waves, shape (num, 3): L, SV in the plane of incidence, or SH."""
    length = np.linalg.norm(parallel, axis=1)
    along = np.where(length > 0.0, length, 1.0)
    units = np.where(length[:, None] > 0.0, parallel / along[:, None], np.array([1.0, 0.0]))
    if branch == 2:
        return np.column_stack([-units[:, 1], units[:, 0], np.zeros(len(units))])
    total = np.hypot(length, normal)
    sine, cosine = length / total, normal / total
    if branch == 1:
        sine, cosine = cosine, -sine
    return np.column_stack([units * sine[:, None], cosine])
