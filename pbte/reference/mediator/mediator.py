"""Two heat baths coupled by one quantum oscillator, the mediator: parameters and response.

Source of the modules of this folder: G. Y. Panasyuk, G. A. Levin and K. L. Yerkes, "Heat exchange
mediated by a quantum system", Phys. Rev. E 86, 021116 (2012), called "the paper" below; B1 to B18
number the formulae as in the validation and the tests. The baths are continua of oscillators of
Drude-Ullersma type. All observables depend on three rates and one fraction: the oscillator's
angular frequency w0, the damping gam = gamma/m = 1/tau_p by both baths together, the cutoff D of
the baths and the fraction f1 = gamma_1/gamma of the first bath. The mass drops out.

    mediator      parameters, roots and coefficients, transmission (this file)
    integrals     thermal integrals by the digamma function, sums over roots, quadrature
    currents      heat current, conductance and their limits
    temperatures  temperatures of position and momentum
    baths         direct simulation: finite baths in normal modes
    chain         chain of subsystems that obeys Fourier's law
    applications  STM tip, minimum thermal conductivity, Josephson junction
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive, probability

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mediator:
    """One harmonic oscillator between two baths; fields may be arrays that broadcast (B1).

    Attributes:
        frequency: w0 = sqrt(k/m) [rad/s], above zero.
        damping: gam = (gamma_1 + gamma_2)/m = 1/tau_p [1/s], above zero. The amplitude of the
            weakly coupled oscillator decays with gam/2.
        cutoff: Drude cutoff D of the baths [rad/s]; infinity (the default) is the quantum
            thermal bath of the paper's eqs. (61), (62) (B14).
        first_share: f1 = gamma_1/gamma [-], in [0, 1]; the paper has 1/2 from eq. (43) on.
    """

    frequency: float | Array
    damping: float | Array
    cutoff: float | Array = np.inf
    first_share: float | Array = 0.5

    def __post_init__(self) -> None:
        cutoff = np.asarray(self.cutoff, dtype=np.float64)
        if not np.all(cutoff > 0.0):
            bad = float(cutoff[~(cutoff > 0.0)].flat[0])
            raise InputError(f"mediator cutoff = {bad:g} rad/s; it must be positive, or infinite")
        checked = {
            "frequency": positive("mediator frequency", self.frequency, "rad/s"),
            "damping": positive("mediator damping", self.damping, "1/s"),
            "cutoff": cutoff,
            "first_share": probability("mediator first_share", self.first_share),
        }
        try:
            np.broadcast_shapes(*(values.shape for values in checked.values()))
        except ValueError:
            sizes = ", ".join(f"{name} {values.shape}" for name, values in checked.items())
            raise InputError(f"mediator: these shapes do not fit together: {sizes}") from None
        for name, values in checked.items():
            object.__setattr__(self, name, values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Common shape of the fields."""
        fields = (self.frequency, self.damping, self.cutoff, self.first_share)
        return np.broadcast_shapes(*(np.shape(field) for field in fields))

    @property
    def symmetry(self) -> Array:
        """4 f1 (1 - f1) [-]: 1 for equal couplings, 0 when one bath is not coupled."""
        share = np.asarray(self.first_share)
        return 4.0 * share * (1.0 - share)


def mediator_from_springs(
    *,
    mass: float | Array,
    stiffness: float | Array,
    friction_1: float | Array,
    friction_2: float | Array,
    cutoff: float | Array = np.inf,
) -> Mediator:
    """Return the mediator of a mass on a spring with a friction coefficient for each bath (B1).

    w0 = sqrt(k/m) and gam = (gamma_1 + gamma_2)/m = 1/tau_p.

    Args:
        mass: m [kg].
        stiffness: k [N/m].
        friction_1: gamma_1 [kg/s], zero or above; one of both must be above zero.
        friction_2: gamma_2 [kg/s], likewise.
        cutoff: D [rad/s].

    Raises:
        InputError: A mass or stiffness is not positive, or a friction coefficient negative.
    """
    inertia = positive("mass", mass, "kg")
    spring = positive("stiffness", stiffness, "N/m")
    first = not_negative("friction_1", friction_1, "kg/s")
    second = not_negative("friction_2", friction_2, "kg/s")
    total = positive("friction_1 + friction_2", first + second, "kg/s")
    return Mediator(
        frequency=np.sqrt(spring / inertia),
        damping=total / inertia,
        cutoff=cutoff,
        first_share=first / total,
    )


