"""Made-up results of a sphere, a film and an interval: plausible fields without any solver."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial import Delaunay

from pbte.observables.conductivity import Conductivity, TemperatureGradient
from pbte.observables.results import HeatState, Results, SpectralEstimate, SteadyReport
from pbte.observables.slip import WallSlip
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot

Array = npt.NDArray[np.float64]
TWO_PI = 2.0 * np.pi


@pytest.fixture(scope="session")
def sphere_results() -> Results:
    """A sphere of 200 nm with six scattering orders and a steady state."""
    return make_results(sphere_geometry())


@pytest.fixture(scope="session")
def make() -> Callable[..., Results]:
    """Return make_results, for other shapes and sizes: make("sphere" | "block" | ...)."""
    shapes = {
        "sphere": sphere_geometry,
        "block": block_geometry,
        "film": film_geometry,
        "interval": interval_geometry,
    }

    def build(shape: str, *, num_orders: int = 6, steady: bool = True, **size: int) -> Results:
        return make_results(shapes[shape](**size), num_orders=num_orders, steady=steady)

    return build


def sphere_geometry(shells: int = 6, radius: float = 100e-9) -> MeshGeometry:
    """Points on shells, jittered inside, joined by Delaunay."""
    rng = np.random.default_rng(1)
    layers = [np.zeros((1, 3))]
    for shell in range(1, shells + 1):
        count = 12 * shell**2
        index = np.arange(count) + 0.5
        z, angle = 1.0 - 2.0 * index / count, np.pi * (1.0 + 5.0**0.5) * index
        across = np.sqrt(1.0 - z**2)
        layer = np.column_stack([across * np.cos(angle), across * np.sin(angle), z])
        if shell < shells:
            layer = layer * (1.0 + rng.uniform(-0.15, 0.15, (count, 1)) / shell)
        layers.append(layer * radius * shell / shells)
    return geometry_of(np.vstack(layers), lambda centre: "surface")


def block_geometry(points_per_edge: int = 5) -> MeshGeometry:
    """A block of 100 nm with walls left, right and sides, in 3D."""
    return _grid_geometry(3, points_per_edge)


def film_geometry(points_per_edge: int = 9) -> MeshGeometry:
    """A square of 100 nm with walls left, right and sides, in 2D."""
    return _grid_geometry(2, points_per_edge)


def interval_geometry(num_cells: int = 20) -> MeshGeometry:
    """An interval of 100 nm with walls left and right."""
    x = np.linspace(0.0, 100e-9, num_cells + 1)
    return MeshGeometry(
        points=np.column_stack([x[:-1], x[1:]])[:, :, None],
        volumes=np.diff(x),
        facets=np.array([[[0.0]], [[100e-9]]]),
        facet_areas=np.ones(2),
        facet_normals=np.array([[-1.0], [1.0]]),
        facet_walls=np.array([1, 2]),
        walls={"left": 1, "right": 2},
    )


def _grid_geometry(dim: int, points_per_edge: int) -> MeshGeometry:
    length = 100e-9
    axes = np.meshgrid(*[np.linspace(0.0, length, points_per_edge)] * dim, indexing="ij")
    points = np.column_stack([axis.ravel() for axis in axes])
    inside = np.all((points > 0.0) & (points < length), axis=1)
    jitter = np.random.default_rng(2).uniform(-0.2, 0.2, points.shape) * length
    points[inside] += jitter[inside] / (points_per_edge - 1)

    def wall(centre: Array) -> str:
        if centre[0] < 1e-3 * length:
            return "left"
        return "right" if centre[0] > 0.999 * length else "sides"

    return geometry_of(points, wall)


def geometry_of(points: Array, wall_of: Callable[[Array], str]) -> MeshGeometry:
    """Join the points of a convex body; the name of a facet's wall follows from its centre."""
    dim = points.shape[1]
    scale = np.ptp(points)
    cells = Delaunay(points / scale).simplices
    volumes = np.abs(np.linalg.det(points[cells[:, 1:]] - points[cells[:, :1]]))
    cells = cells[volumes > 1e-9 * volumes.max()]  # flat ones lie on flat sides of the body
    corners = points[cells]
    faces = np.sort([np.delete(cells, k, axis=1) for k in range(dim + 1)], axis=2).reshape(-1, dim)
    unique, counts = np.unique(faces, axis=0, return_counts=True)
    facets = points[unique[counts == 1]]
    if dim == 3:
        normals = np.cross(facets[:, 1] - facets[:, 0], facets[:, 2] - facets[:, 0]) / 2.0
    else:
        along = facets[:, 1] - facets[:, 0]
        normals = np.column_stack([along[:, 1], -along[:, 0]])
    areas = np.linalg.norm(normals, axis=1)
    outward = np.einsum("fd,fd->f", normals, facets.mean(axis=1) - points.mean(axis=0))
    names = [wall_of(centre) for centre in facets.mean(axis=1)]
    walls = {name: tag for tag, name in enumerate(sorted(set(names)), start=3)}
    determinants = np.linalg.det(corners[:, 1:] - corners[:, :1])
    return MeshGeometry(
        points=corners,
        volumes=np.abs(determinants) / (6.0 if dim == 3 else 2.0),
        facets=facets,
        facet_areas=areas,
        facet_normals=normals / areas[:, None] * np.sign(outward)[:, None],
        facet_walls=np.array([walls[name] for name in names]),
        walls=walls,
    )


