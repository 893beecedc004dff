"""Split of a case's mesh into bodies of one crystal each, and the interfaces between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pbte.case.case import Case
from pbte.case.regions import (
    ChosenModel,
    chosen_model,
    materials_of,
    materials_of_regions,
)
from pbte.core.types import BoolArray, IntArray
from pbte.geometry.domain import Domain
from pbte.geometry.face_pairs import FacePairs, face_pairs_of
from pbte.geometry.interface_facets import InterfaceFacets
from pbte.geometry.material_split import MaterialSplit, divide, groups_of_cells
from pbte.geometry.sweep_mesh import (
    SweepMesh,
    build_sweep_mesh,
    cell_components,
    cells_of,
    sweep_mesh_of,
)
from pbte.observables.interfaces import Interface
from pbte.observables.snapshot import MeshGeometry
from pbte.simulation.checks import check_interfaces
from pbte.transport.sweep.sweep import with_records


@dataclass(frozen=True, kw_only=True)
class BodyMesh:
    """All regions of one material.

    Attributes:
        material: Its name in the case.
        regions: Names of the regions.
        mesh: The cells, cut along the interfaces.
        cells: Number of each cell in the whole mesh, shape (num_cells,).
        facets: Number of each wall facet in the boundary of the whole mesh; facets of interfaces
            follow after these in the boundary of the body, shape (num_wall_facets,).
        components: Connected component that each cell belongs to, numbered over all bodies.
    """

    material: str
    regions: tuple[str, ...]
    mesh: SweepMesh
    cells: IntArray
    facets: IntArray
    components: IntArray


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """A mesh split into bodies of one material each.

    Attributes:
        whole: All cells of this rank, not cut.
        cell_regions: Tag of the region of each of them.
        bodies: One for each material.
        interfaces: Interfaces of each name and pair of bodies, not yet evaluated.
        models: Interface model of each of them.
        regions: Region name -> tag.
        walls: Wall name -> tag.
        interface_tags: Name -> tag of each interface that is not just a plane in a crystal.
        is_cut: Whether cells and facets have other numbers than in the whole mesh.
    """

    whole: SweepMesh
    cell_regions: IntArray
    bodies: tuple[BodyMesh, ...]
    interfaces: tuple[Interface, ...]
    models: tuple[ChosenModel, ...]
    regions: Mapping[str, int]
    walls: Mapping[str, int]
    interface_tags: Mapping[str, int]
    is_cut: bool


def split_by_material(domain: Domain, case: Case) -> Bodies:
    """Return one body for each material of a case.

    Faces between two materials are always cut, others where the case gives a model for them.

    Args:
        domain: The whole mesh.
        case: The case.

    Raises:
        InputError: Materials or models do not fit the mesh.
    """
    of_region = materials_of_regions(case, domain.regions)
    face_pairs = face_pairs_of(domain)
    names = {tag: name for name, tag in domain.interfaces.items()}
    regions = {tag: name for name, tag in domain.regions.items()}
    models, model_of_facet = _models(
        case, face_pairs, names, {t: of_region[n] for t, n in regions.items()}
    )
    is_cut = model_of_facet >= 0
    whole = sweep_mesh_of(domain)
    if not is_cut.any() and len(set(of_region.values())) == 1:
        cells = with_records(whole)
        return one_body(case, cells, domain.cell_regions, domain.walls, domain.regions)
    materials = [name for name in materials_of(case) if name in of_region.values()]
    groups = {tag: materials.index(of_region[name]) for tag, name in regions.items()}
    points, vertices, boundary = cells_of(domain)
    division = divide(
        points,
        vertices,
        boundary,
        domain.facet_walls,
        groups_of_cells(domain.cell_regions, groups),
        face_pairs.select(is_cut),
    )
    meshes = [
        with_records(build_sweep_mesh(body.points, body.vertices, body.boundary, body.tags))
        for _, body in sorted(division.bodies.items())
    ]
    components = _components(meshes)
    bodies = tuple(
        BodyMesh(
            material=materials[number],
            regions=tuple(r for r, m in of_region.items() if m == materials[number]),
            mesh=mesh,
            cells=division.bodies[number].cells,
            facets=division.bodies[number].wall_facets,
            components=components[number],
        )
        for number, mesh in enumerate(meshes)
    )
    used = {names[int(tag)]: int(tag) for tag in np.unique(face_pairs.tags[is_cut])}
    interfaces, chosen = _interfaces(division, bodies, models, model_of_facet[is_cut], names)
    return Bodies(
        whole=whole,
        cell_regions=domain.cell_regions,
        bodies=bodies,
        interfaces=interfaces,
        models=chosen,
        regions=dict(domain.regions),
        walls=dict(domain.walls),
        interface_tags=used,
        is_cut=True,
    )


def one_body(
    case: Case,
    mesh: SweepMesh,
    cell_regions: IntArray,
    walls: Mapping[str, int],
    regions: Mapping[str, int],
) -> Bodies:
    """Return a mesh, or a part of one, as a single body that is not cut."""
    materials = set(materials_of_regions(case, regions).values())
    assert len(materials) == 1, "several materials are cut from each other"
    body = BodyMesh(
        material=materials.pop(),
        regions=tuple(regions),
        mesh=mesh,
        cells=np.arange(mesh.num_cells),
        facets=np.arange(mesh.boundary_walls.size),
        components=np.zeros(mesh.num_cells, dtype=np.int64),
    )
    return Bodies(
        whole=mesh,
        cell_regions=cell_regions,
        bodies=(body,),
        interfaces=(),
        models=(),
        regions=dict(regions),
        walls=dict(walls),
        interface_tags={},
        is_cut=False,
    )


def geometry_of(bodies: Bodies) -> MeshGeometry:
    """Return the whole mesh as the arrays on which the observables are defined."""
    mesh = bodies.whole
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    whole = MeshGeometry(
        points=mesh.points,
        volumes=mesh.volumes,
        facets=mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs],
        facet_areas=areas,
        facet_normals=mesh.boundary_normals / areas[:, None],
        facet_walls=mesh.boundary_walls,
        walls=dict(bodies.walls),
        cell_regions=bodies.cell_regions,
        regions=dict(bodies.regions),
    )
    if not bodies.is_cut:
        return whole
    components = np.empty(mesh.num_cells, dtype=np.int64)
    materials: dict[int, str] = {}
    for body in bodies.bodies:
        components[body.cells] = body.components
        materials |= {int(component): body.material for component in np.unique(body.components)}
    names = tuple(materials[component] for component in sorted(materials))
    beside = components[mesh.boundary_dofs[:, 0] // (mesh.dim + 1)]
    return replace(whole, components=components, materials=names, facet_components=beside)


def _models(
    case: Case, face_pairs: FacePairs, names: Mapping[int, str], material_of: Mapping[int, str]
) -> tuple[list[ChosenModel], IntArray]:
    """Return the models that the mesh needs, and which of them each face pair has, -1 for none."""
    kinds = np.column_stack([face_pairs.tags, face_pairs.regions])
    distinct, kind_of = np.unique(kinds, axis=0, return_inverse=True)
    sides = [(names[tag], (material_of[a], material_of[b])) for tag, a, b in _rows(distinct)]
    meeting: dict[str, set[tuple[str, str]]] = {name: set() for name in names.values()}
    for name, pair in sides:
        meeting[name].add(pair)
    check_interfaces(case, meeting)
    models: list[ChosenModel] = []
    number = np.full(len(distinct), -1, dtype=np.int64)
    for row, (name, pair) in enumerate(sides):
        model = chosen_model(case, name, pair)
        if model is None:
            continue
        if model.key == name and (name, pair[::-1]) in sides[:row]:  # side 1 as at its first place
            model = replace(model, swapped=True)
        number[row] = len(models)
        models.append(model)
    return models, number[np.asarray(kind_of).reshape(-1)]


def _interfaces(
    division: MaterialSplit,
    bodies: Sequence[BodyMesh],
    models: Sequence[ChosenModel],
    model_of: IntArray,
    names: Mapping[int, str],
) -> tuple[tuple[Interface, ...], tuple[ChosenModel, ...]]:
    """Return the interfaces by name and pair of bodies, with side 1 as in their models."""
    swapped = np.array([model.swapped for model in models])[model_of]
    groups, pairs = _turned(division.groups, swapped), _turned(division.facets, swapped)
    maps = np.where(swapped[:, None], np.argsort(division.vertex_map, axis=1), division.vertex_map)
    # Facets of one interface between the same bodies have one model, whatever their regions.
    kinds = np.column_stack([division.pairs.tags, groups])
    distinct, kind_of = np.unique(kinds, axis=0, return_inverse=True)
    interfaces, chosen = [], []
    for row, (tag, one, other) in enumerate(_rows(distinct)):
        own = np.flatnonzero(np.asarray(kind_of).reshape(-1) == row)
        model = models[int(model_of[own[0]])]
        facets = _facets((bodies[one], bodies[other]), pairs[own], maps[own])
        interfaces.append(
            Interface(
                name=names[tag],
                model=model.choice.kind,
                bodies=(one, other),
                materials=(bodies[one].material, bodies[other].material),
                facets=facets,
                conductances=np.full(len(facets), np.nan),
                unmatched=np.nan,
            )
        )
        chosen.append(model)
    return tuple(interfaces), tuple(chosen)


def _facets(
    bodies: tuple[BodyMesh, BodyMesh], pairs: IntArray, corner_map: IntArray
) -> InterfaceFacets:
    """Return the facets of an interface, given their numbers in the boundaries of both bodies."""
    mesh = bodies[0].mesh
    components = [
        body.components[body.mesh.boundary_dofs[facets, 0] // (mesh.dim + 1)]
        for body, facets in zip(bodies, pairs.T, strict=True)
    ]
    return InterfaceFacets(
        pairs=pairs,
        corner_map=corner_map,
        components=np.column_stack(components),
        corners=mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs[pairs[:, 0]]],
        area_normals=mesh.boundary_normals[pairs[:, 0]],
    )


def _rows(table: IntArray) -> list[tuple[int, ...]]:
    return [tuple(int(number) for number in row) for row in table]


def _turned(pairs: IntArray, swapped: BoolArray) -> IntArray:
    return np.where(swapped[:, None], pairs[:, ::-1], pairs)


def _components(meshes: Sequence[SweepMesh]) -> list[IntArray]:
    """Return the connected component of each cell of each mesh, from left to right in x."""
    components, count = [], 0
    for mesh in meshes:
        own = cell_components(mesh)
        components.append(own + count)
        count += int(own.max()) + 1
    whole = np.concatenate(components)
    points = np.concatenate([mesh.points for mesh in meshes])
    starts = np.full(count, np.inf)
    np.minimum.at(starts, whole, points[:, :, 0].min(axis=1))
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(starts, kind="stable")] = np.arange(count)
    return [rank[own] for own in components]