def memory_kernel(mediator: Mediator, time: float | Array) -> Array:
    """Return the friction kernel gam D exp(-D |t|) (B1).

    Args:
        mediator: With a finite cutoff; without one the kernel is 2 gam delta(t).
        time: t [s], broadcast with the mediator.

    Returns:
        Kernel divided by the mass [1/s^2].

    Raises:
        InputError: The cutoff is infinite.
    """
    cutoff = finite("mediator cutoff", mediator.cutoff, "rad/s")
    decay = np.exp(-cutoff * np.abs(finite("time", time, "s")))
    return np.asarray(mediator.damping * cutoff * decay)


def transmission(mediator: Mediator, frequency: float | Array) -> Array:
    """Return the transmission function tau(w) of the mediator, between 0 and 1 (B4).

    tau = 4 f1 (1-f1) (w gam c)^2 / [(w0^2 - w^2 + w^2 gam c/D)^2 + (w gam c)^2] with
    c = D^2/(D^2 + w^2): the poles of the paper's eq. (42) collected, eq. (61) for infinite D. The
    heat current is the Landauer integral of hbar w tau (n_1 - n_2) dw/2 pi.

    Args:
        mediator: Fields of any shape that broadcasts with the frequencies.
        frequency: w [rad/s], any sign.

    Returns:
        Share of the energy that passes [-], broadcast shape.
    """
    w = finite("frequency", frequency, "rad/s")
    w0 = np.asarray(mediator.frequency)
    # In units of w0, so that no power of a frequency overflows.
    w, damping, inverse = w / w0, mediator.damping / w0, w0 / np.asarray(mediator.cutoff)
    with np.errstate(over="ignore", divide="ignore"):
        screened = damping / (1.0 + (w * inverse) ** 2)
        detuning = 1.0 - w**2 * (1.0 - screened * inverse)
        # At zero and beyond every scale the ratio is infinite and nothing passes.
        return np.asarray(mediator.symmetry / (1.0 + (detuning / (w * screened)) ** 2))


def mediator_roots(mediator: Mediator) -> ComplexArray:
    """Return the three decay rates mu_n of the coupled mediator (B2; eq. (21) of the paper).

    Roots of (mu - D)(mu^2 + w0^2) + gam D mu = 0. All have positive real parts. They are computed
    from the isolated real root r and the sum s = gam D r/(r^2 + w0^2) and product p = D w0^2/r of
    the other two, so that real parts much below |mu| keep their digits.

    Returns:
        Shape (..., 3) [rad/s]: the pair, then r. Without a cutoff r is infinite.
    """
    w0, damping, cutoff = np.broadcast_arrays(
        np.asarray(mediator.frequency), np.asarray(mediator.damping), np.asarray(mediator.cutoff)
    )
    pair, real = reduced_roots((damping / w0).ravel(), (cutoff / w0).ravel())
    roots = np.concatenate([pair * w0.reshape(-1, 1), 0.0j * pair[:, :1]], axis=1)
    roots[:, 2].real = real * w0.ravel()
    return np.asarray(roots.reshape(*w0.shape, 3))