def make_results(geometry: MeshGeometry, *, num_orders: int = 6, steady: bool = True) -> Results:
    """Orders that widen and fade, with jumps between cells and arrivals of cubic symmetry."""
    edges = np.linspace(0.0, 16e12, 41) * TWO_PI
    orders = tuple(_snapshot(geometry, edges, order) for order in range(num_orders))
    total = _sum(orders + tuple(_snapshot(geometry, edges, m) for m in range(num_orders, 60)))
    report = SteadyReport(
        emission=12.5,
        converged=True,
        iterations=3,
        sweeps=41,
        residuals=np.array([1e-2, 1e-5, 3e-9]),
        tolerance=1e-8,
        rank=50,
        error_estimate=2e-9,
    )
    return Results(
        title="Made-up results, Si/Ge ± 200 nm",
        case='title = "made up"\n[source]\npower = 1e-9\n',
        versions={"pbte": "0.1", "dolfinx": "0.9.0", "a/b": "1"},
        geometry=geometry,
        frequency_edges=edges,
        reference_temperature=300.0,
        num_modes=750,
        num_unknowns=750 * geometry.points.shape[0] * geometry.points.shape[1],
        power=1e-9,
        self_scattering=0.1,
        eigenvalues=(
            SpectralEstimate(
                self_scattering=0.0,
                eigenvalues=(-1.1 + 0j, 0.9 + 0.1j, 0.9 - 0.1j),
                dominant=-1.1,
                most_negative=-1.1,
                num_orders=12,
            ),
            SpectralEstimate(
                self_scattering=0.1, eigenvalues=(), dominant=0.9, most_negative=-0.9, num_orders=16
            ),
        ),
        orders=orders,
        steady=total if steady else None,
        steady_report=report if steady else None,
        conductivity=make_conductivity() if steady else None,
        slips=make_slips(geometry) if steady else (),
        fourier=make_heat_state(total) if steady else None,
        notes=("The plain series diverges for this body.", "Fictitious events count as orders."),
        timings={"mesh": 0.25, "orders": 12.5},
    )


def make_conductivity() -> Conductivity:
    """A film of 100 nm across, of 40 bands in 12 directions, with the reduction of long paths."""
    rng = np.random.default_rng(4)
    frequencies = np.repeat(np.linspace(1e12, 15e12, 40) * TWO_PI, 12)
    paths = 2e-6 * (frequencies / frequencies[0]) ** -2.5
    bulk = rng.uniform(0.5, 1.0, paths.size) * paths**0.5
    bulk *= 140.0 / bulk.sum()
    contributions = bulk / (1.0 + 4.0 / 3.0 * paths / 100e-9)
    return Conductivity(
        gradient=TemperatureGradient(
            direction=np.array([1.0, 0.0, 0.0]), length=100e-9, drop=2.0, area=1.0
        ),
        value=float(contributions.sum()),
        bulk=float(bulk.sum()),
        contributions=contributions,
        bulk_contributions=bulk,
        mean_free_paths=paths,
        frequencies=frequencies,
    )


def make_heat_state(steady: Snapshot) -> HeatState:
    """Half as warm as the phonons, and not quite isotropic."""
    return HeatState(
        temperature=0.5 * steady.temperature,
        heat_flux=0.9 * steady.heat_flux,
        balance=Balance(
            deposited=1e-9,
            absorbed=dict.fromkeys(steady.balance.absorbed, 1e-9 / len(steady.balance.absorbed)),
            scattered_power=0.0,
        ),
        wall_temperatures={name: 0.1 for name in steady.balance.absorbed},
        jump="marshak",
        conductivities={"Si": np.diag([140.0, 141.0, 142.0]), "Ge/x": 60.0 * np.eye(3)},
        effective=88.0,
    )


