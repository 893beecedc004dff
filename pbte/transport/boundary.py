"""Walls and interfaces on the mesh: their outgoing flux becomes inflow.

Every boundary condition and interface model is a flux matrix per facet normal
(pbte.interfaces.base). Its diffuse part goes through the temperatures of a few bins per facet node;
only a sparse part (specular, acoustic mismatch) needs the modes one by one. Between two scattering
events a surface holds just that: the bin temperatures and, with a sparse part, the mode
temperatures of its inflow.

A surface has one side (a wall) or two (an interface, or two faces joined periodically). Facets and
their nodes are listed in the same order on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse

from pbte.core.distributed_array import DistributedArray
from pbte.core.errors import RunError
from pbte.core.mode_partition import ModePartition, all_modes
from pbte.core.types import Array, BoolArray, IntArray, Numbers
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.interfaces.base import BoundaryCondition, FluxMatrix, check_flux_matrix
from pbte.materials.modes import ModeTable

# Facets of a flat wall have one normal up to the round-off of their coordinates.
SAME_NORMAL = 1e-10
# Facet nodes whose modes are gathered at a time when ranks share the modes.
GATHERED_NODES = 512
# Reflected fraction of the flux that is round-off: the bodies are in perfect contact.
PERFECT = 1e-9


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a surface.

    Attributes:
        body: Number of the body it belongs to.
        mode_partition: The modes of that body on each rank.
        dofs: Degree of freedom at each facet node, shape (num_facets, dim).
        boundary_dofs: Number of each facet node among the boundary dofs of the body, shape
            (num_facets, dim).
    """

    body: int
    mode_partition: ModePartition
    dofs: IntArray
    boundary_dofs: IntArray


class Surface:
    """A wall with its boundary condition, or an interface with its model.

    Args:
        name: Its name in the mesh.
        sides: One or two sides.
        matrices: Flux matrix of each distinct normal, modes of the first side before those of the
            second.
        normal_of: Which of them each facet has, shape (num_facets,).
        areas: Area of each facet, shape (num_facets,) [m^(dim-1)].
        jumps: Added to every mode temperature on its way into each side [K]; for a
            temperature drop imposed between periodic faces.

    Raises:
        RunError: A flux matrix violates conservation, balance or reciprocity.
    """

    def __init__(
        self,
        *,
        name: str,
        sides: Sequence[Side],
        matrices: Sequence[FluxMatrix],
        normal_of: IntArray,
        areas: Array,
        jumps: Sequence[float] = (0.0, 0.0),
    ) -> None:
        self.name, self.sides = name, tuple(sides)
        self.normal_of, self.areas = normal_of, areas
        self.jumps = tuple(jumps)[: len(sides)]
        for matrix in matrices:
            report = check_flux_matrix(matrix)
            if not report.is_sound:
                raise RunError(
                    f"surface '{name}': its flux matrix violates energy conservation, detailed "
                    f"balance or reciprocity by {report.worst:.1e} relative; at most 1e-12 is "
                    "round-off"
                )
        rows, self.bins = _local_rows(self.sides), _common_bins(name, matrices)
        self.num_bins = int(self.bins.max(initial=-1)) + 1
        self.weights = [_SideWeights(matrices, self.bins, own) for own in rows]
        self.mixing = [matrix.mixing for matrix in matrices]
        self.is_sparse = any(matrix.sparse is not None for matrix in matrices)
        self.sparse = [[_part(matrix, own) for matrix in matrices] for own in rows]
        self.response = _Response(matrices, _of_sides(self.sides), self.num_bins, self.sparse)
        self.conductances = np.array([local_conductance(matrix, self) for matrix in matrices])

    @property
    def num_facets(self) -> int:
        """Number of facets."""
        return int(self.normal_of.size)


