"""The temperature jump in the solver: slabs by the heat equation, a metal of two temperatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array
from pbte.interfaces.specular import SpecularWall
from pbte.materials.kernel import FactoredKernel
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.reference.kapitza import temperature_jump as jump
from pbte.reference.kapitza.two_temperature import (
    Metal,
    coupling_length,
    electron_phonon_resistance,
    film_differences,
)
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._conduction import two_slabs
from pbte.verification.validation._interval import interval

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.transport.electrons.steady import TwoTemperatures

THICK, CONDUCTING, R_K = (300e-9, 500e-9), (148.0, 60.0), 4e-9
D5 = "Two-temperature metal, D5: (k_e/(k_e + k_p))^(3/2)/sqrt(G k_p), diffusive phonons"
# Rate of the coupling over that of scattering: 56 mean free paths in a coupling length.
WEAK = 1e-4
PHONON = 1.0 / (3.0 * (1.0 + WEAK))
METAL = Metal(electron_conductivity=20.0 * PHONON, phonon_conductivity=PHONON, coupling=WEAK)


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        ValidationCase(
            name="jump/two slabs in the heat equation, flux",
            source="Kapitza, D1: q = (T_h - T_c)/(L_1/k_1 + R_K + L_2/k_2)",
            quantity="heat flux through 300 nm and 500 nm with R_K = 4e-9 m^2 K/W",
            unit="W/m^2",
            expected=lambda: float(jump.slab_heat_flux(301.0, 300.0, THICK, CONDUCTING, R_K)),
            tolerance=1e-8,
            run=lambda comm: float(two_slabs(THICK, CONDUCTING, R_K, (301.0, 300.0), comm)[2][5]),
        ),
        ValidationCase(
            name="jump/two slabs in the heat equation, jump",
            source="Kapitza, D1: dT = R_K q",
            quantity="temperature jump at the interface",
            unit="K",
            expected=lambda: float(
                jump.temperature_drop(
                    R_K, jump.slab_heat_flux(301.0, 300.0, THICK, CONDUCTING, R_K)
                )
            ),
            tolerance=1e-8,
            run=_jump,
        ),
        ValidationCase(
            name="jump/electrons in the solver, at the interface",
            source="Two-temperature film, D5: (l/sinh(d/l)) (cosh(d/l)/k_p + 1/k_e)",
            quantity="(T_e - T_p)/q beside the interface, d = 2 l",
            unit="",
            expected=lambda: float(film_differences(METAL, _depth(2.0))[0]),
            tolerance=3e-3,
            run=lambda comm: _differences(2.0, comm)[0],
        ),
        ValidationCase(
            name="jump/electrons in the solver, at the heated face",
            source="Two-temperature film, D5: (l/sinh(d/l)) (1/k_p + cosh(d/l)/k_e)",
            quantity="(T_e - T_p)/q at the heated face, d = 2 l",
            unit="",
            expected=lambda: float(film_differences(METAL, _depth(2.0))[1]),
            tolerance=3e-3,
            run=lambda comm: _differences(2.0, comm)[1],
        ),
        ValidationCase(
            name="jump/electrons in the solver, resistance of a thick metal",
            source=D5,
            quantity="mean temperature drawn on to the interface less T_p there, over q",
            unit="",
            expected=lambda: float(electron_phonon_resistance(METAL)),
            tolerance=5e-3,
            run=_extrapolated,
        ),
        ValidationCase(
            name="jump/electrons in the solver, energy",
            source="What enters the electrons passes to the phonons",
            quantity="heat passed to the phonons over that put in, less 1",
            unit="",
            expected=0.0,
            tolerance=1e-9,
            absolute=True,
            run=lambda comm: _metal(2.0, comm)[1].exchanged - 1.0,
        ),
    ]


def _jump(comm: MPI.Intracomm) -> float:
    _, kelvin, _ = two_slabs(THICK, CONDUCTING, R_K, (301.0, 300.0), comm)
    middle = kelvin.size // 2
    return float(kelvin[middle - 1] - kelvin[middle])


def _depth(lengths: float) -> float:
    return lengths * float(coupling_length(METAL))


def _metal(lengths: float, comm: MPI.Intracomm) -> tuple[Array, TwoTemperatures]:
    """Return places and temperatures of a film, in units of mean free path, time and C.

    A mirror on the left, where a unit flux enters the electrons, a black wall on the right.
    """
    from pbte.core.mode_partition import partition_modes
    from pbte.geometry.sweep_mesh import sweep_mesh_of
    from pbte.transport.body import make_body
    from pbte.transport.boundary import wall_surface
    from pbte.transport.electrons.electrons import Electrons
    from pbte.transport.electrons.steady import solve_two_temperatures
    from pbte.transport.sources import wall_inflow

    crystal = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=1.0, quadrature=line_rule(12)
    )
    kernel, modes = crystal.kernel, crystal.modes
    assert isinstance(kernel, FactoredKernel), "model crystals have no full matrix"
    edges = np.asarray(np.linspace(-_depth(lengths), 0.0, 101), dtype=np.float64)
    domain = interval(edges)
    mesh = sweep_mesh_of(domain)
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    mirror = wall_surface("left", mesh, domain.walls["left"], modes, mode_partition, SpecularWall())
    body = make_body(
        mesh,
        kernel,
        np.zeros(mesh.num_dofs),
        wall_inflow(mesh, domain.walls, {"left": 0.0, "right": 0.0}),
        mode_partition=mode_partition,
        surfaces=(mirror,),
    )
    electrons = Electrons(
        conductivity=20.0 * PHONON,
        coupling=WEAK,
        heat_source=np.zeros(mesh.num_dofs),
        face_heat=np.where(mesh.boundary_walls == domain.walls["left"], 1.0, 0.0),
    )
    found = solve_two_temperatures(body, [kernel], electrons, tolerance=1e-10)
    return mesh.points.reshape(-1), found


def _differences(lengths: float, comm: MPI.Intracomm) -> tuple[float, float]:
    x, found = _metal(lengths, comm)
    apart = found.electrons - found.phonons
    return float(apart[np.argmax(x)]), float(apart[np.argmin(x)])


def _extrapolated(comm: MPI.Intracomm) -> float:
    x, found = _metal(10.0, comm)
    electron, phonon, _ = (float(number) for number in METAL.numbers)
    mean = (electron * found.electrons + phonon * found.phonons) / (electron + phonon)
    inside = (x > 0.6 * x.min()) & (x < 0.3 * x.min())
    return float(np.polyfit(x[inside], mean[inside], 1)[1] - found.phonons[np.argmax(x)])
