"""Contacts of two regions: interfaces even where the mesh file does not name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import BoolArray, IntArray
from pbte.geometry.facets import FacetTable
from pbte.geometry.meshfile import MeshData

_GROUP = {1: "Physical Point", 2: "Physical Curve", 3: "Physical Surface"}


def name_contacts(
    data: MeshData, table: FacetTable, tags: IntArray, path: Path
) -> tuple[IntArray, dict[str, int]]:
    """Return the tag of every facet once nameless contacts of two regions have names.

    A contact of the regions "si" and "ge" is called "si-ge", the region with the smaller tag
    first; its own tag is a new one.

    Args:
        data: The mesh as read.
        table: Its facets.
        tags: Tag of each facet, 0 = none, shape (num_facets,).
        path: The file, for messages.

    Returns:
        The tags, and the tag of each new name.

    Raises:
        InputError: A new name is taken or stands for two pairs of regions, or a named surface lies
            partly between two regions and partly within one.
    """
    shared = table.num_cells == 2
    # At the boundary there is one cell only: as if the same region were on both sides.
    second = np.where(shared, table.cells[:, 1], table.cells[:, 0])
    regions = np.sort(data.cell_tags[np.column_stack([table.cells[:, 0], second])], axis=1)
    contact = regions[:, 0] != regions[:, 1]
    _check_groups_of_one_kind(data, tags, shared, contact, path)

    tags, found = tags.copy(), dict[str, int]()
    names = {tag: name for name, tag in data.regions.items()}
    last = max([0, *data.facet_groups.values()])
    nameless = contact & (tags == 0)
    for one, other in np.unique(regions[nameless], axis=0).tolist():
        name = f"{names[one]}-{names[other]}"
        members = nameless & (regions[:, 0] == one) & (regions[:, 1] == other)
        taken = name in found or np.any(tags == data.facet_groups.get(name, -1))
        if taken:
            dim = data.points.shape[1]
            raise InputError(
                f"{path}: {int(members.sum())} facets between the regions {names[one]!r} and"
                f" {names[other]!r} are in no group, and {name!r}, as they would be called, is"
                f' taken; name them in gmsh: {_GROUP[dim]}("contact") = {{...}};'
            )
        found[name] = last + 1 + len(found)
        tags[members] = found[name]
    return tags, found


def _check_groups_of_one_kind(
    data: MeshData, tags: IntArray, shared: BoolArray, contact: BoolArray, path: Path
) -> None:
    """Refuse a named surface that is a contact in one place and inside a region in another."""
    for name, tag in data.facet_groups.items():
        member = (tags == tag) & shared
        between, within = int(np.sum(member & contact)), int(np.sum(member & ~contact))
        if between and within:
            raise InputError(
                f"{path}: the group {name!r} has {between} facets between two regions and {within}"
                " within one; split it into two interfaces"
            )
