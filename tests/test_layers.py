"""Imports point downwards only, without circles; rooms of plain arrays know no mesh, no solver."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pbte

PACKAGE = Path(pbte.__file__).parent

# What each room may import of the others, from the bottom up.
NUMPY = {"core", "materials", "interfaces"}
FIELDS = NUMPY | {"geometry", "transport", "observables"}
ROOMS = {
    "core": set(),
    "materials": {"core"},
    "interfaces": {"core", "materials"},
    "reference": {"core"},
    "geometry": {"core"},
    "transport": NUMPY | {"geometry"},
    "case": NUMPY | {"reference"},
    "observables": NUMPY | {"geometry", "transport"},
    "output": FIELDS,
    "simulation": FIELDS | {"case", "output"},
    "run": FIELDS | {"case", "output", "simulation"},
    "verification": FIELDS | {"reference", "case", "output", "simulation", "run"},
    "cli": FIELDS | {"reference", "case", "output", "simulation", "run", "verification"},
    "__main__": {"cli"},
    "__init__": FIELDS | {"case", "output", "simulation", "run"},  # in functions, when called
}
WITHOUT_CASE = ("materials", "interfaces", "geometry", "transport", "observables", "output")
HEAVY = {"dolfinx", "petsc4py", "slepc4py", "gmsh", "ufl", "basix", "mpi4py"}
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def tree_of(module):
    return ast.parse((PACKAGE / module).read_text())


def imports_of(module, *, at_import_only=False):
    """Return the full names of what a module imports.

    With `at_import_only`, leaves out what only a type checker reads or a function imports.
    """
    nodes = list(ast.walk(tree_of(module)))
    if at_import_only:
        hidden = {
            id(inner)
            for node in nodes
            if isinstance(node, ast.FunctionDef)
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
            for inner in ast.walk(node)
        }
        nodes = [node for node in nodes if id(node) not in hidden]
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module}: relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def files_imported(module, *, at_import_only=False):
    """Return the modules of the package that a module imports."""
    names = imports_of(module, at_import_only=at_import_only)
    return {other for other in MODULES if dotted(other) in names - {"pbte"}}


def dotted(module):
    return "pbte." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room_of(module):
    return module.split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_what_stands_below_it(module):
    room = room_of(module)
    assert room in ROOMS, f"say in this test what the new room {room} may import"
    others = {room_of(other) for other in files_imported(module)} - {"__init__"}
    assert others <= ROOMS[room] | {room}


def test_no_files_import_each_other_in_a_circle():
    TopologicalSorter({module: files_imported(module) for module in MODULES}).prepare()


@pytest.mark.parametrize(
    "module", [m for m in MODULES if room_of(m) in ("materials", "interfaces", "reference", "case")]
)
def test_rooms_of_plain_arrays_know_no_mesh_and_no_solver(module):
    assert not {name.split(".")[0] for name in imports_of(module)} & HEAVY


# The UFL form, and the quadrature of sources on the cells.
WITH_FORMS = ("transport/drift.py", "transport/sources.py")


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.startswith("transport/") and m not in WITH_FORMS]
)
def test_iterations_see_meshes_as_arrays(module):
    found = imports_of(module, at_import_only=True)
    assert not {name.split(".")[0] for name in found} & {"dolfinx", "ufl", "basix", "gmsh"}
    assert not files_imported(module, at_import_only=True) & set(WITH_FORMS)


def test_the_package_itself_imports_nothing():
    assert not files_imported("__init__.py", at_import_only=True)


# Checks and builders; every other file of simulation takes a problem.
WITH_CASE = [
    "settings",
    "inputs",
    "fingerprint",
    "problem",
    "heat_problem",
    "checks",
    "conditions",
    "bodies",
    "walls",
    "sources",
    "interfaces",
]


@pytest.mark.parametrize(
    "module",
    [
        m
        for m in MODULES
        if room_of(m) in WITHOUT_CASE
        or (room_of(m) == "simulation" and Path(m).stem not in WITH_CASE)
    ],
)
def test_the_case_ends_at_the_door(module):
    names = (node.id for node in ast.walk(tree_of(module)) if isinstance(node, ast.Name))
    assert "Case" not in names


def test_nothing_prints_in_the_package():
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{module}:{node.lineno} prints"


def test_files_stay_near_400_lines():
    lengths = {m: len((PACKAGE / m).read_text().splitlines()) for m in MODULES}
    assert not {m: n for m, n in lengths.items() if n > 450}


def test_a_name_of_a_class_is_taken_once():
    """Nobody has to ask which of two is meant."""
    names = [n.name for m in MODULES for n in tree_of(m).body if isinstance(n, ast.ClassDef)]
    assert not {name for name in names if names.count(name) > 1}
