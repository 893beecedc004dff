"""Assembly of observables of parts of the mesh: of several bodies, or on several ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pbte.core.types import IntArray
from pbte.geometry.partition import Part, gather_cells, gather_facets
from pbte.observables.snapshot import MeshGeometry, Snapshot


def in_whole_mesh(pieces: Sequence[Any], places: Sequence[IntArray]) -> Any:
    """Return arrays of several bodies as one in the numbers of the whole mesh.

    Args:
        pieces: Values of each body at its cells, or at its boundary facets, shape (num, ...).
        places: Number of each of them in the whole mesh; rows of a piece beyond these (facets of
            interfaces) are left out. Empty for a single body that has the numbers of the mesh.
    """
    if not places:
        return pieces[0]
    shape = (sum(place.size for place in places), *pieces[0].shape[1:])
    whole = np.empty(shape, dtype=pieces[0].dtype)
    for piece, place in zip(pieces, places, strict=True):
        whole[place] = piece[: place.size]
    return whole


def whole_snapshot(snapshot: Snapshot, part: Part | None) -> Snapshot:
    """Return a snapshot of the whole body on the first rank, of the local cells on the others.

    Args:
        snapshot: Observables on the cells of this rank.
        part: The cells of this rank; None if it holds all.

    Note: Collective over the ranks that share the cells.
    """
    if part is None:
        return snapshot
    temperature = gather_cells(part, snapshot.temperature)
    heat_flux = gather_cells(part, snapshot.heat_flux)
    arrivals = gather_facets(part, snapshot.outgoing_current)
    if temperature is None or heat_flux is None or arrivals is None:
        return replace(snapshot, outgoing_current=snapshot.outgoing_current[: len(part.facets)])
    return replace(
        snapshot, temperature=temperature, heat_flux=heat_flux, outgoing_current=arrivals
    )


def local_snapshot(snapshot: Snapshot, part: Part | None) -> Snapshot:
    """Return a snapshot of the whole body as `whole_snapshot` leaves it on this rank."""
    if part is None or part.comm.rank == 0:
        return snapshot
    return replace(
        snapshot,
        temperature=snapshot.temperature[part.cells],
        heat_flux=snapshot.heat_flux[part.cells],
        outgoing_current=snapshot.outgoing_current[part.facets],
    )


def whole_geometry(geometry: MeshGeometry, part: Part | None) -> MeshGeometry:
    """Return the geometry of the whole body on the first rank, of the local cells on the others.

    Note: Collective over the ranks that share the cells.
    """
    if part is None:
        return geometry
    points, volumes = gather_cells(part, geometry.points), gather_cells(part, geometry.volumes)
    facets, areas = gather_facets(part, geometry.facets), gather_facets(part, geometry.facet_areas)
    normals = gather_facets(part, geometry.facet_normals)
    walls = gather_facets(part, geometry.facet_walls)
    regions = gather_cells(part, geometry.cell_regions)
    if points is None or volumes is None or facets is None or areas is None:
        own = slice(len(part.facets))
        return replace(
            geometry,
            facets=geometry.facets[own],
            facet_areas=geometry.facet_areas[own],
            facet_normals=geometry.facet_normals[own],
            facet_walls=geometry.facet_walls[own],
        )
    assert normals is not None and walls is not None and regions is not None
    return replace(
        geometry,
        points=points,
        volumes=volumes,
        facets=facets,
        facet_areas=areas,
        facet_normals=normals,
        facet_walls=walls,
        cell_regions=regions,
    )