def make_slips(geometry: MeshGeometry) -> tuple[WallSlip, ...]:
    """A slip at each wall; the first one carries heat."""
    return tuple(
        WallSlip(
            wall=name,
            wall_temperature=1.0,
            body_temperature=0.7,
            heat_flux=2e8,
            resistance=1.5e-9,
            length=210e-9,
        )
        for name in geometry.walls
    )


def _snapshot(geometry: MeshGeometry, edges: Array, order: int) -> Snapshot:
    points = geometry.points
    dim = points.shape[2]
    size = np.ptp(points.reshape(-1, dim), axis=0).max()
    centre = (points.reshape(-1, dim).max(axis=0) + points.reshape(-1, dim).min(axis=0)) / 2.0
    offset = (points - centre) / size
    radius = np.linalg.norm(offset, axis=2)
    fade = 0.85**order
    jumps = 1.0 + 0.02 * np.random.default_rng(order).standard_normal(radius.shape)
    width = 0.12 + 0.02 * order
    wall = np.exp(-0.5 * (0.6 / width) ** 2)
    temperature = 0.04 * fade * (np.exp(-0.5 * (radius / width) ** 2) - wall) * jumps
    if order == 1:
        temperature -= 0.01 * np.exp(-0.5 * (radius / 0.06) ** 2)
    flux = np.zeros((*radius.shape, 3))
    flux[..., :dim] = 2e7 * fade * offset / (radius[..., None] ** 2 + 0.02)
    centres = geometry.facets.mean(axis=1) - centre
    directions = centres / np.linalg.norm(centres, axis=1)[:, None]
    cubic = np.sum(directions**4, axis=1) if dim == 3 else np.ones(len(centres))
    area = geometry.facet_areas.sum()
    arrivals = 1e-9 / area * 0.15 * fade * (1.0 + 1.5 * 0.8**order * (cubic - 0.6))
    frequencies = 0.5 * (edges[1:] + edges[:-1]) / TWO_PI / 1e12
    shape = np.exp(-0.5 * ((frequencies - 5.0) / 1.5) ** 2)
    shape += 0.6 * 0.8**order * np.exp(-0.5 * ((frequencies - 12.0) / 0.8) ** 2)
    spectrum = {}
    for name, tag in geometry.walls.items():
        power = (arrivals * geometry.facet_areas)[geometry.facet_walls == tag].sum()
        spectrum[name] = power * shape / shape.sum()
    absorbed = {name: float(values.sum()) for name, values in spectrum.items()}
    deposited = 1e-9 * fade
    return Snapshot(
        temperature=temperature,
        heat_flux=flux,
        outgoing_spectrum=spectrum,
        outgoing_current=arrivals,
        mode_temperatures=(np.linspace(0.0, fade, 12), np.linspace(-fade, 0.0, 7)),
        wall_temperatures={name: 0.01 * fade * tag for name, tag in geometry.walls.items()},
        balance=Balance(
            deposited=deposited,
            absorbed=absorbed,
            scattered_power=deposited - sum(absorbed.values()),
        ),
    )


def _sum(snapshots: tuple[Snapshot, ...]) -> Snapshot:
    first = snapshots[0]
    names = list(first.balance.absorbed)
    absorbed = {name: sum(s.balance.absorbed[name] for s in snapshots) for name in names}
    return Snapshot(
        temperature=np.sum([s.temperature for s in snapshots], axis=0),
        heat_flux=np.sum([s.heat_flux for s in snapshots], axis=0),
        outgoing_spectrum={
            name: np.sum([s.outgoing_spectrum[name] for s in snapshots], axis=0) for name in names
        },
        outgoing_current=np.sum([s.outgoing_current for s in snapshots], axis=0),
        mode_temperatures=tuple(
            np.sum([s.mode_temperatures[body] for s in snapshots], axis=0) for body in range(2)
        ),
        wall_temperatures={
            name: sum(s.wall_temperatures[name] for s in snapshots) for name in names
        },
        balance=Balance(deposited=1e-9, absorbed=absorbed, scattered_power=0.0),
    )
