"""A finite quantum chain of two joined lattices, the microscopic check of the string formulae.

Atoms on a line with nearest-neighbour springs and fixed ends start in the exact Gaussian state of
local equilibrium and move by their normal modes. Long waves of the lattice are the waves of the
string, so at low temperature the energy current and the densities take the values A4 and A5 of
`pbte.reference.strings.conductance` behind the fronts and their initial values ahead of them. A
classical chain with equipartition does not test this: its energy is k_B T at every wavelength.

Here hbar = k_B = lattice spacing = 1; a side with mass m and spring k has c = sqrt(k/m) and the
impedance Z = sqrt(k m).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Masses between springs; the first and the last spring are attached to walls.

    Args:
        masses: Shape (num_atoms,), all positive.
        springs: Shape (num_atoms + 1,), positive; one of the two at the walls may be zero, which
            leaves that end free.

    Raises:
        InputError: A mass or spring is not positive, both ends are free, or the numbers do not
            fit.
    """

    masses: Array
    springs: Array

    def __post_init__(self) -> None:
        positive("mass", self.masses)
        positive("inner spring", self.springs[1:-1])
        ends = not_negative("spring at a wall", self.springs[[0, -1]])
        if not np.any(ends > 0.0):
            raise InputError("both ends of the chain are free; attach at least one to a wall")
        if self.masses.ndim != 1 or self.springs.shape != (self.masses.size + 1,):
            raise InputError(
                f"{self.masses.size} masses and {self.springs.size} springs; "
                f"a chain between walls has one spring more than masses"
            )

    @property
    def stiffness(self) -> Array:
        """Matrix of the spring energy u K u / 2, shape (num_atoms, num_atoms)."""
        inner = -self.springs[1:-1]
        diagonal = np.diag(self.springs[:-1] + self.springs[1:])
        return np.asarray(diagonal + np.diag(inner, 1) + np.diag(inner, -1))

    @cached_property
    def normal_modes(self) -> tuple[Array, Array]:
        """Frequencies, shape (num_atoms,), and mass-weighted modes in the columns."""
        root = np.sqrt(self.masses)
        squares, modes = eigh(self.stiffness / np.outer(root, root))
        return np.sqrt(squares), modes


@dataclass(frozen=True, kw_only=True)
class GaussianState:
    """Second moments of positions and momenta; the means are zero.

    Args:
        positions: <u u>, shape (num_atoms, num_atoms).
        momenta: <p p>.
        mixed: Symmetrised <u p>, rows u.
    """

    positions: Array
    momenta: Array
    mixed: Array


def joined_chain(
    num_atoms: tuple[int, int], masses: tuple[float, float], springs: tuple[float, float]
) -> Chain:
    """Return two joined lattices with the spring 2 k_l k_r / (k_l + k_r) at the joint.

    For equal k/m on both sides this joint makes the transmission of the lattice independent of
    frequency, 4 Z_l Z_r / (Z_l + Z_r)^2 as of strings (A1); any other spring does not. The left
    end is fixed and the right one free: the energy of such a chain misses that of an infinite one
    by terms of order 1/length^2, with equal ends already by T / (2 length).

    Args:
        num_atoms: Atoms on the left and on the right.
        masses: m_l and m_r.
        springs: k_l and k_r.

    Returns:
        The chain; the joint is its spring number `num_atoms[0]`.

    Raises:
        InputError: A side has no atom, or a mass or spring is not positive.
    """
    left, right = num_atoms
    if left < 1 or right < 1:
        raise InputError(f"{left} and {right} atoms; each side needs at least one")
    k_left, k_right = positive("spring constant", springs)
    return Chain(
        masses=np.repeat(np.array(masses, dtype=np.float64), (left, right)),
        springs=np.concatenate(
            [
                np.full(left, k_left),
                [2.0 * k_left * k_right / (k_left + k_right)],
                np.full(right - 1, k_right),
                [0.0],
            ]
        ),
    )


