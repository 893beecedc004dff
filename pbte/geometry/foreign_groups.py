"""Named groups of foreign meshes, as read by meshio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import BoolArray, IntArray

# Usual names of arrays of region numbers, the most specific first.
_USUAL = (
    "gmsh:physical",
    "cell_tags",
    "medit:ref",
    "region",
    "regions",
    "material",
    "materials",
    "tag",
    "tags",
    "physical",
    "marker",
    "markers",
    "subdomain",
    "subdomains",
    "cellentityids",
    "name_to_read",
)
_NOT_TAGS = ("gmsh:geometrical", "vtkghosttype", "partition", "cellid", "globalids")
_MOST_GROUPS = 1000


def name_elements(
    mesh: Any, blocks: list[int], dim: int, prefix: str, tags: str | None, source: Path
) -> tuple[IntArray, dict[str, int]]:
    """Return the group of every element in some blocks of a meshio mesh, and the groups' names.

    Args:
        mesh: The mesh from ``meshio.read``.
        blocks: The blocks with the elements, all of one dimension.
        dim: This dimension.
        prefix: First part of the names made from numbers, "region" or "wall".
        tags: Name of the array of numbers to use; chosen by its name if left out.
        source: The file, for messages.

    Returns:
        Tag of each element, 0 where it has no group, and the tag of each name.

    Raises:
        InputError: Two groups overlap, or it is unclear which array holds the numbers.
    """
    sizes = [len(mesh.cells[i].data) for i in blocks]
    owner = np.zeros(sum(sizes), dtype=np.int64)
    names: dict[str, int] = {}
    sets = {} if tags is not None else _named_sets(mesh, blocks, dim)
    partial = {name: mask for name, mask in sets.items() if not mask.all()}
    # A set of all elements ("ALL") is redundant next to sets of parts.
    for name, mask in (partial or dict(list(sets.items())[:1])).items():
        if np.all(owner[mask]):
            continue  # the same elements under a second name: the first one is kept
        if np.any(owner[mask]):
            other = next(n for n, tag in names.items() if tag == owner[mask].max())
            raise InputError(
                f"{source}: the groups {other!r} and {name!r} overlap; each part of the mesh must"
                " belong to one named group"
            )
        owner[mask] = names.setdefault(name, len(names) + 1)
    key = _tag_array(mesh, tags, source)
    if key is not None and len(owner):
        numbers = np.concatenate([np.asarray(mesh.cell_data[key][i]).ravel() for i in blocks])
        none = 0 if key in ("gmsh:physical", "cell_tags", "medit:ref") else None
        for number in np.unique(numbers):
            free = (numbers == number) & (owner == 0)
            if number != none and np.any(free):
                owner[free] = names.setdefault(f"{prefix}_{int(number)}", len(names) + 1)
    return owner, names


def _named_sets(mesh: Any, blocks: list[int], dim: int) -> dict[str, BoolArray]:
    """Return the non-empty named sets among the elements of some blocks."""
    sizes = [len(mesh.cells[i].data) for i in blocks]
    sets: dict[str, BoolArray] = {}

    def put(name: str, parts: list[BoolArray]) -> None:
        mask = np.concatenate([np.zeros(0, dtype=np.bool_), *parts])
        if mask.any():
            sets[name] = sets.get(name, np.zeros_like(mask)) | mask

    for name, members in mesh.cell_sets.items():
        if not name.startswith("gmsh:"):
            put(name, [_mask(members[i], n) for i, n in zip(blocks, sizes, strict=True)])
    physical = mesh.cell_data.get("gmsh:physical")
    for name, entry in mesh.field_data.items():  # gmsh: name -> (number, dimension)
        if physical is not None and np.size(entry) == 2 and int(entry[1]) == dim:
            put(name, [np.asarray(physical[i]) == int(entry[0]) for i in blocks])
    families = mesh.cell_data.get("cell_tags")
    for number, members in getattr(mesh, "cell_tags", {}).items():  # MED: family -> names
        for name in members if families is not None else ():
            put(name, [np.asarray(families[i]) == number for i in blocks])
    return sets


def _mask(members: Any, size: int) -> BoolArray:
    mask = np.zeros(size, dtype=np.bool_)
    if members is not None and np.size(members):
        mask[np.asarray(members, dtype=np.int64)] = True
    return mask


def _tag_array(mesh: Any, tags: str | None, source: Path) -> str | None:
    """Return the name of the cell array that holds the numbers of regions and walls."""
    if tags is not None:
        if tags not in mesh.cell_data:
            known = ", ".join(repr(name) for name in mesh.cell_data) or "none"
            raise InputError(f"{source}: no cell array {tags!r} (it has: {known})")
        if not _holds_numbers(mesh.cell_data[tags], floats=True):
            raise InputError(f"{source}: the cell array {tags!r} does not hold numbers of regions")
        return tags
    for usual in _USUAL:
        for name, values in mesh.cell_data.items():
            if name.lower() == usual and _holds_numbers(values, floats=True):
                return str(name)
    found = [
        str(name)
        for name, values in mesh.cell_data.items()
        if name.lower() not in _NOT_TAGS and _holds_numbers(values, floats=False)
    ]
    if len(found) > 1:
        raise InputError(
            f"{source}: several cell arrays may hold the numbers of regions"
            f" ({', '.join(repr(name) for name in found)}); choose one with tags"
        )
    return found[0] if found else None


def _holds_numbers(values: Any, *, floats: bool) -> bool:
    """Return whether a cell array holds one integer per cell, and not a different one each."""
    arrays = [np.asarray(part) for part in values]
    if any(a.ndim != 1 and a.size != len(a) for a in arrays):
        return False
    joined = np.concatenate([a.ravel() for a in arrays]) if arrays else np.zeros(0)
    if not (np.issubdtype(joined.dtype, np.integer) or floats):
        return False
    with np.errstate(invalid="ignore"):
        whole = np.all(np.isfinite(joined)) and np.all(joined == np.round(joined))
    return bool(whole) and len(np.unique(joined)) <= _MOST_GROUPS
