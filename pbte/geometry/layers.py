"""Layered structures along x: heterostructures, films in contact, superlattices.

The parameters of a builder are explained by its record in `pbte/case/mesh.py`; lengths in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.geometry.building import (
    NANOMETRE,
    check_graded,
    check_lengths,
    check_size,
    set_size_by_distance,
    write_mesh,
)
from pbte.geometry.sides import check_axes, make_periodic, sides_of

# A cubic spline through this many points per period is off a sine by 1e-5 of its amplitude.
_POINTS_PER_PERIOD = 24
# Thinner gaps between a wave and a wall, in cells, make cells too flat.
_THINNEST = 0.25


@dataclass(frozen=True, kw_only=True)
class _Stack:
    """Fully specified layers; lengths in nanometres."""

    regions: tuple[str, ...]
    """Region of each layer."""
    planes: Array
    """x of the left end, of each interface and of the right end, shape (num_layers + 1,)."""
    lateral: tuple[float, ...]
    """Extent in y and z."""
    amplitude: float
    period: float
    numbered: bool
    periodic: str

    @property
    def extents(self) -> tuple[float, ...]:
        return (float(self.planes[-1]), *self.lateral)

    @property
    def dim(self) -> int:
        return 1 + len(self.lateral)


def layers(
    path: str | Path,
    *,
    regions: Sequence[str],
    thicknesses: Sequence[float],
    size: float,
    repeat: int = 1,
    dim: int = 1,
    width: float | None = None,
    height: float | None = None,
    size_at_interface: float | None = None,
    growth: float = 0.3,
    amplitude: float = 0.0,
    period: float | None = None,
    periodic: str = "",
    numbered: bool = False,
) -> Path:
    """Write the mesh of layers stacked along x from x = 0 on, and return its path.

    Layers with the same name are one region. Walls "left" (x = 0) and "right", and in 2D and 3D
    "sides", or "y_min", "y_max", "z_min", "z_max" where the structure is periodic in y or z. The
    interface between regions "si" and "ge" is "si-ge", the region that comes first in front.

    If the structure is periodic in x and its last region is not its first, half of the first layer
    is moved to the other end, so that every interface lies inside: one period of a superlattice.

    Raises:
        InputError: A name is no region name, a length is not positive, an element is larger than a
            layer, or waves reach a wall or do not fit a periodic width.
        RunError: The file cannot be written.
    """
    names, thick = _repeated(regions, thicknesses, repeat)
    if dim not in (1, 2, 3):
        raise InputError(f"layers: dim = {dim}; it must be 1, 2 or 3")
    for name, given, least in (
        ("width", width is not None, 2),
        ("height", height is not None, 3),
        ("amplitude", amplitude != 0, 2),
        ("period", period is not None, 2),
    ):
        if given and dim < least:
            raise InputError(f"layers: {name} has no meaning with dim = {dim}; leave it out")
    width = thick[0] if width is None else width
    height = width if height is None else height
    period = width if period is None else period
    check_lengths("layers", size=size, width=width, height=height, period=period)
    check_axes("layers", periodic, dim)
    if "x" in periodic and names[0] != names[-1]:
        names, thick = (*names, names[0]), (thick[0] / 2, *thick[1:], thick[0] / 2)
    lateral = (width, height)[: dim - 1]
    _check_sizes(thick, lateral, size, size_at_interface, growth)
    near = size if size_at_interface is None else size_at_interface
    _check_waves(thick, width, amplitude, period, near, "y" in periodic)
    stack = _Stack(
        regions=names,
        planes=np.concatenate([[0.0], np.cumsum(thick)]) / NANOMETRE,
        lateral=tuple(length / NANOMETRE for length in lateral),
        amplitude=amplitude / NANOMETRE,
        period=period / NANOMETRE,
        numbered=numbered,
        periodic=periodic,
    )

    def build(gmsh: ModuleType) -> None:
        bodies = _add_line(gmsh, stack) if dim == 1 else _add_layers(gmsh, stack)
        _name_parts(gmsh, stack, bodies)
        set_size_by_distance(gmsh, size, size_at_interface, growth, _distances(stack))
        if dim == 1 and size_at_interface is None:
            for body, length in zip(bodies, thick, strict=True):
                cells = int(np.ceil(length / size - 1e-9))
                gmsh.model.mesh.setTransfiniteCurve(body, cells + 1)

    return write_mesh(path, dim=dim, build=build)


def heterostructure(
    path: str | Path,
    *,
    regions: Sequence[str],
    thicknesses: Sequence[float],
    size: float | None = None,
    size_at_interface: float | None = None,
    **options: Any,
) -> Path:
    """Write the mesh of layers with cells refined towards the interfaces, and return its path.

    Raises:
        InputError: As `layers`.
        RunError: The file cannot be written.
    """
    size = 0.25 * min(thicknesses, default=0.0) if size is None else size
    near = 0.4 * size if size_at_interface is None else size_at_interface
    return layers(
        path,
        regions=regions,
        thicknesses=thicknesses,
        size=size,
        size_at_interface=near,
        **options,
    )


def _add_line(gmsh: ModuleType, stack: _Stack) -> list[int]:
    """Add one curve per layer and return their tags."""
    points = [gmsh.model.occ.addPoint(x, 0, 0) for x in stack.planes]
    bodies = [gmsh.model.occ.addLine(a, b) for a, b in pairwise(points)]
    gmsh.model.occ.synchronize()
    return bodies


def _add_layers(gmsh: ModuleType, stack: _Stack) -> list[int]:
    """Add one surface or volume per layer, with common interfaces, and return their tags."""
    occ, width = gmsh.model.occ, stack.lateral[0]
    ends = [[occ.addPoint(x, y, 0) for x in stack.planes] for y in (0.0, width)]
    if stack.amplitude:  # a sine does not vanish at the upper end of a broken number of periods
        shift = _wave(stack, np.array([width]))[0]
        ends[1] = [
            occ.addPoint(x + (shift if 0 < k < len(stack.planes) - 1 else 0.0), width, 0)
            for k, x in enumerate(stack.planes)
        ]
    rows = [[occ.addLine(a, b) for a, b in pairwise(row)] for row in ends]
    upward = [_add_upward(gmsh, stack, k, ends[0][k], ends[1][k]) for k in range(len(stack.planes))]
    bodies = []
    for k in range(len(stack.regions)):
        loop = occ.addCurveLoop([rows[0][k], upward[k + 1], rows[1][k], upward[k]])
        bodies.append(occ.addPlaneSurface([loop]))
    if stack.dim == 3:
        grown = occ.extrude([(2, body) for body in bodies], 0, 0, stack.lateral[1])
        bodies = [tag for d, tag in grown if d == 3]
    # Extruded neighbours may hold copies of their common face: one of each is kept.
    if len(bodies) > 1:
        occ.fragment([(stack.dim, body) for body in bodies], [])
    occ.synchronize()
    tags = [tag for _, tag in gmsh.model.getEntities(stack.dim)]
    return sorted(tags, key=lambda tag: float(occ.getCenterOfMass(stack.dim, tag)[0]))


def _add_upward(gmsh: ModuleType, stack: _Stack, k: int, start: int, end: int) -> int:
    """Add the curve from y = 0 to y = width at the k-th plane: straight at walls, else waved."""
    occ = gmsh.model.occ
    if not stack.amplitude or k in (0, len(stack.planes) - 1):
        return int(occ.addLine(start, end))
    count = int(np.ceil(_POINTS_PER_PERIOD * max(1.0, stack.lateral[0] / stack.period)))
    inner = np.linspace(0.0, stack.lateral[0], count + 1, dtype=np.float64)[1:-1]
    points = [
        occ.addPoint(x, y, 0)
        for x, y in zip(stack.planes[k] + _wave(stack, inner), inner, strict=True)
    ]
    return int(occ.addSpline([start, *points, end]))


def _wave(stack: _Stack, y: Array) -> Array:
    """Return the displacement in x of the interfaces at some y [nm]."""
    return np.asarray(stack.amplitude * np.sin(2 * np.pi * y / stack.period))


def _name_parts(gmsh: ModuleType, stack: _Stack, bodies: list[int]) -> None:
    """Name regions, walls and interfaces, and make opposite walls periodic."""
    dim = stack.dim
    names = list(dict.fromkeys(stack.regions))
    for name in names:
        members = [b for b, r in zip(bodies, stack.regions, strict=True) if r == name]
        gmsh.model.addPhysicalGroup(dim, members, -1, name)
    sides = sides_of(gmsh, stack.extents)
    walls = {"left": sides["x_min"], "right": sides["x_max"]}
    for axis in "yz"[: dim - 1]:
        for side in (f"{axis}_min", f"{axis}_max"):
            own = set(stack.periodic) & {"y", "z"}
            walls.setdefault(side if own else "sides", []).extend(sides[side])
    for name, members in walls.items():
        gmsh.model.addPhysicalGroup(dim - 1, members, -1, name)
    faces: dict[str, list[int]] = {}
    for k, (one, other) in enumerate(zip(stack.regions, stack.regions[1:], strict=False)):
        below, above = (
            {abs(tag) for _, tag in gmsh.model.getBoundary([(dim, body)], combined=False)}
            for body in bodies[k : k + 2]
        )
        first, second = sorted((one, other), key=names.index)
        name = f"interface-{k + 1}" if stack.numbered else f"{first}-{second}"
        faces.setdefault(name, []).extend(below & above)
    for name, members in faces.items():
        gmsh.model.addPhysicalGroup(dim - 1, members, -1, name)
    make_periodic(gmsh, sides, stack.extents, stack.periodic, dim=dim)


def _distances(stack: _Stack) -> list[str]:
    """Return formulas of the distance from each interface."""
    steepest = 2 * np.pi * stack.amplitude / stack.period
    wave = f"{stack.amplitude:.12g}*sin({2 * np.pi / stack.period:.12g}*y)"
    # The distance along x overestimates that from a steep wave.
    factor = 1 / np.hypot(1.0, steepest)
    return [f"{factor:.12g}*abs(x-{x:.12g}-{wave})" for x in stack.planes[1:-1]]


def _repeated(
    regions: Sequence[str], thicknesses: Sequence[float], repeat: int
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return region and thickness of every layer of the whole stack."""
    if len(regions) != len(thicknesses) or not regions:
        raise InputError(
            f"layers: {len(regions)} regions and {len(thicknesses)} thicknesses given; each layer"
            " needs one of both"
        )
    if repeat < 1:
        raise InputError(f"layers: repeat = {repeat}; it must be at least 1")
    for name in regions:
        if not name or name != name.strip() or '"' in name:
            raise InputError(
                f"layers: {name!r} is no name of a region; use letters, digits, '-' and '_'"
            )
    names, thick = tuple(regions) * repeat, tuple(thicknesses) * repeat
    check_lengths("layers", **{f"thickness of layer {k}": t for k, t in enumerate(thick, 1)})
    twice = next((k for k in range(1, len(names)) if names[k] == names[k - 1]), None)
    if twice is not None:
        raise InputError(
            f"layers: layers {twice} and {twice + 1} are both {names[twice]!r}, with no interface"
            " between them; make one layer of them, or give them different names"
        )
    return names, thick


