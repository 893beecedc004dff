"""Bulk conductivities and the laws of the shipped crystals."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array
from pbte.materials.band_table import band_crystal, read_band_table
from pbte.materials.callaway import callaway_conductivity, callaway_kernel
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.kernel import check_kernel, full_matrix
from pbte.materials.modes import ModeTable
from pbte.materials.quadrature import lebedev_rule
from pbte.materials.storage import Material, read_material
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._runs import conductivity_of, periodic

if TYPE_CHECKING:
    from mpi4py import MPI


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        ValidationCase(
            name="bulk/Si-bands",
            source="Published table of 15 bands: sum C v^2 tau/3; kernel on Lebedev directions",
            quantity="bulk conductivity",
            unit="W/m K",
            expected=151.796,
            tolerance=5e-6,
            run=lambda comm: float(bulk_conductivity(_bands().kernel)[0, 0]),
        ),
        *(
            ValidationCase(
                name=f"bulk/{name} {kind}",
                source="Conductivity stored with the file when it was made; direct solution",
                quantity="bulk conductivity of the grid",
                unit="W/m K",
                expected=value,
                tolerance=2e-4,
                run=lambda comm, name=name, kind=kind: _conductivity(  # type: ignore[misc]
                    name, kind
                ),
            )
            for name, kind, value in (
                ("Si-9", "full", 91.28),
                ("Si-9", "rta", 89.48),
                ("Ge-9", "full", 40.77),
                ("Ge-9", "rta", 37.85),
            )
        ),
        ValidationCase(
            name="bulk/Si-5 by its dense matrix",
            source="Pseudo-inverse of the whole 747 x 747 matrix; solution of its odd block",
            quantity="bulk conductivity of the grid",
            unit="W/m K",
            expected=_dense_conductivity,
            tolerance=1e-8,
            run=lambda comm: float(bulk_conductivity(_material("Si-5").kernel)[0, 0]),
        ),
        *(
            ValidationCase(
                name=f"bulk/{name} in a periodic cell",
                source="Direct solution of the file's own matrix; the steady solver through a case",
                quantity="conductivity of a cell of 1 um with a temperature drop",
                unit="W/m K",
                expected=lambda name=name: float(  # type: ignore[misc]
                    bulk_conductivity(_material(name).kernel)[0, 0]
                ),
                tolerance=1e-8,
                run=lambda comm, name=name: _periodic(name, comm),  # type: ignore[misc]
                slow=name.endswith("9"),
            )
            for name in ("Si-5", "Ge-5", "Si-9", "Ge-9")
        ),
        ValidationCase(
            name="bulk/energy conservation of Si-5",
            source="Row sums of the collision matrix are zero on equilibrium",
            quantity="relative violation",
            unit="",
            expected=0.0,
            tolerance=1e-12,
            absolute=True,
            run=lambda comm: check_kernel(_material("Si-5").kernel).energy_residual,
        ),
        ValidationCase(
            name="bulk/Callaway",
            source="Callaway, Phys. Rev. 113, 1046 (1959): kappa_1 + kappa_2; kernel of rank four",
            quantity="conductivity of Si-bands with two thirds of normal processes",
            unit="W/m K",
            expected=lambda: float(
                sum(part[0, 0] for part in callaway_conductivity(_bands().modes, **_rates()))
            ),
            tolerance=1e-10,
            run=lambda comm: float(
                bulk_conductivity(callaway_kernel(_bands().modes, **_rates()))[0, 0]
            ),
        ),
    ]


@cache
def _bands() -> Material:
    return band_crystal(read_band_table("Si-bands"), quadrature=lebedev_rule(5))


@cache
def _material(name: str) -> Material:
    return read_material(name)


def _rates() -> dict[str, Array]:
    total = _bands().modes.loss_rates
    normal: Array = 2.0 / 3.0 * total
    resistive: Array = 1.0 / 3.0 * total
    return {"normal_rates": normal, "resistive_rates": resistive}


def _periodic(name: str, comm: MPI.Intracomm) -> float:
    return conductivity_of(
        comm,
        material=f'file = "{name}"',
        builder='{ shape = "film", thickness = 1e-6, size = 250e-9 }',
        rest=periodic("left", "right", 1.0),
        tolerance=1e-11,
    )


def _conductivity(name: str, kind: str) -> float:
    material = _material(name) if kind == "full" else read_material(name, scattering="rta")
    if kind == "full":
        return float(bulk_conductivity(material.kernel)[0, 0])
    return float(rta_conductivity(material.modes)[0, 0])


def _dense_conductivity() -> float:
    """Return sum c v A^-1 v with the energy left out, symmetrised by sqrt(c)."""
    kernel = _material("Si-5").kernel
    modes: ModeTable = kernel.modes
    scale = np.sqrt(modes.heat_capacities)
    collisions = np.diag(modes.loss_rates) - full_matrix(kernel)
    symmetric = scale[:, None] * collisions / scale
    gradient = scale * modes.velocities[:, 0]
    values, vectors = np.linalg.eigh(0.5 * (symmetric + symmetric.T))
    kept = values > 1e-10 * values[-1]
    return float(np.square(vectors[:, kept].T @ gradient) @ (1.0 / values[kept]))
