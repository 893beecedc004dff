"""Domains made cell by cell, without gmsh."""

from __future__ import annotations

import itertools

import numpy as np

from pbte.geometry.checks import CheckedMesh
from pbte.geometry.domain import Domain, make_domain
from pbte.geometry.facets import facet_table


def simplex_grid(
    dim: int,
    n: int,
    *,
    wobble: float = 0.0,
    seed: int = 0,
    stretch: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> Domain:
    """Return the unit interval, square or cube cut into simplices.

    Kuhn's subdivision of n^dim boxes, one wall "surface" all around. With `wobble`, each vertex
    inside is moved at random by up to that many box lengths, as long as no cell around it loses
    more than 99 % of its volume.
    """
    axes = np.meshgrid(*[np.arange(n + 1)] * dim, indexing="ij")
    index = np.stack(axes, axis=-1).reshape(-1, dim)
    number = np.arange(len(index)).reshape((n + 1,) * dim)
    boxes = index[(index < n).all(axis=1)]
    cells = []
    for path in itertools.permutations(range(dim)):
        corners = boxes[:, None, :] + np.zeros((1, dim + 1, 1), dtype=np.int64)
        for step, axis in enumerate(path):
            corners[:, step + 1 :, axis] += 1
        cells.append(number[tuple(np.moveaxis(corners, 2, 0))])
    vertices = np.concatenate(cells)
    points = index / n
    random = np.random.default_rng(seed)
    if wobble <= 0.1:  # too little to turn a cell over
        inside = ((index > 0) & (index < n)).all(axis=1)
        points[inside] += random.uniform(-wobble, wobble, size=points[inside].shape) / n
    else:
        _shake(points, vertices, wobble / n, random)
    return domain_of_cells(points * np.array(stretch[:dim]), vertices)


def _shake(
    points: np.ndarray, vertices: np.ndarray, amplitude: float, random: np.random.Generator
) -> None:
    def volumes(cells: np.ndarray) -> np.ndarray:
        corners = points[cells]
        return np.linalg.det(corners[:, 1:] - corners[:, :1])

    inside = np.flatnonzero(((points > 0.0) & (points < 1.0)).all(axis=1))
    for vertex in inside:
        around = vertices[(vertices == vertex).any(axis=1)]
        before, home = volumes(around), points[vertex].copy()
        for _ in range(10):
            points[vertex] = home + random.uniform(-amplitude, amplitude, size=home.size)
            if (volumes(around) / before > 0.01).all():
                break
            points[vertex] = home


def domain_of_cells(points: np.ndarray, vertices: np.ndarray) -> Domain:
    """Return the domain of some cells with one region and one wall."""
    table = facet_table(vertices)
    outside = table.num_cells == 1
    empty = np.empty((0, points.shape[1]), dtype=np.int64)
    return make_domain(
        CheckedMesh(
            points=points,
            cells=vertices,
            cell_tags=np.ones(len(vertices), dtype=np.int64),
            regions={"body": 1},
            boundary=table.nodes[outside],
            boundary_tags=np.full(int(outside.sum()), 7, dtype=np.int64),
            walls={"surface": 7},
            interior=empty,
            interior_tags=np.empty(0, dtype=np.int64),
            interfaces={},
        )
    )