def lattice_transmission(
    frequencies: npt.ArrayLike,
    masses: tuple[float, float],
    springs: tuple[float, float],
    joint: float,
) -> Array:
    """Return the energy transmission of a lattice wave through the joint (check of A1).

    Plane waves matched at a spring `joint` between two half-infinite lattices.

    Args:
        frequencies: omega, any shape, above zero.
        masses: m_l and m_r.
        springs: k_l and k_r.
        joint: Spring between the last atom on the left and the first on the right.

    Returns:
        Same shape [-]; 0 above the band of either side.

    Raises:
        InputError: A mass, spring or frequency is not positive.
    """
    omega = positive("frequency", frequencies)
    mass = positive("mass", masses)
    spring = positive("spring constant", springs)
    bond = float(positive("joint spring", joint))
    # One step of a wave is the phase z = e^{iq}: sin(q/2) = omega / (2 sqrt(k/m)).
    half = 0.5 * omega[..., None] / np.sqrt(spring / mass)
    inside = np.all(half < 1.0, axis=-1)
    q = 2.0 * np.arcsin(np.minimum(half, 1.0))
    phase = np.exp(1j * q)
    k_l, k_r = spring
    rise_left, rise_right = 1.0 / phase[..., 0] - 1.0, 1.0 / phase[..., 1] - 1.0
    # Forces k_l (u_1 - u_0), bond (t - 1 - r), k_r (u_1 - u_0) across the joint are equal, each
    # side continued as its own plane wave: t (bond + k_r rise_r) = bond (1 + r).
    link = 1.0 + k_r * rise_right / bond  # (1 + r) / t
    passed = (np.conj(rise_left) - rise_left) * k_l / (-k_r * rise_right - k_l * rise_left * link)
    share = np.abs(passed) ** 2 * k_r * np.sin(q[..., 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(inside, share / (k_l * np.sin(q[..., 0])), 0.0))


def local_equilibrium(chain: Chain, temperatures: npt.ArrayLike) -> GaussianState:
    """Return the exact state exp(-sum of beta(x) h(x)) of local equilibrium.

    Check of A4 and A5. It is the thermal state at beta = 1 of a chain with the masses m / beta(x)
    and the springs beta(x) k. A spring takes the mean beta of its two atoms.

    Args:
        chain: The chain.
        temperatures: Temperature of each atom, or one for all; above zero.

    Returns:
        Second moments, zero-point motion included.

    Raises:
        InputError: A temperature is not positive.
    """
    beta = 1.0 / np.broadcast_to(positive("temperature", temperatures), chain.masses.shape)
    padded = np.concatenate([beta[:1], beta, beta[-1:]])
    weighted = Chain(
        masses=chain.masses / beta, springs=chain.springs * 0.5 * (padded[1:] + padded[:-1])
    )
    return _thermal(weighted, 0.5 / np.tanh(0.5 * weighted.normal_modes[0]))


def ground_state(chain: Chain) -> GaussianState:
    """Return the ground state, whose energy is not part of the densities of A2."""
    return _thermal(chain, np.full(chain.masses.size, 0.5))


def evolved(chain: Chain, state: GaussianState, time: float) -> GaussianState:
    """Return the exact state at a time, by normal modes (check of A4 and A5).

    Args:
        chain: The chain that moves; not the weighted one of the initial state.
        state: State at time zero.
        time: t, zero or more.

    Returns:
        Second moments at that time.

    Raises:
        InputError: The time is negative.
    """
    t = float(not_negative("time", time))
    frequencies, modes = chain.normal_modes
    root = np.sqrt(chain.masses)
    to_modes = modes.T * root  # Q = V^T sqrt(m) u, P = V^T p / sqrt(m)
    from_modes = (modes.T / root).T
    q_q = to_modes @ state.positions @ to_modes.T
    p_p = from_modes.T @ state.momenta @ from_modes
    q_p = to_modes @ state.mixed @ from_modes
    cos, sin = np.cos(frequencies * t), np.sin(frequencies * t)
    # Q(t) = cos Q + sin/w P, P(t) = -w sin Q + cos P
    cross = q_p
    s_w, w_s = sin / frequencies, frequencies * sin
    positions = (
        cos[:, None] * q_q * cos
        + s_w[:, None] * p_p * s_w
        + cos[:, None] * cross * s_w
        + s_w[:, None] * cross.T * cos
    )
    momenta = (
        w_s[:, None] * q_q * w_s
        + cos[:, None] * p_p * cos
        - w_s[:, None] * cross * cos
        - cos[:, None] * cross.T * w_s
    )
    mixed = (
        -cos[:, None] * q_q * w_s
        + s_w[:, None] * p_p * cos
        + cos[:, None] * cross * cos
        - s_w[:, None] * cross.T * w_s
    )
    return GaussianState(
        positions=from_modes @ positions @ from_modes.T,
        momenta=to_modes.T @ momenta @ to_modes,
        mixed=from_modes @ mixed @ to_modes,
    )


def atom_energies(chain: Chain, state: GaussianState) -> Array:
    """Return the energy of each atom with half of its springs, shape (num_atoms,) (A4).

    The springs at the walls count fully for the atoms attached to them.
    """
    kinetic = 0.5 * np.diag(state.momenta) / chain.masses
    square = np.diag(state.positions)
    stretch = np.concatenate(
        [square[:1], square[1:] + square[:-1] - 2.0 * np.diag(state.positions, 1), square[-1:]]
    )
    bonds = 0.5 * chain.springs * stretch
    bonds[1:-1] *= 0.5
    return np.asarray(kinetic + bonds[:-1] + bonds[1:])


def bond_currents(chain: Chain, state: GaussianState) -> Array:
    """Return the energy current through each inner spring to the right, shape (num_atoms - 1,).

    The lattice form of A5, -k (u_{i+1} - u_i) (v_i + v_{i+1}) / 2: with it the energies of the
    atoms are conserved exactly.
    """
    velocity = state.mixed / chain.masses  # <u_i v_j>
    own = np.diag(velocity)
    pulled = own[1:] + np.diag(velocity, -1) - np.diag(velocity, 1) - own[:-1]
    return np.asarray(-0.5 * chain.springs[1:-1] * pulled)


def _thermal(chain: Chain, filling: Array) -> GaussianState:
    """Return the state with the occupation n + 1/2 = `filling` in each normal mode."""
    frequencies, modes = chain.normal_modes
    root = np.sqrt(chain.masses)
    moved, pushed = (modes.T / root).T, (modes.T * root).T
    return GaussianState(
        positions=(moved * (filling / frequencies)) @ moved.T,
        momenta=(pushed * (filling * frequencies)) @ pushed.T,
        mixed=np.zeros((chain.masses.size, chain.masses.size)),
    )
