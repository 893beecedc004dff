"""Imports point one way, and rooms of plain arrays stay free of meshes and solvers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pbte

PACKAGE = Path(pbte.__file__).parent

# What each room may import of the others. Modules at the top are rooms of one file; those that
# every room may use (errors, types, ...) import nothing of the package but each other.
BASE = {"constants", "errors", "expressions", "types", "parallel", "node_memory", "versions"}
ROOMS = {
    "materials": set(),
    "interfaces": {"materials"},
    "reference": set(),
    "geometry": set(),
    "transport": {"materials", "interfaces", "geometry"},
    "observables": {"materials", "interfaces", "geometry", "transport"},
    "output": {"materials", "interfaces", "geometry", "transport", "observables"},
    "validation": {"reference", "materials", "interfaces", "geometry", "transport", "observables"},
    "benchmarks": {"materials", "interfaces", "geometry", "transport", "observables"},
}
CASE = {
    "case", "case_walls", "case_times", "case_errors", "case_interfaces", "case_materials",
    "case_regions",
    "case_sources",
    "records", "mesh_builders",
}  # fmt: skip
TOP = {
    "case": {"geometry"},
    "case_materials": {"materials"},
    "case_errors": set(),
    "case_sources": set(),
    "case_walls": set(),
    "case_times": {"case_sources", "case_walls"},
    "case_interfaces": {"materials", "interfaces", "reference"},
    "case_regions": set(),
    "records": set(),
    "mesh_builders": {"geometry"},
    "memory": {"materials"},
    "estimate": {"memory"},
    "notes": {"transport", "observables"},
    "drive": {"observables"},
    "heat_equation": {
        "drive",
        "materials",
        "geometry",
        "transport",
        "observables",
        "interface_account",
    },
    "heat_equation_times": {"heat_equation", "transport", "observables", "setup_initial"},
    "run_fourier": {
        "heat_equation",
        "heat_equation_times",
        "interface_account",
        "materials",
        "transport",
        "observables",
        "setup",
        "setup_sources",
        "setup_bodies",
        "setup_interfaces",
    },
    "summary_fourier": {"observables"},
    "conduction": {"drive", "transport", "observables"},
    "setup": {
        "materials",
        "interfaces",
        "geometry",
        "transport",
        "observables",
        "setup_sources",
        "setup_walls",
        "setup_bodies",
        "setup_interfaces",
        "memory",
    },
    "setup_initial": {"transport"},
    "setup_sources": {"materials", "geometry", "transport"},
    "setup_bodies": {"geometry", "transport", "observables"},
    "setup_interfaces": {"materials", "interfaces", "transport", "setup_bodies"},
    "setup_walls": {"materials", "interfaces", "geometry", "transport"},
    "validate": {"validation"},
    "validation_report": {"validate"},
    "run_checkpoints": {*ROOMS, "setup"},
    "run_times": {
        *ROOMS,
        "setup",
        "setup_initial",
        "setup_sources",
        "setup_walls",
        "run_checkpoints",
    },
    "run_orders": {
        "transport",
        "observables",
        "output",
        "setup",
        "interface_account",
        "run_checkpoints",
    },
    "run_steady": {
        "transport",
        "observables",
        "output",
        "setup",
        "interface_account",
        "run_checkpoints",
    },
    "run_frequencies": {"transport", "observables", "setup", "setup_walls", "run_checkpoints"},
    "interface_account": {"drive", "transport", "observables", "setup", "setup_bodies"},
    "run": {
        *ROOMS,
        "notes",
        "interface_account",
        "setup",
        "setup_sources",
        "setup_bodies",
        "conduction",
        "run_orders",
        "run_steady",
        "run_times",
        "run_checkpoints",
        "run_frequencies",
        "run_fourier",
    },
}
HEAVY = {"dolfinx", "petsc4py", "slepc4py", "gmsh", "ufl", "basix", "mpi4py"}
# The iteration loops and the sweep see meshes as arrays; PETSc's Krylov solver is allowed.
SWEEP = ("sweep", "kernels", "lanes", "ordering")
LOOPS = (
    *SWEEP,
    "orders",
    "steady",
    "transient",
    "harmonic",
    "step_control",
    "growth",
    "body",
    "collisions",
    "share",
    "moment_system",
    "body_moments",
    "steady_events",
    "correction",
    "recycling",
    "diffusion",
    "fourier",
    "fourier_steps",
    "complex_symmetric",
    "electrons",
    "two_temperature",
    "two_temperature_steps",
)


def modules():
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def imports_of(module, *, at_import_only=False):
    """Return the full names of what a module imports.

    With `at_import_only`, leaves out what only a type checker reads or a function imports.
    """
    tree = ast.parse((PACKAGE / module).read_text())
    nodes = list(ast.walk(tree))
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
            assert node.level == 0, f"{module}: relative import"
            names.add(node.module)
            if node.module == "pbte":
                names |= {f"pbte.{alias.name}" for alias in node.names}
    return names


def rooms_imported(module):
    """Return the rooms, and modules of the top, that a module imports."""
    inside = (name for name in imports_of(module) if name.startswith("pbte."))
    return {name.split(".")[1] for name in inside} - {"__version__"}


def room_of(module):
    return module.split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("module", [m for m in modules() if "/" in m])
def test_a_room_imports_only_what_comes_before_it(module):
    room = room_of(module)
    assert room in ROOMS, f"say in this test what the new room {room} may import"
    allowed = ROOMS[room] | BASE | {room}
    if room == "output":
        allowed |= CASE
    if room in ("validation", "benchmarks"):  # some are whole runs
        allowed |= CASE | {"run"}
    if room == "benchmarks":
        allowed |= {"estimate"}
    assert rooms_imported(module) <= allowed


@pytest.mark.parametrize("module", [f"{name}.py" for name in TOP])
def test_a_module_of_the_top_imports_only_what_comes_before_it(module):
    name = room_of(module)
    assert rooms_imported(module) <= TOP[name] | BASE | CASE | {name}


@pytest.mark.parametrize("module", [f"{name}.py" for name in sorted(BASE)])
def test_what_every_room_uses_uses_no_room(module):
    assert rooms_imported(module) <= BASE


@pytest.mark.parametrize("module", [m for m in modules() if "/" not in m])
def test_nothing_imports_the_command_line_but_the_command_line(module):
    users = {"cli.py", "__main__.py"}
    if not (module in users or module.startswith("cli_")):
        assert not {r for r in rooms_imported(module) if r == "cli" or r.startswith("cli_")}


@pytest.mark.parametrize(
    "module", [m for m in modules() if room_of(m) in ("materials", "interfaces", "reference")]
)
def test_rooms_of_plain_arrays_know_no_mesh_and_no_solver(module):
    assert not {name.split(".")[0] for name in imports_of(module)} & HEAVY


@pytest.mark.parametrize("loop", LOOPS)
def test_iterations_do_not_import_dolfinx(loop):
    found = imports_of(f"transport/{loop}.py", at_import_only=True)
    assert not {name.split(".")[0] for name in found} & {"dolfinx", "ufl", "basix", "gmsh"}
    assert "pbte.geometry.domain" not in found
    # Nor through another module of the room: what they do import keeps the same rule.
    for name in found:
        if name.startswith("pbte.transport."):
            own = imports_of(
                name.removeprefix("pbte.").replace(".", "/") + ".py", at_import_only=True
            )
            assert not {n.split(".")[0] for n in own} & {"dolfinx", "ufl", "basix", "gmsh"}


def test_nothing_prints_in_the_package():
    for module in modules():
        for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            assert not (is_call and node.func.id == "print"), f"{module}:{node.lineno} prints"


def test_files_stay_near_400_lines():
    lengths = {m: len((PACKAGE / m).read_text().splitlines()) for m in modules()}
    assert not {m: n for m, n in lengths.items() if n > 450}
