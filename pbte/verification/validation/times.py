"""Time steps and oscillations in one dimension against closed forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.errors import RunError
from pbte.core.types import Numbers
from pbte.materials.kernel import FactoredKernel
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.reference.closed_forms.grating import gray_grating
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._interval import interval
from pbte.verification.validation.film import film_cells

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.transport.body import Body
    from pbte.transport.system import StreamedBlock

# Grating of period 1 in a crystal of speed 1: 2 pi Kn = 1.
WAVE = 2.0 * np.pi
GRATING_STEPS = 12  # per relaxation time
# Film of 500 mean free paths between black walls; the left one oscillates.
THICKNESS = 500.0
FREQUENCY = 1e-5
MILNE = 0.710446
Number = Callable[["MPI.Intracomm"], float]


def cases() -> list[ValidationCase]:
    """Return the cases."""
    film = "Heat equation, T = sinh(kappa(L - x))/sinh(kappa L), with Milne's jump at both walls"
    return [
        *(
            ValidationCase(
                name=f"times/gray grating, t = {time:g} tau",
                source="Maznev, Johnson & Nelson, Phys. Rev. B 84, 195206 (2011), 2 pi Kn = 1",
                quantity="amplitude of the grating over that at the start",
                unit="",
                expected=lambda t=time: float(gray_grating([t], 1.0)[0]),  # type: ignore[misc]
                tolerance=1e-3,
                run=_grating_at(time),
            )
            for time in (1.0, 2.5, 5.0, 10.0)
        ),
        ValidationCase(
            name="times/order of the time steps",
            source="Alexander, SIAM J. Numer. Anal. 14, 1006 (1977): two stages, second order",
            quantity="binary logarithm of the ratio of errors when steps are halved",
            unit="",
            expected=2.0,
            tolerance=0.05,
            run=_order,
        ),
        ValidationCase(
            name="times/oscillating film, amplitude",
            source=film,
            quantity="temperature in the middle over that of the wall",
            unit="",
            expected=lambda: abs(_film_expected()),
            tolerance=2e-3,
            run=lambda comm: abs(_film(comm)),
        ),
        ValidationCase(
            name="times/oscillating film, phase",
            source=film,
            quantity="phase of the temperature in the middle",
            unit="degrees",
            expected=lambda: float(np.degrees(np.angle(_film_expected()))),
            tolerance=2e-3,
            run=lambda comm: float(np.degrees(np.angle(_film(comm)))),
        ),
    ]


def _grating_at(time: float) -> Number:
    return lambda comm: _grating(comm, time, round(time * GRATING_STEPS))


def _order(comm: MPI.Intracomm) -> float:
    """Against steps sixteen times as short, which leave 1/256 of the error."""
    coarse, half, exact = (_grating(comm, 2.5, n, cells=12, polar=12) for n in (20, 40, 320))
    return float(np.log2(abs(coarse - exact) / abs(half - exact)))


def _grating(
    comm: MPI.Intracomm, time: float, steps: int, *, cells: int = 40, polar: int = 32
) -> float:
    """Return the amplitude after a time in relaxation times, by a number of equal steps."""
    from pbte.core.mode_partition import partition_modes
    from pbte.geometry.sweep_mesh import sweep_mesh_of
    from pbte.interfaces.perfect import PerfectInterface
    from pbte.transport.body import make_body
    from pbte.transport.boundary import make_surface, wall_side
    from pbte.transport.sources import project, wave
    from pbte.transport.step_control import StepControl
    from pbte.transport.transient import TimeStepper, march

    kernel = _gray(1.0 / WAVE, polar)
    modes, domain = kernel.modes, interval(np.arange(cells + 1.0) / cells)
    mesh, model = sweep_mesh_of(domain), PerfectInterface()
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    joined = make_surface(
        "left-right",
        [wall_side(mesh, domain.walls[name], mode_partition) for name in ("left", "right")],
        mesh.boundary_normals[mesh.boundary_walls == domain.walls["left"]],
        lambda normal: model.flux_matrix(modes, modes, normal),
    )
    nothing = np.zeros(mesh.num_dofs), np.zeros(mesh.boundary_dofs.size)
    body = make_body(mesh, kernel, *nothing, mode_partition=mode_partition, surfaces=(joined,))
    start = project(mesh, wave(0, 1.0))
    field = np.tile(start, (mode_partition.num_modes, 1))

    def amplitude(blocks: Iterator[StreamedBlock], _: float) -> float:
        weights = mesh.dof_weights * start
        return float(_temperature(body, blocks).real @ weights / (start @ weights))

    stepper = TimeStepper(lambda _: body, (kernel,), (field,))
    end = time / WAVE
    control = StepControl(size=end / steps)
    (*_, last) = march(stepper, np.array([end]), control, amplitude)
    if not all(report.converged for report in last.reports):
        raise RunError("a stage of the last time step did not converge")
    return last.measured[-1]


def _film(comm: MPI.Intracomm) -> complex:
    """Return the complex temperature in the middle of the film over that of the wall."""
    from pbte.core.mode_partition import partition_modes
    from pbte.geometry.sweep_mesh import sweep_mesh_of
    from pbte.transport.body import make_body
    from pbte.transport.harmonic import solve_harmonic
    from pbte.transport.sources import wall_inflow
    from pbte.transport.system import as_system

    kernel = _gray(1.0, 32)
    domain = interval(film_cells(THICKNESS, 1.0, num_cells=320))
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    inflow = wall_inflow(mesh, domain.walls, {"left": 1.0, "right": 0.0})
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    body = make_body(mesh, kernel, np.zeros(mesh.num_dofs), inflow, mode_partition=mode_partition)
    solution = solve_harmonic(as_system(body), kernel, frequency=FREQUENCY, tolerance=1e-10)
    if not solution.report.converged:
        raise RunError(f"the oscillation did not converge: {solution.report.residuals}")
    temperature = _temperature(body, solution.streamed_blocks())
    middle = np.isclose(mesh.points[..., 0].ravel(), 0.5 * THICKNESS, rtol=1e-9)
    return complex(temperature[middle].mean())


def _film_expected() -> complex:
    """A crystal of speed, relaxation time 1 and heat capacity 4 conducts by 4/3."""
    kappa = np.sqrt(2j * np.pi * FREQUENCY * 3.0)
    ratio = np.sinh(kappa * (0.5 * THICKNESS + MILNE)) / np.sinh(kappa * (THICKNESS + 2.0 * MILNE))
    return complex(ratio)


def _temperature(body: Body, blocks: Iterator[StreamedBlock]) -> Numbers:
    """Return the temperature of a field, shape (num_dofs,) [K]. Collective."""
    total = np.zeros(body.mesh.num_dofs, dtype=np.complex128)
    for block in blocks:
        total += body.heat_capacities[block.modes] @ block.theta
    temperature: Numbers = body.mode_partition.comm.allreduce(total) / body.modes.heat_capacity
    return temperature


def _gray(relaxation_time: float, polar: int) -> FactoredKernel:
    kernel = gray_crystal(
        speed=1.0,
        relaxation_time=relaxation_time,
        heat_capacity=4.0,
        quadrature=line_rule(polar),
    ).kernel
    assert isinstance(kernel, FactoredKernel), "model crystals have no full matrix"
    return kernel
