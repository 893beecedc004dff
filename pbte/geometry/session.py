"""Quiet, reproducible gmsh sessions that restore the state of the host program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pbte.core.errors import RunError

# One thread and one seed: the same command gives the same mesh, number for number.
_OPTIONS = {
    "General.Terminal": 0,
    "General.AbortOnError": 2,  # raise an exception, do not stop the program
    "General.NumThreads": 1,
    "Mesh.RandomSeed": 1,
    "Mesh.RandomFactor": 1e-9,
    "Mesh.RandomFactor3D": 1e-12,
    "Mesh.MaxNumThreads1D": 1,
    "Mesh.MaxNumThreads2D": 1,
    "Mesh.MaxNumThreads3D": 1,
    "Mesh.ElementOrder": 1,
    "Mesh.SaveAll": 0,
    "Mesh.Binary": 0,
    "Mesh.MshFileVersion": 4.1,
    "Mesh.ScalingFactor": 1,
    "Mesh.MeshSizeFactor": 1,
    "Mesh.MeshSizeMin": 0,
    "Mesh.MeshSizeMax": 1e22,
    "Mesh.MeshSizeFromPoints": 1,
    "Mesh.MeshSizeFromCurvature": 0,
    "Mesh.MeshSizeExtendFromBoundary": 1,
    "Mesh.Algorithm": 6,
    "Mesh.Algorithm3D": 1,
    "Mesh.Optimize": 1,
    "Mesh.OptimizeNetgen": 0,
}


@contextmanager
def gmsh_session() -> Iterator[ModuleType]:
    """Yield the gmsh module with a new model, and restore its state afterwards.

    Gmsh gets neither the command line nor the signal handlers, prints nothing, and reads no
    configuration files. Where the caller already runs gmsh, its models and options are restored.

    Raises:
        RunError: The gmsh module cannot be imported.
    """
    try:
        import gmsh
    except (ImportError, OSError) as error:
        raise RunError(
            f"gmsh cannot be loaded ({error}); install the Python module gmsh"
        ) from error
    nested = bool(gmsh.isInitialized())
    if not nested:
        gmsh.initialize(argv=[], readConfigFiles=False, run=False, interruptible=False)
    before = {name: gmsh.option.getNumber(name) for name in _OPTIONS}
    current = gmsh.model.getCurrent() if nested else ""
    try:
        for name, value in _OPTIONS.items():
            gmsh.option.setNumber(name, value)
        gmsh.model.add("pbte")
        yield gmsh
    finally:
        if nested:
            gmsh.model.setCurrent("pbte")
            gmsh.model.remove()
            gmsh.model.setCurrent(current)
            for name, value in before.items():
                gmsh.option.setNumber(name, value)
        else:
            gmsh.finalize()
