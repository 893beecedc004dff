"""Hand-made gmsh files and a way to build a file once for all ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mpi4py import MPI


@pytest.fixture
def gmsh22() -> Callable[..., object]:
    """Return a writer of gmsh files: elements are (type, group, entity, node numbers from 1)."""

    def write(path, points, elements, names):
        lines = ["$MeshFormat", "2.2 0 8", "$EndMeshFormat", "$PhysicalNames", str(len(names))]
        lines += [f'{dim} {tag} "{name}"' for (dim, tag), name in names.items()]
        points = np.array(points, dtype=float).tolist()
        nodes = [f"{i} {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(points, 1)]
        lines += ["$EndPhysicalNames", "$Nodes", str(len(nodes)), *nodes, "$EndNodes"]
        lines += ["$Elements", str(len(elements))]
        for number, (kind, group, entity, corners) in enumerate(elements, 1):
            lines.append(f"{number} {kind} 2 {group} {entity} " + " ".join(map(str, corners)))
        path.write_text("\n".join([*lines, "$EndElements", ""]))
        return path

    return write


@pytest.fixture
def once(comm: MPI.Intracomm) -> Callable[[Callable[[], object]], None]:
    """Return a function that runs another on the first rank while the others wait."""

    def run(action):
        if comm.rank == 0:
            action()
        comm.barrier()

    return run
