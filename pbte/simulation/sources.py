"""Heat sources of a case, put on the mesh and on the modes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.case.sources import (
    COORDINATES,
    AnySource,
    ExpressionSource,
    FieldSource,
    GaussianSource,
    ModeSelection,
    UniformSource,
)
from pbte.core.errors import InputError
from pbte.core.expressions import parse_expression
from pbte.core.parallel import on_all_ranks
from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.field_file import interpolator, read_field
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.materials.modes import ModeTable
from pbte.transport.body import Body
from pbte.transport.sources import gaussian, project

Density = Callable[[Array], Array]

# Negative values up to this part of the largest value are taken for round-off.
_ROUND_OFF = 1e-12


@dataclass(frozen=True, kw_only=True)
class Place:
    """The cells of this rank, body by body.

    Attributes:
        meshes: The cells of each body.
        cell_regions: Region of each of them, shape (num_cells,) for each body.
        regions: Tag of each named region.
        space: The ranks that share the cells.
    """

    meshes: tuple[SweepMesh, ...]
    cell_regions: tuple[IntArray, ...]
    regions: Mapping[str, int]
    space: MPI.Intracomm

    @property
    def dim(self) -> int:
        """Dimension of the mesh."""
        return self.meshes[0].dim

    def total(self, values: Sequence[float]) -> float:
        """Return the sum over the bodies and over the ranks that share them. Collective."""
        return float(self.space.allreduce(float(sum(values))))


def heat_sources(case: Case, place: Place) -> tuple[Array, ...]:
    """Return the heat density of each source at the local degrees of freedom of each body.

    Each is the L2 projection on the cells of its regions, so that its power is correct to the
    accuracy of the quadrature; it is exact where the case gives the power.

    Args:
        case: The case.
        place: The cells of this rank.

    Returns:
        For each body, shape (num_sources, num_dofs) [W/m^3], in the sequence of
        `Case.all_sources`; a source without heat if there is none.

    Raises:
        InputError: A region is unknown, a file cannot be used, or a density is not finite, negative
            without permission, or heats nothing.

    Note: Collective over the ranks that share the cells.
    """
    found = [_on_meshes(name, source, case, place) for name, source in case.all_sources.items()]
    if not found:
        return tuple(np.zeros((1, mesh.num_dofs)) for mesh in place.meshes)
    return tuple(np.array(of_body) for of_body in zip(*found, strict=True))


def heated_modes(case: Case, modes: ModeTable, regions: Collection[str]) -> BoolArray | None:
    """Return which modes of a body each source heats, shape (num_sources, num_modes).

    Args:
        case: The case.
        modes: Those of the body's crystal.
        regions: Regions of the mesh that the body is made of. A source that heats others has no
            heat here; all modes may take it up.

    Returns:
        None for a case without sources.

    Raises:
        InputError: The case selects none of the crystal's modes.
    """
    sources = case.all_sources
    if not sources:
        return None
    heated = np.ones((len(sources), modes.num_modes), dtype=np.bool_)
    for number, (name, source) in enumerate(sources.items()):
        if source.regions is None or not set(source.regions).isdisjoint(regions):
            heated[number] = selected_modes(f"{name}.modes", source.modes, modes)
    return heated


def undershoot(case: Case, bodies: Sequence[Body]) -> float:
    """Return how far a heat density falls below zero, relative to its peak [-]. Collective.

    Sources that may cool do not count.
    """
    worst, comm = 0.0, bodies[0].comm
    for number, source in enumerate(case.all_sources.values()):
        heats = [body.heat_sources[number] for body in bodies]
        peak = comm.allreduce(max(float(np.abs(heat).max()) for heat in heats), op=MPI.MAX)
        lowest = comm.allreduce(max(-float(heat.min()) for heat in heats), op=MPI.MAX)
        if peak > 0.0 and not source.may_cool:
            worst = max(worst, lowest / peak)
    return worst


def selected_modes(name: str, chosen: ModeSelection, modes: ModeTable) -> BoolArray:
    """Return which modes a selection means, shape (num_modes,).

    Raises:
        InputError: None of them; `name` says where the case has it.
    """
    frequencies = modes.frequencies / (2.0 * np.pi)
    heated = frequencies >= chosen.min_frequency
    if chosen.max_frequency is not None:
        heated &= frequencies <= chosen.max_frequency
    if chosen.branches is not None:
        heated &= np.isin(modes.bands, chosen.branches)
    if not heated.any():
        raise InputError(
            f"{name}: no mode of {modes.name} is selected; its frequencies reach from "
            f"{frequencies.min():.3g} to {frequencies.max():.3g} Hz and its branches from 0 to "
            f"{modes.bands.max()}"
        )
    return np.asarray(heated, dtype=np.bool_)


def _on_meshes(name: str, source: AnySource, case: Case, place: Place) -> list[Array]:
    """Return the heat density of one source in each body, shape (num_dofs,). Collective."""
    meshes, cells = place.meshes, _cells(name, source, place)
    volume = place.total([float(m.volumes[c].sum()) for m, c in zip(meshes, cells, strict=True)])
    if volume == 0.0:
        listed = ", ".join(source.regions or ())
        raise InputError(f"{name}.regions: there are no cells in {listed}")
    density, power = _density(name, source, case, place.dim, volume, place.space)
    with on_all_ranks(place.space):
        heats = [project(mesh, density, own) for mesh, own in zip(meshes, cells, strict=True)]
    both = list(zip(heats, meshes, strict=True))
    integral = place.total([float(heat @ mesh.dof_weights) for heat, mesh in both])
    size = place.total([float(np.abs(heat) @ mesh.dof_weights) for heat, mesh in both])
    if size == 0.0:
        raise InputError(
            f"{name}: heats none of the cells; is it in the right place, and wide enough for them?"
        )
    if power is None:
        return heats
    if abs(integral) <= 1e-9 * size:
        raise InputError(
            f"{name}.power: what is put in is taken out elsewhere, nothing scales to a power of "
            f"{power:g}; leave out power"
        )
    return [np.asarray(heat * (power / integral), dtype=np.float64) for heat in heats]


def _cells(name: str, source: AnySource, place: Place) -> list[BoolArray]:
    """Return the local cells of each body that a source heats."""
    if source.regions is None:
        return [np.ones(mesh.num_cells, dtype=np.bool_) for mesh in place.meshes]
    for region in source.regions:
        if region not in place.regions:
            near = get_close_matches(region, place.regions, n=1)
            known = ", ".join(repr(each) for each in place.regions)
            hint = f"did you mean '{near[0]}'?" if near else f"its regions are {known}"
            raise InputError(f"{name}.regions: the mesh has no region {region!r}; {hint}")
    heated = [place.regions[region] for region in source.regions]
    return [np.isin(own, heated) for own in place.cell_regions]


def _density(
    name: str, source: AnySource, case: Case, dim: int, volume: float, space: MPI.Intracomm
) -> tuple[Density, float | None]:
    """Return the density [W/m^3] and the power that it is scaled to. Collective."""
    if isinstance(source, UniformSource):
        value = source.density if source.power is None else source.power / volume
        assert value is not None
        return lambda points: np.full(len(points), value), source.power
    if isinstance(source, GaussianSource):
        profile = gaussian(np.asarray(source.centre), source.sigma)
        peak = 1.0 if source.peak is None else source.peak
        return lambda points: peak * profile(points), source.power
    if isinstance(source, ExpressionSource):
        expression = parse_expression(source.density, COORDINATES)

        def of_expression(points: Array) -> Array:
            where = np.zeros((len(points), 3))
            where[:, :dim] = points
            return expression(**dict(zip(COORDINATES, where.T, strict=True)))

        return _sound(f"{name}.density", of_expression, source.sinks), source.power
    return _sound(f"{name}.file", _of_field(name, source, case, dim, space), source.sinks), (
        source.power
    )


def _of_field(
    name: str, source: FieldSource, case: Case, dim: int, space: MPI.Intracomm
) -> Density:
    """Return the density of a field from a file. Collective."""
    field = None
    with on_all_ranks(space):
        if space.rank == 0:
            path = case.folder / source.file
            field = read_field(path, dim, name=source.name, scale=source.scale)
    field = space.bcast(field)
    assert field is not None
    known = field
    with on_all_ranks(space):
        values_at = interpolator(known, nearest=source.outside == "nearest")

    def density(points: Array) -> Array:
        values = values_at(points)
        lost = np.isnan(values)
        if lost.any() and source.outside == "refuse":
            place, low, high = (
                ", ".join(f"{x:.4g}" for x in row)
                for row in (points[lost][0], known.points.min(axis=0), known.points.max(axis=0))
            )
            raise InputError(
                f"{name}.file: {100.0 * lost.mean():.2g} % of the body lies outside of the field in"
                f" {source.file}, such as ({place}) m; the field reaches from ({low}) to ({high}) "
                'm. Check scale, or set outside = "nearest" or "zero"'
            )
        return source.factor * np.where(lost, 0.0, values)

    return density


def _sound(name: str, density: Density, sinks: bool) -> Density:
    """Return the same density, refusing values that are not finite or must not be negative."""

    def checked(points: Array) -> Array:
        values = density(points)
        bad = ~np.isfinite(values)
        lowest = -_ROUND_OFF * np.abs(values[~bad]).max(initial=0.0)
        negative = np.zeros_like(bad) if sinks else values < lowest
        for wrong, what in ((bad, "is not finite"), (negative, "is negative")):
            if wrong.any():
                place = ", ".join(f"{x:.4g}" for x in points[wrong][0])
                hint = "" if wrong is bad else "; set sinks = true if heat is to be taken out"
                raise InputError(
                    f"{name}: the heat density {what} ({values[wrong][0]:.3g}) at ({place}) m{hint}"
                )
        return values

    return checked