def _check_sizes(
    thick: Sequence[float],
    lateral: Sequence[float],
    size: float,
    near: float | None,
    growth: float,
) -> None:
    named = {f"thickness of layer {k}": t for k, t in enumerate(thick, 1)}
    check_size("layers", size if near is None else near, **named)
    check_size("layers", size, **dict(zip(("width", "height"), lateral, strict=False)))
    area = float(np.prod(lateral))
    check_graded(
        "layers",
        "interface",
        size,
        near,
        growth,
        volume=sum(thick) * area,
        area=2 * (len(thick) - 1) * area,
        dim=1 + len(lateral),
    )


def _check_waves(
    thick: Sequence[float],
    width: float,
    amplitude: float,
    period: float,
    near: float,
    periodic: bool,
) -> None:
    """Raise InputError for waves too close to a wall, or cut off at a periodic side."""
    if not (np.isfinite(amplitude) and amplitude >= 0):
        raise InputError(f"layers: amplitude = {amplitude:g} m; it must be at least 0")
    outer = min(thick[0], thick[-1])
    if amplitude and amplitude > outer - _THINNEST * near:
        raise InputError(
            f"layers: amplitude = {amplitude:g} m leaves less than a quarter of a cell of the outer"
            f" layer of {outer:g} m; give smaller waves or smaller cells at the interface"
        )
    waves = width / period
    if amplitude and periodic and abs(waves - round(waves)) > 1e-9 * waves:
        raise InputError(
            f"layers: period = {period:g} m; a width of {width:g} m that is periodic in y must hold"
            " a whole number of periods"
        )
