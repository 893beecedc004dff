"""Effective conductivity of a domain, by mean free path and frequency of the phonons.

Heat is driven by a temperature drop over a length: walls at two temperatures, or periodic walls
with a drop between them. The mean heat flux over the mean gradient is the conductivity,

    k = (1/A drop) sum_mu c_mu v_mu . n int theta_mu dV,

with A the cross-section of the body, pores included: in the steady state the current through
every cross-section is the same, and its integral along the length is that of the heat flux over
the volume. Each mode's term is its share of k; sorted by mean free path or frequency they add up
to the accumulation functions (Dames & Chen, in Thermoelectrics Handbook (2005); Minnich, J. Phys.:
Condens. Matter 27, 053202 (2015), for the suppression function).

In the bulk crystal theta = -F . grad T with (Gamma - M) F = v; with relaxation times F = v / Gamma.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array
from pbte.materials.modes import ModeTable

# Labels closer than this are one: modes that are images of each other by symmetry [-].
SAME = 1e-9
# Bins of mean free path that carry less than this share of the bulk have no suppression [-].
NEGLIGIBLE = 1e-9
_BELOW = 1.0 - 1e-6


@record
class TemperatureGradient:
    """Temperature gradient that drives heat through a domain."""

    direction: Array = quantity("1", "unit vector from hot to cold", axes=("component",))
    length: float = quantity("m", "distance over which the temperature falls")
    drop: float = quantity("K", "how much it falls")
    area: float = quantity("m^2", "cross-section of the body, pores included", per_extent=True)


@record
class PathAccumulation:
    """Conductivity carried by mean free paths up to a value."""

    mean_free_path: Array = quantity("m", "distinct mean free paths, ascending", axes=("value",))
    conductivity: Array = quantity(
        "W/m K", "effective conductivity carried up to each of them", axes=("value",)
    )
    bulk: Array = quantity("W/m K", "the same in the bulk", axes=("value",))


@record
class FrequencyAccumulation:
    """Conductivity carried by frequencies up to a value."""

    frequency: Array = quantity("rad/s", "distinct frequencies, ascending", axes=("value",))
    conductivity: Array = quantity(
        "W/m K", "effective conductivity carried up to each of them", axes=("value",)
    )
    bulk: Array = quantity("W/m K", "the same in the bulk", axes=("value",))


@record
class Suppression:
    """Effective conductivity over that of the bulk, by mean free path."""

    mean_free_path: Array = quantity("m", "mean of each bin with modes in it", axes=("bin",))
    suppression: Array = quantity("1", "effective over bulk conductivity", axes=("bin",))


@record
class Conductivity:
    """Effective conductivity, mode by mode."""

    gradient: TemperatureGradient = quantity("", "what drives the heat")
    value: float = quantity("W/m K", "effective conductivity along the gradient")
    bulk: float = quantity(
        "W/m K", "conductivity of the bulk along it; of several crystals the mean by volume"
    )
    contributions: Array = quantity(
        "W/m K", "contribution of each mode to the effective conductivity", axes=("mode",)
    )
    bulk_contributions: Array = quantity(
        "W/m K", "contribution of each mode to that of the bulk, c (v . n) (F . n)", axes=("mode",)
    )
    mean_free_paths: Array = quantity("m", "|v| / Gamma of each mode", axes=("mode",))
    frequencies: Array = quantity("rad/s", "angular frequency of each mode", axes=("mode",))

    @property
    @derived("")
    def accumulation_mean_free_path(self) -> PathAccumulation:
        """Accumulation of the conductivity with mean free path."""
        paths, reached = accumulation(self.mean_free_paths, self.contributions)
        bulk = accumulation(self.mean_free_paths, self.bulk_contributions)[1]
        return PathAccumulation(mean_free_path=paths, conductivity=reached, bulk=bulk)

    @property
    @derived("")
    def accumulation_frequency(self) -> FrequencyAccumulation:
        """Accumulation of the conductivity with frequency."""
        frequencies, reached = accumulation(self.frequencies, self.contributions)
        bulk = accumulation(self.frequencies, self.bulk_contributions)[1]
        return FrequencyAccumulation(frequency=frequencies, conductivity=reached, bulk=bulk)

    @property
    @derived("")
    def suppression(self) -> Suppression:
        """Suppression function."""
        paths, values = suppression_curve(self)
        return Suppression(mean_free_path=paths, suppression=values)


def effective_conductivity(
    gradient: TemperatureGradient,
    modes: ModeTable,
    mode_temperatures: Array,
    volume: float,
    response: Array | None = None,
) -> Conductivity:
    """Return the effective conductivity of a steady state.

    Args:
        gradient: The temperature gradient that drives the heat.
        modes: Modes of the crystal.
        mode_temperatures: Mean of each mode's temperature over the body, shape (num_modes,) [K].
        volume: Volume of the body without its pores [m^3].
        response: F . n of each mode in the bulk crystal, shape (num_modes,) [m]; by default that
            of its relaxation times, v . n / Gamma.
    """
    along = modes.velocities @ gradient.direction
    # The even part of a pair carries no heat; without it the term of each mode has a meaning.
    odd = 0.5 * (mode_temperatures - mode_temperatures[modes.partners])
    integral = modes.heat_capacities * along * odd * volume
    contributions = np.asarray(integral / (gradient.area * gradient.drop), dtype=np.float64)
    free = along / modes.loss_rates if response is None else response
    bulk = modes.heat_capacities * along * free
    return Conductivity(
        gradient=gradient,
        value=float(contributions.sum()),
        bulk=float(bulk.sum()),
        contributions=contributions,
        bulk_contributions=np.asarray(bulk, dtype=np.float64),
        mean_free_paths=modes.mean_free_paths,
        frequencies=np.asarray(modes.frequencies, dtype=np.float64),
    )


def together(parts: Sequence[Conductivity], volumes: Sequence[float]) -> Conductivity:
    """Return the conductivity of bodies of several crystals in one temperature gradient.

    The contributions of all modes add up. They are compared with the mean of the bulk crystals by
    volume: the conductivity of the crystals in parallel, an upper bound.

    Args:
        parts: Contribution of each body, with the same gradient.
        volumes: Their volumes [m^3].
    """
    if len(parts) == 1:
        return parts[0]
    shares = np.asarray(volumes) / sum(volumes)
    return Conductivity(
        gradient=parts[0].gradient,
        value=sum(part.value for part in parts),
        bulk=float(sum(share * part.bulk for share, part in zip(shares, parts, strict=True))),
        contributions=np.concatenate([part.contributions for part in parts]),
        bulk_contributions=np.concatenate(
            [share * part.bulk_contributions for share, part in zip(shares, parts, strict=True)]
        ),
        mean_free_paths=np.concatenate([part.mean_free_paths for part in parts]),
        frequencies=np.concatenate([part.frequencies for part in parts]),
    )


def accumulation(labels: Array, contributions: Array) -> tuple[Array, Array]:
    """Return distinct labels, ascending, and the sum of all contributions up to each of them.

    Args:
        labels: Mean free path or frequency of each mode, shape (num_modes,).
        contributions: Shape (num_modes,) [W/m K].

    Returns:
        Labels, shape (n,), and accumulated conductivity, shape (n,) [W/m K].
    """
    order = np.argsort(labels, kind="stable")
    ordered, total = labels[order], np.cumsum(contributions[order])
    last = np.append(np.diff(ordered) > SAME * ordered[1:], True)
    return ordered[last], total[last]


def reached_at(labels: Array, accumulated: Array, share: float) -> float:
    """Return the label up to which a share of the whole is accumulated.

    Args:
        labels: Ascending, shape (n,).
        accumulated: From `accumulation`, shape (n,) [W/m K].
        share: Between 0 and 1 [-].
    """
    return float(labels[int(np.argmax(accumulated >= share * accumulated[-1]))])


def path_bins(paths: Array, per_decade: int = 8) -> Array:
    """Return edges of bins of mean free path, equal on a logarithmic scale [m].

    Args:
        paths: Mean free paths, shape (num_modes,) [m]; those that are zero need no bin.
        per_decade: Number of bins in a decade.

    Returns:
        Shape (num_bins + 1,). The first bin of every decade starts just below the power of ten,
        so that round-off does not split modes of one path over two bins.
    """
    steps = np.log10(paths[paths > 0.0] / _BELOW) * per_decade
    powers = np.arange(np.floor(steps.min()), np.floor(steps.max()) + 2.0) / per_decade
    return np.asarray(10.0**powers * _BELOW, dtype=np.float64)


def suppression(conductivity: Conductivity, edges: Array) -> Array:
    """Return k over bulk for the modes in each bin of mean free path [-].

    Args:
        conductivity: Effective conductivity.
        edges: Edges of the bins, ascending, shape (num_bins + 1,) [m].

    Returns:
        Shape (num_bins,); nan where there are no modes, or next to none of the bulk's heat.
    """
    carried = _binned(conductivity, conductivity.contributions, edges)
    bulk = _binned(conductivity, conductivity.bulk_contributions, edges)
    counts = bulk > NEGLIGIBLE * conductivity.bulk
    ratio: Array = np.divide(carried, bulk, out=np.full_like(bulk, np.nan), where=counts)
    return ratio


def suppression_curve(conductivity: Conductivity, per_decade: int = 8) -> tuple[Array, Array]:
    """Return the suppression function as points: mean free paths [m] and k over bulk [-].

    One point for each bin with modes in it, at the mean of its logarithms of mean free paths,
    each weighted by its share in the heat of the bulk.
    """
    edges = path_bins(conductivity.mean_free_paths, per_decade)
    values = suppression(conductivity, edges)
    weights = np.abs(conductivity.bulk_contributions)
    logarithms = np.log(np.where(weights > 0.0, conductivity.mean_free_paths, 1.0))
    full = np.isfinite(values)
    means = (
        _binned(conductivity, weights * logarithms, edges)[full]
        / _binned(conductivity, weights, edges)[full]
    )
    return np.exp(means), values[full]


def _binned(conductivity: Conductivity, weights: Array, edges: Array) -> Array:
    found: Array = np.histogram(conductivity.mean_free_paths, edges, weights=weights)[0]
    return found
