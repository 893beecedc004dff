"""Versions of all software that affects the results."""

from __future__ import annotations

import importlib.metadata
import platform

from pbte import __version__

_PACKAGES = {
    "dolfinx": "fenics-dolfinx",
    "basix": "fenics-basix",
    "ufl": "fenics-ufl",
    "petsc4py": "petsc4py",
    "slepc4py": "slepc4py",
    "mpi4py": "mpi4py",
    "numpy": "numpy",
    "scipy": "scipy",
    "numba": "numba",
    "h5py": "h5py",
    "gmsh": "gmsh",
    "meshio": "meshio",
    "pydantic": "pydantic",
    "matplotlib": "matplotlib",
    "phono3py": "phono3py",
}


def versions() -> dict[str, str]:
    """Return name -> version of pbte, Python, the system and the packages that are installed."""
    found = {
        "pbte": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    for name, distribution in _PACKAGES.items():
        try:
            found[name] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
