"""Tell whether this Python can run pbte as it is: exit status 0 or 1, and one sentence why.

The slow part, importing DOLFINx, is done once; the file named by the argument remembers a success.
Kept to old syntax, since any python3 of the host may be asked.
"""

import importlib.util
import os
import sys

OLDEST, TOO_NEW = (0, 9), (0, 12)
NEEDED = [
    "petsc4py",
    "slepc4py",
    "mpi4py",
    "gmsh",
    "meshio",
    "numba",
    "numpy",
    "scipy",
    "h5py",
    "pydantic",
    "typer",
    "rich",
    "matplotlib",
    "threadpoolctl",
]


def verdict(stamp_file):
    """Return (usable, sentence)."""
    spec = importlib.util.find_spec("dolfinx")
    if spec is None or spec.origin is None:
        return False, f"{sys.executable} has no DOLFINx"
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return False, "{} has DOLFINx, but lacks {}: install them for this Python".format(
            sys.executable, ", ".join(missing)
        )
    stamp = f"{sys.executable} {spec.origin} {os.path.getmtime(spec.origin)}"
    if read(stamp_file).split("\n")[0] == stamp:
        return True, read(stamp_file).split("\n")[1]
    usable, sentence = try_import()
    if usable:
        with open(stamp_file, "w") as file:
            file.write(f"{stamp}\n{sentence}\n")
    return usable, sentence


def try_import():
    """Import DOLFINx and PETSc and look at their versions."""
    try:
        import dolfinx
        import numpy
        from petsc4py import PETSc
    except Exception as error:
        return False, f"DOLFINx of {sys.executable} does not import ({error})"
    version = dolfinx.__version__
    if not OLDEST <= tuple(int(part) for part in version.split(".")[:2]) < TOO_NEW:
        return False, f"{sys.executable} has DOLFINx {version}, but 0.9 to 0.11 are supported"
    if numpy.dtype(PETSc.ScalarType).kind == "c":
        return False, f"PETSc of {sys.executable} computes with complex numbers"
    return True, f"{sys.executable} has DOLFINx {version}"


def read(path):
    """Return the text of a file, or two empty lines."""
    try:
        with open(path) as file:
            return file.read() + "\n\n"
    except OSError:
        return "\n\n"


if __name__ == "__main__":
    ok, why = verdict(sys.argv[1])
    print(why)
    sys.exit(0 if ok else 1)