class BoundaryFlux:
    """Inflow from a surface, and the outgoing flux collected there until the next event.

    Args:
        surface: The surface; its inflow is zero at first.
        dtype: Kind of the numbers, real or complex.
    """

    def __init__(self, surface: Surface, dtype: npt.DTypeLike = np.float64) -> None:
        self.surface = surface
        shape = surface.sides[0].dofs.shape
        self.bins = np.zeros((surface.num_bins, *shape), dtype=dtype)
        self._collected = np.zeros_like(self.bins)
        self.inflow = [
            np.zeros(
                (side.mode_partition.num_modes if surface.is_sparse else 0, *shape), dtype=dtype
            )
            for side in surface.sides
        ]
        self._outflow = [np.zeros_like(inflow) for inflow in self.inflow]

    @property
    def nbytes(self) -> int:
        """Bytes kept between two events on this rank."""
        return 2 * (self.bins.nbytes + sum(inflow.nbytes for inflow in self.inflow))

    def state_arrays(self, facets: IntArray) -> dict[str, DistributedArray]:
        """Return the inflow from the surface, by name; the arrays themselves.

        Args:
            facets: Number of each boundary facet in the body of the first side.
        """
        arrays, sides = {}, self.surface.sides
        nodes = np.arange(sides[0].dofs.shape[1])
        own = facets[sides[0].boundary_dofs[:, 0] // nodes.size]
        if self.bins.size:
            arrays["bins"] = DistributedArray(
                axes=("bin", "facet", "node"),
                numbers=(np.arange(len(self.bins)), own, nodes),
                values=self.bins,
                is_written=sides[0].mode_partition.comm.rank == 0,
            )
        for number, side in enumerate(sides):
            if self.surface.is_sparse:
                arrays[f"inflow_{number}"] = DistributedArray(
                    axes=("mode", "facet", "node"),
                    numbers=(side.mode_partition.indices, own, nodes),
                    values=self.inflow[number],
                )
        return arrays

    def send(self, side: int, modes: IntArray, rows: Numbers, *, jump: bool) -> None:
        """Add the inflow at one side to rows of inflow.

        Args:
            side: Number of the side.
            modes: Local modes, shape (n,).
            rows: Inflow of these modes, shape (n, num_boundary_dofs) [K].
            jump: Whether the imposed temperature drop is included.
        """
        surface = self.surface
        here, own, normal_of = surface.sides[side], surface.weights[side], surface.normal_of
        values = np.zeros((modes.size, *here.dofs.shape), dtype=self.bins.dtype)
        _spread(own.spread[:, modes], own.bins[modes], normal_of, self.bins, values)
        if surface.is_sparse:
            values += self.inflow[side][modes]
        if jump and surface.jumps[side] != 0.0:
            values += surface.jumps[side] * own.enters[:, modes].T[:, normal_of, None]
        rows[:, here.boundary_dofs] += values

    def collect(self, side: int, modes: IntArray, theta: Numbers) -> None:
        """Accumulate the outgoing flux of local modes at one side, theta (modes, num_dofs) [K]."""
        surface = self.surface
        here, own = surface.sides[side], surface.weights[side]
        weights, bins = own.gather[:, modes], own.bins[modes]
        _gather(weights, bins, surface.normal_of, theta, here.dofs, self._collected)
        if surface.is_sparse:
            self._outflow[side][modes] = theta[:, here.dofs]

    def reflect(self) -> None:
        """Make the reflected flux the inflow. Collective over the ranks of the modes."""
        surface = self.surface
        collected = surface.sides[0].mode_partition.sum_over_ranks(self._collected)
        for number, mixing in enumerate(surface.mixing):
            facets, count = np.flatnonzero(surface.normal_of == number), mixing.shape[0]
            if count == 0:
                continue
            arriving = collected[:count, facets]
            mixed = mixing @ arriving.reshape(count, -1)
            self.bins[:count, facets] = mixed.reshape(arriving.shape)
        self._collected = np.zeros_like(self._collected)
        if surface.is_sparse:
            self._reflect_modes()

    def _reflect_modes(self) -> None:
        """Apply the sparse parts, some facets of one normal at a time. Collective."""
        surface = self.surface
        for number in range(len(surface.mixing)):
            for facets in _portions(np.flatnonzero(surface.normal_of == number), GATHERED_NODES):
                arriving = np.concatenate(
                    [
                        all_modes(side.mode_partition, out[:, facets])
                        for side, out in zip(surface.sides, self._outflow, strict=True)
                    ]
                )
                flat = arriving.reshape(arriving.shape[0], -1)
                for part, inflow in zip(surface.sparse, self.inflow, strict=True):
                    shape = (inflow.shape[0], *arriving.shape[1:])
                    inflow[:, facets] = (part[number] @ flat).reshape(shape)


class _SideWeights:
    """Weights of the local modes of one side, each of shape (num_normals, modes).

    Diffuse part: g of what is gathered and g/f of what is sent; f and 1 of the modes that enter.
    """

    def __init__(self, matrices: Sequence[FluxMatrix], bins: IntArray, rows: IntArray) -> None:
        self.bins = bins[rows]
        self.gather = np.stack([np.where(m.outgoing, m.weights, 0.0)[rows] for m in matrices])
        self.spread = np.stack([_over_flux(m, m.weights)[rows] for m in matrices])
        self.enters = np.stack([m.incoming[rows].astype(np.float64) for m in matrices])
        self.flux = np.stack([np.where(m.incoming, m.flux, 0.0)[rows] for m in matrices])


class _Response:
    """Response of a surface to bodies whose modes all have the temperature of their side.

    Attributes:
        powers: Power that enters each side per temperature of a bin, shape
            (num_normals, num_bins, num_sides) [W/m^2 K].
        bins: Temperature of each bin per temperature of each side, shape
            (num_normals, num_bins, num_sides) [-].
        modes: For each side the same of the local modes that enter it through the sparse part,
            shape (num_normals, local modes, num_sides) [-]; no modes without one.
    """

    def __init__(
        self,
        matrices: Sequence[FluxMatrix],
        of_sides: BoolArray,
        num_bins: int,
        sparse: Sequence[Sequence[scipy.sparse.csr_array]],
    ) -> None:
        shape = len(matrices), num_bins, of_sides.shape[1]
        self.powers, self.bins = np.zeros(shape), np.zeros(shape)
        for row, matrix in enumerate(matrices):
            self.powers[row, : matrix.num_bins] = matrix.spreading.T @ of_sides
            self.bins[row, : matrix.num_bins] = matrix.mixing @ (matrix.gathering @ of_sides)
        self.modes = [np.stack([part @ of_sides for part in parts]) for parts in sparse]
        if all(matrix.sparse is None for matrix in matrices):
            self.modes = [answers[:, :0] for answers in self.modes]


def local_conductance(matrix: FluxMatrix, surface: Surface) -> float:
    """Return the flux over the jump of the local temperatures at an interface [W/m^2 K].

    From the temperatures of the streams that arrive, h = sum of F from side 1 to side 2; between
    bodies in local equilibrium that carry the flux h / (1 - (t12 + t21)/2), with the mean
    transmissions t. Infinite where everything passes; 0 for a wall.
    """
    of_sides = _of_sides(surface.sides).astype(np.float64)
    if of_sides.shape[1] == 1:
        return 0.0
    passing = float((matrix.flux * matrix.apply(of_sides[:, 0])) @ of_sides[:, 1])
    arriving = np.where(matrix.outgoing, matrix.flux, 0.0) @ of_sides
    left = 1.0 - 0.5 * float((passing / np.maximum(arriving, np.finfo(float).tiny)).sum())
    return passing / left if left > PERFECT else np.inf


def group_normals(normals: Array) -> tuple[Array, IntArray]:
    """Return the distinct unit normals, and which of them each facet has.

    Args:
        normals: Shape (num_facets, dim).

    Returns:
        Distinct normals, shape (num_normals, 3), and numbers, shape (num_facets,).
    """
    unit = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    keys = np.round(unit / SAME_NORMAL).astype(np.int64)
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    distinct = np.zeros((first.size, 3))
    distinct[:, : unit.shape[1]] = unit[first]
    return distinct, np.asarray(number).reshape(-1)


def make_surface(
    name: str,
    sides: Sequence[Side],
    normals: Array,
    flux_matrix: Callable[[Array], FluxMatrix],
    jumps: Sequence[float] = (0.0, 0.0),
) -> Surface:
    """Return a surface from the flux matrix of a facet normal.

    Args:
        name: Its name in the mesh.
        sides: One or two sides.
        normals: Area normal of each facet, outward of the first side, shape (num_facets, dim)
            [m^(dim-1)].
        flux_matrix: Maps a unit normal, shape (3,), to the flux matrix there.
        jumps: Added to what enters each side [K].

    Raises:
        RunError: A flux matrix violates conservation, balance or reciprocity.
    """
    distinct, normal_of = group_normals(normals)
    matrices = [flux_matrix(normal) for normal in distinct]
    return Surface(
        name=name,
        sides=sides,
        matrices=matrices,
        normal_of=normal_of,
        areas=np.linalg.norm(normals, axis=1),
        jumps=jumps,
    )


def wall_side(mesh: SweepMesh, tag: int, mode_partition: ModePartition, body: int = 0) -> Side:
    """Return the facets of a wall as the side of a surface."""
    return facet_side(mesh, np.flatnonzero(mesh.boundary_walls == tag), mode_partition, body)


def facet_side(
    mesh: SweepMesh,
    facets: IntArray,
    mode_partition: ModePartition,
    body: int = 0,
    corners: IntArray | None = None,
) -> Side:
    """Return some boundary facets as the side of a surface.

    Args:
        mesh: The cells of the body.
        facets: Their numbers, shape (num_facets,).
        mode_partition: The modes of each rank.
        body: Number of the body.
        corners: The corners of each facet in the sequence wanted, shape (num_facets, dim); that of
            the mesh by default.
    """
    if corners is None:
        corners = np.broadcast_to(np.arange(mesh.dim), (facets.size, mesh.dim))
    return Side(
        body=body,
        mode_partition=mode_partition,
        dofs=np.take_along_axis(mesh.boundary_dofs[facets], corners, axis=1),
        boundary_dofs=facets[:, None] * mesh.dim + corners,
    )


def wall_surface(
    name: str,
    mesh: SweepMesh,
    tag: int,
    modes: ModeTable,
    mode_partition: ModePartition,
    condition: BoundaryCondition,
) -> Surface:
    """Return a wall of a body with its boundary condition.

    Args:
        name: Its name in the mesh.
        mesh: The cells of the body.
        tag: Its tag.
        modes: Mode table of the whole crystal.
        mode_partition: The modes of each rank.
        condition: Its boundary condition.
    """
    return make_surface(
        name,
        [wall_side(mesh, tag, mode_partition)],
        mesh.boundary_normals[mesh.boundary_walls == tag],
        lambda normal: condition.flux_matrix(modes, normal),
    )


def _common_bins(name: str, matrices: Sequence[FluxMatrix]) -> IntArray:
    """Return the bin of each mode, the same at every normal where it takes part."""
    bins = np.max([matrix.bins for matrix in matrices], axis=0)
    for matrix in matrices:
        if np.any((matrix.bins >= 0) & (matrix.bins != bins)):
            raise RunError(f"surface '{name}': its flux matrices bin the modes differently")
    return np.asarray(bins, dtype=np.int64)


def _local_rows(sides: Sequence[Side]) -> list[IntArray]:
    """Return the numbers of the local modes of each side among all modes of the surface."""
    starts = np.cumsum([0] + [_num_modes(side.mode_partition) for side in sides])
    return [start + side.mode_partition.indices for start, side in zip(starts, sides, strict=False)]


def _of_sides(sides: Sequence[Side]) -> BoolArray:
    """Return which modes of the surface are on which side, shape (num_modes, num_sides)."""
    counts = [_num_modes(side.mode_partition) for side in sides]
    return np.repeat(np.eye(len(sides), dtype=np.bool_), counts, axis=0)


def _num_modes(mode_partition: ModePartition) -> int:
    return 2 * mode_partition.total_pairs + int(mode_partition.singles[-1])


def _over_flux(matrix: FluxMatrix, values: Array) -> Array:
    entering = matrix.incoming & (matrix.flux > 0.0)
    return np.divide(values, matrix.flux, out=np.zeros_like(values), where=entering)


def _part(matrix: FluxMatrix, rows: IntArray) -> scipy.sparse.csr_array:
    """Return the rows of the sparse part that this rank needs, as mode temperatures [-]."""
    if matrix.sparse is None:
        return scipy.sparse.csr_array((rows.size, matrix.num_modes))
    inverse = _over_flux(matrix, np.ones(matrix.num_modes))[rows]
    return scipy.sparse.csr_array(scipy.sparse.diags_array(inverse) @ matrix.sparse[rows])


def _portions(facets: IntArray, size: int) -> Iterator[IntArray]:
    for start in range(0, facets.size, size):
        yield facets[start : start + size]


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _gather(weights, bins, normal_of, theta, dofs, collected):  # type: ignore[no-untyped-def]
    """Add g theta of outgoing modes to the bins: collected (num_bins, num_facets, dim)."""
    for facet in numba.prange(dofs.shape[0]):
        row = normal_of[facet]
        for mode in range(theta.shape[0]):
            weight = weights[row, mode]
            if weight > 0.0:
                for node in range(dofs.shape[1]):
                    collected[bins[mode], facet, node] += weight * theta[mode, dofs[facet, node]]


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _spread(weights, bins, normal_of, temperatures, values):  # type: ignore[no-untyped-def]
    """Add g/f times the temperature of its bin to each incoming mode: (modes, num_facets, dim)."""
    for mode in numba.prange(values.shape[0]):
        for facet in range(values.shape[1]):
            weight = weights[normal_of[facet], mode]
            if weight > 0.0:
                for node in range(values.shape[2]):
                    values[mode, facet, node] += weight * temperatures[bins[mode], facet, node]
