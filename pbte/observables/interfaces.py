"""Temperatures and heat flux on both sides of interfaces, node by node.

At a point of an interface every mode of a crystal either arrives at it (outgoing from the crystal),
leaves it (incoming), or moves along it. With f = c |v . n| each side has

    T       = sum c theta / sum c           temperature of all modes (local)
    T_out   = sum_out f theta / sum_out f   of the stream that arrives at the interface (emission)
    T_in    = sum_in f theta / sum_in f     of the stream that leaves it
    q       = sum_out f theta - sum_in f theta, the heat flux out of the crystal

theta of the incoming modes is the inflow given by the interface model, as in the upwind flux, not
the value of the discontinuous elements in the first cell: q is then conserved to round-off, and T
does not jump where there is no interface.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pbte.core.types import Array, BoolArray
from pbte.geometry.interface_facets import InterfaceFacets
from pbte.interfaces.base import GRAZING
from pbte.transport.body import Body, Modes
from pbte.transport.boundary import Side, facet_side
from pbte.transport.collisions import blocks
from pbte.transport.system import StreamedBlock, System

MODE_BLOCK = 256


@dataclass(frozen=True, kw_only=True)
class Interface:
    """Facets where two bodies, or two parts of one, meet under one interface model.

    Attributes:
        name: Name in the mesh, with a number where it joins several pairs of components.
        model: Kind of its interface model.
        bodies: Number of the body on side 1 and side 2.
        materials: Name of the material on either side.
        facets: Its facets in the boundaries of both bodies.
        conductances: Landauer conductance at each facet, shape (num_facets,) [W/m^2 K]; nan until
            the interface model was evaluated.
        unmatched: Share of the flux, at energies that both crystals have, for which the grids of
            modes have no partners, at the first facet [-]; nan until then.
    """

    name: str
    model: str
    bodies: tuple[int, int]
    materials: tuple[str, str]
    facets: InterfaceFacets
    conductances: Array
    unmatched: float

    @property
    def components(self) -> tuple[int, int]:
        """Component on either side, of an interface between only two of them."""
        first, second = self.facets.components[0]
        return int(first), int(second)

    def by_components(self) -> list[Interface]:
        """Return one interface for each pair of connected components that meet."""
        distinct, number = np.unique(self.facets.components, axis=0, return_inverse=True)
        rows = [np.flatnonzero(number.reshape(-1) == row) for row in range(len(distinct))]
        return [
            replace(self, facets=self.facets.select(own), conductances=self.conductances[own])
            for own in rows
        ]


def reported_interfaces(interfaces: Iterable[Interface]) -> tuple[Interface, ...]:
    """Return one interface for each pair of components, by name and from left to right.

    Layers of a superlattice meet under one name; each of their interfaces is reported by itself,
    with a number.
    """
    found = [each for interface in interfaces for each in interface.by_components()]
    found.sort(key=lambda each: (each.name, float(each.facets.corners[..., 0].mean())))
    counts, seen = Counter(each.name for each in found), Counter[str]()
    named = []
    for each in found:
        seen[each.name] += 1
        several = counts[each.name] > 1
        named.append(replace(each, name=f"{each.name} {seen[each.name]}") if several else each)
    return tuple(named)


@dataclass(frozen=True, kw_only=True)
class SideFields:
    """Fields on one side of an interface.

    Attributes:
        temperature: Deviation of all modes from T0 at the facet nodes, shape (num_facets, dim) [K].
        outgoing: That of the stream that arrives at the interface, same shape [K].
        incoming: That of the stream that leaves it [K].
        arriving: Flux of the stream that arrives at it [W/m^2].
        heat_flux: Net flux out of the crystal [W/m^2].
        weights: By frequency bin, sum of f over the outgoing modes, mean over the interface, shape
            (num_bins,) [W/m^2 K].
        out_spectrum: Flux of the outgoing stream by bin, shape (num_bins,) [W/m^2].
        in_spectrum: That of the incoming stream [W/m^2].
    """

    temperature: Array
    outgoing: Array
    incoming: Array
    arriving: Array
    heat_flux: Array
    weights: Array
    out_spectrum: Array
    in_spectrum: Array


@dataclass(frozen=True, kw_only=True)
class InterfaceFields:
    """Fields at an interface.

    Attributes:
        interface: The interface.
        sides: Its two sides.
        entropy: Entropy production at the facet nodes, to second order in theta, shape
            (num_facets, dim) [W/m^2 K]; only of a complete field, not of scattering orders.
    """

    interface: Interface
    sides: tuple[SideFields, SideFields]
    entropy: Array


class InterfaceTally:
    """Tally of the fields at all interfaces, block of modes by block of modes.

    Everything accumulated until `restart` is summed, such as scattering orders.

    Args:
        system: The bodies.
        interfaces: Interfaces between two connected components each.
        frequency_edges: Edges of the frequency bins, shape (num_bins + 1,) [rad/s].
    """

    def __init__(
        self, system: System, interfaces: Sequence[Interface], frequency_edges: Array
    ) -> None:
        self.system, self.interfaces = system, tuple(interfaces)
        self._sides = [
            [
                _SideObserver(system.bodies[side.body], side, sign, each, frequency_edges)
                for sign, side in zip((1.0, -1.0), _sides_of(each, system), strict=True)
            ]
            for each in self.interfaces
        ]

    def accumulate(self, block: StreamedBlock) -> None:
        """Add the mode temperatures of some modes of one body."""
        for sides in self._sides:
            for side in sides:
                if side.side.body == block.body:
                    side.accumulate(block)

    def sums(self) -> tuple[Array, ...]:
        """Return the sums accumulated so far, for `fields` and `restart`. Collective."""
        return tuple(array for sides in self._sides for side in sides for array in side.sums())

    def restart(self, sums: Sequence[Array] = ()) -> None:
        """Start with these `sums`, of these or other ranks, or with nothing."""
        arrays = iter(sums)
        for sides in self._sides:
            for side in sides:
                if sums:
                    side.restart(next(arrays), next(arrays))
                else:
                    side.restart()

    def fields(self, sums: Sequence[Array]) -> tuple[InterfaceFields, ...]:
        """Return the fields at all interfaces from `sums`, which are left as they are."""
        found, arrays = [], iter(sums)
        for interface, (first, second) in zip(self.interfaces, self._sides, strict=True):
            temperature = self.system.bodies[first.side.body].modes.temperature
            one, lost = first.fields(next(arrays), next(arrays))
            other, gained = second.fields(next(arrays), next(arrays))
            entropy = np.asarray((lost + gained) / (2.0 * temperature**2), dtype=np.float64)
            found.append(InterfaceFields(interface=interface, sides=(one, other), entropy=entropy))
        return tuple(found)


def _sides_of(interface: Interface, system: System) -> tuple[Side, Side]:
    """Return the facet nodes on both sides of an interface, in the same sequence."""
    first, second = (system.bodies[number] for number in interface.bodies)
    one, other = interface.facets.pairs.T
    return (
        facet_side(first.mesh, one, first.mode_partition, interface.bodies[0]),
        facet_side(
            second.mesh,
            other,
            second.mode_partition,
            interface.bodies[1],
            interface.facets.corner_map,
        ),
    )


class _SideObserver:
    """Accumulates the moments of one side."""

    def __init__(
        self, body: Body, side: Side, sign: float, interface: Interface, edges: Array
    ) -> None:
        self.body, self.side = body, side
        self.normals = sign * interface.facets.normals
        self._shares = interface.facets.areas / interface.facets.areas.sum()
        self._fastest = float(np.linalg.norm(body.modes.velocities, axis=1).max())
        frequencies = body.modes.frequencies[body.mode_partition.indices]
        bins = np.searchsorted(edges, frequencies, side="right") - 1
        self._bins = np.clip(bins, 0, edges.size - 2)
        self._num_bins = edges.size - 1
        self._fluxes = self._sums_of_fluxes()
        # Energy of all modes; fluxes of the outgoing and of the incoming ones; entropy lost.
        self._sums = np.zeros((4, *side.dofs.shape))
        self._spectra = np.zeros((2, self._num_bins))

    def sums(self) -> tuple[Array, Array]:
        """Return the sums over the modes of all ranks. Collective."""
        total = self.body.mode_partition.sum_over_ranks
        return total(self._sums), total(self._spectra)

    def restart(self, sums: Array | float = 0.0, spectra: Array | float = 0.0) -> None:
        """Start with these sums over all ranks; one rank holds them."""
        first = self.body.mode_partition.comm.rank == 0
        self._sums[:] = sums if first else 0.0
        self._spectra[:] = spectra if first else 0.0

    def _flux(self, modes: Modes) -> tuple[Array, BoolArray, BoolArray]:
        """Return c v . n of some modes at each facet, and which are outgoing and incoming."""
        dim = self.normals.shape[1]
        speed = self.body.velocities[modes][:, :dim] @ self.normals.T
        least = GRAZING * self._fastest
        heat = self.body.heat_capacities[modes]
        return heat[:, None] * speed, speed > least, speed < -least

    def _sums_of_fluxes(self) -> tuple[Array, Array, Array]:
        """Return the sums of f over outgoing and incoming modes, (num_facets,), and by bin."""
        out, into = np.zeros((2, self._shares.size))
        by_bin = np.zeros(self._num_bins)
        for rows in blocks(self.body.mode_partition.num_modes, MODE_BLOCK):
            flux, outgoing, incoming = self._flux(rows)
            arriving = np.where(outgoing, flux, 0.0)
            out += arriving.sum(axis=0)
            into += np.where(incoming, -flux, 0.0).sum(axis=0)
            np.add.at(by_bin, self._bins[rows], arriving @ self._shares)
        comm = self.body.mode_partition.comm
        return comm.allreduce(out), comm.allreduce(into), comm.allreduce(by_bin)

    def accumulate(self, block: StreamedBlock) -> None:
        """Add some modes."""
        chosen = np.arange(self.body.mode_partition.num_modes)[block.modes]
        for rows in blocks(chosen.size, MODE_BLOCK):
            modes = chosen[rows]
            theta = block.theta[rows][:, self.side.dofs]
            own = block.inflow if block.inflow.shape[0] == 1 else block.inflow[rows]
            entering = np.broadcast_to(own[:, self.side.boundary_dofs], theta.shape)
            flux, outgoing, incoming = self._flux(modes)
            out = np.where(outgoing, flux, 0.0)
            into = np.where(incoming, -flux, 0.0)
            all_modes = np.where(incoming[:, :, None], entering, theta)
            self._sums[0] += np.tensordot(self.body.heat_capacities[modes], all_modes, axes=1)
            self._sums[1] += np.einsum("mf,mfi->fi", out, theta)
            self._sums[2] += np.einsum("mf,mfi->fi", into, entering)
            self._sums[3] += np.einsum("mf,mfi->fi", out, theta**2)
            self._sums[3] -= np.einsum("mf,mfi->fi", into, entering**2)
            for number, (weights, values) in enumerate(((out, theta), (into, entering))):
                passing = (weights * values.mean(axis=2)) @ self._shares
                np.add.at(self._spectra[number], self._bins[modes], passing)

    def fields(self, sums: Array, spectra: Array) -> tuple[SideFields, Array]:
        """Return the fields and the entropy lost at each node."""
        energy, out, into, lost = sums
        out_flux, in_flux, weights = self._fluxes
        fields = SideFields(
            temperature=energy / self.body.modes.heat_capacity,
            outgoing=out / out_flux[:, None],
            incoming=into / in_flux[:, None],
            arriving=out,
            heat_flux=out - into,
            weights=weights,
            out_spectrum=spectra[0],
            in_spectrum=spectra[1],
        )
        return fields, lost
