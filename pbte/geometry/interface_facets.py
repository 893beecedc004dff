"""Facets of an interface, by their numbers in the boundaries of the bodies on its two sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.types import Array, IntArray


@dataclass(frozen=True, kw_only=True)
class InterfaceFacets:
    """Pairs of boundary facets, each pair one facet of an interface seen from both of its sides.

    Attributes:
        pairs: Boundary facet of the body on side 1 and on side 2, shape (num_facets, 2).
        corner_map: Corner of the facet on side 2 at the same point as each corner of the one on
            side 1, shape (num_facets, dim).
        components: Connected component that the facet belongs to on either side, shape
            (num_facets, 2).
        corners: Shape (num_facets, dim, dim) [m].
        area_normals: Normals out of side 1, as long as the facet is large, shape
            (num_facets, dim) [m^(dim-1)].
    """

    pairs: IntArray
    corner_map: IntArray
    components: IntArray
    corners: Array
    area_normals: Array

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def areas(self) -> Array:
        """Area of each facet, shape (num_facets,) [m^(dim-1)]."""
        return np.asarray(np.linalg.norm(self.area_normals, axis=1))

    @property
    def normals(self) -> Array:
        """Unit normals out of side 1, shape (num_facets, dim)."""
        return np.asarray(self.area_normals / self.areas[:, None])

    def select(self, chosen: IntArray) -> InterfaceFacets:
        """Return some of the facets."""
        return InterfaceFacets(
            pairs=self.pairs[chosen],
            corner_map=self.corner_map[chosen],
            components=self.components[chosen],
            corners=self.corners[chosen],
            area_normals=self.area_normals[chosen],
        )
