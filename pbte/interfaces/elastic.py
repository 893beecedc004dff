"""Plane sound waves at the plane, welded interface of two elastic solids of any symmetry.

A wave of angular frequency w has the displacement a exp(i w (s . x + p z - t)): s is the slowness
along the interface, which all waves share (Snell), and p that along the normal z. With
Q = C_ijkl m_j m_l, R = C_ijkl m_j n_l, T = C_ijkl n_j n_l, where m = s and n the normal,

    [Q - rho + p (R + R^t) + p^2 T] a = 0,   traction over i w:  b = (R^t + p T) a,

an eigenproblem of six p (A. N. Stroh, J. Math. Phys. 41, 77 (1962)). Three waves go up: those that
travel carry energy upwards (not: have p > 0), the others decay upwards. At the interface a and b
are continuous: six equations for the six waves that leave it (B. A. Auld, Acoustic Fields and Waves
in Solids, ch. 9). Isotropic solids are a special case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray
from pbte.materials.modes import Crystal

ComplexArray = npt.NDArray[np.complex128]

SAME = 1e-7
"""Normal slownesses, in units of 1/speed, closer than this are one double p, whose waves come in
any basis; those with a smaller imaginary part are real."""

_VOIGT = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])


@dataclass(frozen=True, kw_only=True)
class ElasticSolid:
    """A solid without dispersion.

    Attributes:
        stiffness: Voigt's matrix in the order xx, yy, zz, yz, xz, xy, shape (6, 6) [Pa].
        density: rho [kg/m^3].

    Raises:
        InputError: The density is not positive, or the stiffness not symmetric and positive.
    """

    stiffness: Array
    density: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.density) and self.density > 0.0):
            raise InputError(f"density = {self.density:g} kg/m^3; it must be positive")
        stiffness = self.stiffness
        if stiffness.shape != (6, 6) or not np.allclose(
            stiffness, stiffness.T, rtol=1e-9, atol=1e-9 * np.abs(stiffness).max()
        ):
            raise InputError("the stiffness is not a symmetric matrix of 6 x 6 elastic constants")
        if not np.linalg.eigvalsh(stiffness).min() > 0.0:
            raise InputError("the elastic constants are those of an unstable solid")

    @property
    def impedance(self) -> float:
        """Scale of rho c [kg/m^2 s]."""
        return float(np.sqrt(self.stiffness.max() * self.density))

    @cached_property
    def tensor(self) -> Array:
        """C_ijkl, shape (3, 3, 3, 3) [Pa]."""
        return np.asarray(self.stiffness[_VOIGT[:, :, None, None], _VOIGT])

    def christoffel(self, directions: Array) -> tuple[Array, Array]:
        """Return phase speeds, ascending, and polarisations of sound.

        Args:
            directions: Unit vectors, shape (..., 3).

        Returns:
            Speeds, shape (..., 3) [m/s], and unit polarisations in columns, shape (..., 3, 3).
        """
        squares, vectors = np.linalg.eigh(_contract(self.tensor, directions, directions))
        return np.sqrt(squares / self.density), vectors

    def isotropic(self) -> ElasticSolid:
        """Return the isotropic average over the orientations of crystallites.

        Mean of the bounds of Voigt (equal strain) and Reuss (equal stress); R. Hill, Proc. Phys.
        Soc. A 65, 349 (1952).
        """
        stiff, soft = self.stiffness, np.asarray(np.linalg.inv(self.stiffness), dtype=np.float64)

        def parts(matrix: Array) -> tuple[float, float, float]:
            direct = float(np.trace(matrix[:3, :3]))
            mixed = float(matrix[0, 1] + matrix[0, 2] + matrix[1, 2])
            return direct, mixed, float(np.trace(matrix[3:, 3:]))

        a, b, c = parts(stiff)
        bulk_voigt, shear_voigt = (a + 2.0 * b) / 9.0, (a - b + 3.0 * c) / 15.0
        a, b, c = parts(soft)
        bulk_reuss, shear_reuss = 1.0 / (a + 2.0 * b), 15.0 / (4.0 * (a - b) + 3.0 * c)
        bulk, shear = 0.5 * (bulk_voigt + bulk_reuss), 0.5 * (shear_voigt + shear_reuss)
        speeds = np.sqrt((bulk + 4.0 / 3.0 * shear) / self.density), np.sqrt(shear / self.density)
        return isotropic_solid(self.density, *(float(speed) for speed in speeds))


def isotropic_solid(density: float, longitudinal: float, transverse: float) -> ElasticSolid:
    """Return an isotropic solid from its speeds of sound.

    Args:
        density: rho [kg/m^3].
        longitudinal: c_L [m/s].
        transverse: c_T [m/s].

    Raises:
        InputError: A value is not positive, or c_L below 2 c_T / sqrt(3).
    """
    if not (transverse > 0.0 and longitudinal > 2.0 / np.sqrt(3.0) * transverse):
        raise InputError(
            f"speeds of sound {longitudinal:g} and {transverse:g} m/s: the longitudinal one must "
            "be above 2/sqrt(3) times the transverse one, and both positive"
        )
    shear = density * transverse**2
    lame = density * longitudinal**2 - 2.0 * shear
    stiffness = np.diag([2.0 * shear] * 3 + [shear] * 3)
    stiffness[:3, :3] += lame
    return ElasticSolid(stiffness=stiffness, density=density)


def solid_of(crystal: Crystal | None, name: str) -> ElasticSolid:
    """Return the elastic solid that a crystal is for long waves.

    Args:
        crystal: As in a mode table.
        name: Name of the material, for the message.

    Raises:
        InputError: The elastic constants are not known.
    """
    if crystal is None or crystal.elastic_constants is None:
        raise InputError(
            f"{name}: the acoustic mismatch model needs elastic constants, which this material "
            "does not have; import it again, or give the model its solids"
        )
    return ElasticSolid(stiffness=crystal.elastic_constants, density=crystal.density)


@dataclass(frozen=True, kw_only=True)
class PlaneWaves:
    """Three waves of one solid that go one way from the interface, slow ones first.

    Attributes:
        slowness: p along the normal, positive imaginary part: decays along the normal, shape
            (num, 3) [s/m].
        travels: Whether the wave carries energy, shape (num, 3).
        vectors: Displacement over traction (a, b), shape (num, 6, 3); the flux of waves that
            travel is 1: Re(a* . b) = +-1.
    """

    slowness: ComplexArray
    travels: BoolArray
    vectors: ComplexArray


def interface_axes(normal: Array) -> Array:
    """Return two unit vectors in the plane and the normal, right-handed rows, shape (3, 3)."""
    helper = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(helper, normal)
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(normal, first), normal])


def plane_waves(
    solid: ElasticSolid, slownesses: Array, normal: Array
) -> tuple[PlaneWaves, PlaneWaves]:
    """Return the waves that go along the normal, and those that go against it.

    Args:
        solid: The solid.
        slownesses: s along the interface, perpendicular to the normal, shape (num, 3) [s/m].
        normal: Unit vector, shape (3,).
    """
    speed = np.sqrt(solid.stiffness.max() / solid.density)  # all is of order 1 in units of these
    tensor = solid.tensor / (solid.density * speed**2)
    along = slownesses * speed
    q = _contract(tensor, along, along) - np.eye(3)
    r = np.einsum("ijkl,...j,l->...ik", tensor, along, normal)
    t_inverse = np.linalg.inv(np.einsum("ijkl,j,l->ik", tensor, normal, normal))
    r_t = np.swapaxes(r, -1, -2)
    upper = np.concatenate([-t_inverse @ r_t, np.broadcast_to(t_inverse, r.shape)], axis=-1)
    lower = np.concatenate([r @ t_inverse @ r_t - q, -r @ t_inverse], axis=-1)
    p, x = np.linalg.eig(np.concatenate([upper, lower], axis=-2))
    p, x = p.astype(np.complex128), x.astype(np.complex128)
    p, x, flux = _parted_in_flux(p, x)
    upward = np.where(flux != 0.0, flux, p.imag)
    order = np.argsort(-upward, axis=-1)
    impedance = solid.density * speed
    units = np.array([1.0] * 3 + [impedance] * 3) / np.sqrt(impedance)
    waves = []
    for chosen in (order[..., :3], order[..., 3:]):
        slow_first = np.argsort(
            -np.abs(np.take_along_axis(p, chosen, axis=-1).real), axis=-1, kind="stable"
        )
        kept = np.take_along_axis(chosen, slow_first, axis=-1)
        waves.append(
            PlaneWaves(
                slowness=np.take_along_axis(p, kept, axis=-1) / speed,
                travels=np.take_along_axis(flux, kept, axis=-1) != 0.0,
                vectors=np.take_along_axis(x, kept[..., None, :], axis=-1) * units[:, None],
            )
        )
    return waves[0], waves[1]


@dataclass(frozen=True, kw_only=True)
class WeldedWaves:
    """Reflected and transmitted waves at a welded interface.

    Attributes:
        first_up: Waves of the first solid towards the interface.
        first_down: Waves of the first solid away from it.
        second_up: Waves of the second solid away from it.
        second_down: Waves of the second solid towards it.
        power: Share of the energy of each arriving wave (columns: first_up, second_down) in each
            leaving wave (rows: first_down, second_up), 0 for waves that do not travel,
            shape (num, 6, 6) [-]. Columns and rows add up to 1.
    """

    first_up: PlaneWaves
    first_down: PlaneWaves
    second_up: PlaneWaves
    second_down: PlaneWaves
    power: Array


def welded_waves(
    first: ElasticSolid, second: ElasticSolid, slownesses: Array, normal: Array
) -> WeldedWaves:
    """Return the waves at a plane interface across which displacement and traction are continuous.

    Args:
        first: Solid below the interface.
        second: Solid above it.
        slownesses: s along the interface, shape (num, 3) [s/m].
        normal: Unit vector from first to second, shape (3,).
    """
    first_up, first_down = plane_waves(first, slownesses, normal)
    second_up, second_down = plane_waves(second, slownesses, normal)
    # first_up + first_down = second_up + second_down
    leaving = np.concatenate([-first_down.vectors, second_up.vectors], axis=-1)
    arriving = np.concatenate([first_up.vectors, -second_down.vectors], axis=-1)
    # Tractions are larger than displacements by an impedance; scaled, the system is well posed.
    impedance = np.sqrt(first.impedance * second.impedance)
    scale = np.array([1.0] * 3 + [1.0 / impedance] * 3)[:, None]
    amplitudes = np.linalg.solve(leaving * scale, arriving * scale)
    comes = np.concatenate([first_up.travels, second_down.travels], axis=-1)
    goes = np.concatenate([first_down.travels, second_up.travels], axis=-1)
    power = np.abs(amplitudes) ** 2 * (goes[..., :, None] & comes[..., None, :])
    return WeldedWaves(
        first_up=first_up,
        first_down=first_down,
        second_up=second_up,
        second_down=second_down,
        power=np.asarray(power, dtype=np.float64),
    )


def _contract(tensor: Array, left: Array, right: Array) -> Array:
    """Return C_ijkl m_j n_l, shape (..., 3, 3)."""
    return np.asarray(np.einsum("ijkl,...j,...l->...ik", tensor, left, right, optimize=True))


def _parted_in_flux(p: ComplexArray, x: ComplexArray) -> tuple[ComplexArray, ComplexArray, Array]:
    """Return waves that carry no common energy, and their flux: 1, -1, or 0 if they do not travel.

    Waves of different p carry none anyway. Those of the same p come in any basis, and one of two
    may go up and the other down (conical refraction), so the form of the flux is diagonalised.
    """
    # A double p that round-off made a complex pair: its vectors span a real plane.
    travels = np.abs(p.imag) < SAME
    split = travels & (p.imag != 0.0)
    halves = np.where((p.imag > 0.0)[..., None, :], x.real, x.imag).astype(np.complex128)
    x = np.where(split[..., None, :], halves, x)
    p = np.where(travels, p.real, p)
    products = np.swapaxes(x[..., :3, :].conj(), -1, -2) @ x[..., 3:, :]
    form = 0.5 * (products + np.swapaxes(products.conj(), -1, -2))
    together = travels[..., :, None] & travels[..., None, :]
    together &= np.abs(p[..., :, None] - p[..., None, :]) < SAME
    # Different scales keep the eigenvectors of different p apart.
    first = np.argmax(together | np.eye(6, dtype=np.bool_), axis=-1)
    scale = 1.0 + 0.37 * first
    form = np.where(together, form, 0.0) * (scale[..., :, None] * scale[..., None, :])
    number = np.arange(6)
    form[..., number, number] += np.where(travels, 0.0, 1e3 + number)
    values, basis = np.linalg.eigh(form)
    weights = np.abs(basis) ** 2
    own = np.einsum("...jk,...j->...k", weights, p)
    moving = np.einsum("...jk,...j->...k", weights, travels) > 0.5
    x = (x * scale[..., None, :]) @ basis
    # At grazing exactly a wave has no flux; it is left as it is.
    carries = moving & (np.abs(values) > 1e-30)
    size = np.where(carries, np.sqrt(np.abs(values)), np.linalg.norm(x, axis=-2))
    return own, x / size[..., None, :], np.where(carries, np.sign(values), 0.0)