def mediator_coefficients(mediator: Mediator) -> ComplexArray:
    """Return the coefficients g_n of the response g(t) = sum g_n exp(-mu_n t) (B2; eq. (21) ff.).

    g_n = (D - mu_n)/prod_{m != n} (mu_m - mu_n), with sum g_n mu_n^k = 0, -1, 0, w0^2 + gam D for k
    = 0 to 3, as the rule [(-1)^k - 1]/2 printed in the paper says for k = 0 to 2. They are not
    finite where two roots coincide; no other function uses them.

    Returns:
        Shape (..., 3) [s/rad], in the order of `mediator_roots`; without a cutoff the last is 0.
    """
    roots = mediator_roots(mediator)
    first, second, real = roots[..., 0], roots[..., 1], roots[..., 2]
    cutoff = np.broadcast_to(np.asarray(mediator.cutoff), first.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        # (D - mu)/(r - mu) is 1 without a cutoff.
        finite = np.isfinite(cutoff)
        ratio_1 = np.where(finite, (cutoff - first) / (real - first), 1.0)
        ratio_2 = np.where(finite, (cutoff - second) / (real - second), 1.0)
        last = np.where(finite, (cutoff - real) / ((first - real) * (second - real)), 0.0)
        coefficients = [ratio_1 / (second - first), ratio_2 / (first - second), last]
    return np.stack(coefficients, axis=-1).astype(np.complex128)


def response(mediator: Mediator, rate: complex | ComplexArray) -> ComplexArray:
    """Return the Laplace transform of the response, (D + z)/prod(z + mu_n) (B2; eq. (21)).

    Args:
        mediator: Broadcasts with the rates.
        rate: z [1/s], with a real part of zero or above.

    Returns:
        Response per unit of mass [s^2].
    """
    z = np.asarray(rate, dtype=np.complex128)
    w0 = np.asarray(mediator.frequency)
    kernel = mediator.damping / (1.0 + z / np.asarray(mediator.cutoff))
    return np.asarray(1.0 / (z**2 + w0**2 + z * kernel))


def reduced_roots(damping: Array, cutoff: Array) -> tuple[ComplexArray, Array]:
    """Return the pair (n, 2) and the isolated real root (n,) for w0 = 1; see `mediator_roots`."""
    real = np.full(damping.shape, np.inf)
    total, product = damping.astype(np.float64).copy(), np.ones(damping.shape)
    finite = np.isfinite(cutoff)
    if np.any(finite):
        gam, drude = damping[finite], cutoff[finite]
        isolated = _isolated_root(gam, drude)
        real[finite] = isolated
        total[finite] = gam * drude * isolated / (isolated**2 + 1.0)
        product[finite] = drude / isolated
    half = 0.5 * total
    radicand = half**2 - product
    spread = np.sqrt(np.abs(radicand))
    # Two real roots: the small one from the product, which does not cancel.
    large = half + spread
    overdamped = radicand > 0.0
    first = np.where(overdamped, large + 0.0j, half - 1j * spread)
    second = np.where(overdamped, product / large + 0.0j, half + 1j * spread)
    return np.stack([first, second], axis=1), real


def _isolated_root(gam: Array, cutoff: Array) -> Array:
    """Return the real root farthest from the other two, polished by Newton steps."""
    companion = np.zeros((gam.size, 3, 3))
    companion[:, 1, 0] = companion[:, 2, 1] = 1.0
    companion[:, :, 2] = np.stack([cutoff, -(1.0 + gam * cutoff), cutoff], axis=1)
    roots = np.linalg.eigvals(companion).astype(np.complex128)
    one, other = roots[:, :, None], roots[:, None, :]
    distance = np.abs(one - other) / (np.abs(one) + np.abs(other))
    isolation = (distance + np.where(np.eye(3), np.inf, 0.0)).min(axis=2)
    # A pair that is complex beyond round-off does not qualify.
    isolation[np.abs(roots.imag) > 1e-7 * np.abs(roots)] = -1.0
    chosen = np.argmax(isolation, axis=1)
    root = np.clip(roots[np.arange(gam.size), chosen].real, 0.0, cutoff)
    root = np.where(root > 0.0, root, cutoff / (1.0 + gam * cutoff))

    def residual(mu: Array) -> Array:
        return np.asarray((mu - cutoff) * (mu**2 + 1.0) + gam * cutoff * mu)

    for _ in range(4):
        slope = _slope(root, gam, cutoff)
        step = np.divide(residual(root), slope, out=np.zeros_like(root), where=slope != 0.0)
        moved = root - step
        better = (moved > 0.0) & (np.abs(residual(moved)) < np.abs(residual(root)))
        root = np.where(better, moved, root)
    return np.asarray(root)


def _slope(root: Array, gam: Array, cutoff: Array) -> Array:
    """Return the derivative of the cubic of eq. (21) at a root, for w0 = 1."""
    return np.asarray(root**2 + 1.0 + 2.0 * root * (root - cutoff) + gam * cutoff)
