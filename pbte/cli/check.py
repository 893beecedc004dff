"""The command ``pbte check``: size, memory and contents of a case, without solving it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pbte.cli.terminal import load_case, show, show_data, world
from pbte.core.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.case.case import Case


def check(
    case: Annotated[Path | None, typer.Argument(help="Case file (TOML).")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Result folder instead of the one in the case.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Write the JSON schema of a case file and stop.")
    ] = False,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Write the case with all defaults as TOML.")
    ] = False,
) -> None:
    """Check a case without solving: modes, cells, unknowns, memory, walls and regions.

    The mesh is made if it is missing and the case names a builder.
    """
    from pbte.case.case import Case, resolved_toml

    if schema:
        show_data(Case.model_json_schema())
        return
    if case is None:
        raise InputError("no case file given; 'pbte check CASE.toml'")
    comm = world()
    wanted = load_case(case, comm, output=output)
    if resolved:
        show(resolved_toml(wanted).rstrip("\n"))
        return
    data = examine(wanted, comm)
    if json:
        show_data(data)
    else:
        _show_facts(wanted, data)


def examine(case: Case, comm: MPI.Intracomm) -> dict[str, Any]:
    """Return size, memory, time and contents of a run, after checking everything it needs.

    Raises:
        InputError: Something the run needs is missing, damaged or does not fit.

    Note:
        Collective over ``comm``.
    """
    import numpy as np

    from pbte.case.regions import materials_of
    from pbte.core.parallel import on_all_ranks
    from pbte.geometry.report import mesh_report
    from pbte.output.folder import check_disk_space, prepare_folder
    from pbte.simulation.checks import check_parts, results_size
    from pbte.simulation.condition_notes import condition_notes, knudsen_notes
    from pbte.simulation.conditions import conditions_of
    from pbte.simulation.cost import (
        NETWORKS,
        REFERENCE,
        order_cost,
        setup_seconds,
        steady_sweep_cost,
    )
    from pbte.simulation.inputs import read_inputs
    from pbte.simulation.interfaces import interface_previews
    from pbte.simulation.memory import RankLayout, job_of, memory_estimate, state_bytes_per_unknown
    from pbte.simulation.sources import heat_sources

    # A case for many ranks is checked on any number of them.
    inputs = read_inputs(case, comm, space_parts=1)
    place = inputs.place
    heats = zip(heat_sources(case, place), place.meshes, strict=True)
    powers = np.sum([heat @ mesh.dof_weights for heat, mesh in heats], axis=0)
    interfaces = interface_previews(case, inputs.bodies, inputs.materials, comm)
    found = None
    with on_all_ranks(comm):
        check_parts(case, case.parallel.space_parts)
        if inputs.domain is not None:
            num_modes = sum(material.modes.num_modes for material in inputs.of_bodies)
            size = results_size(case, inputs.domain, num_modes)
            check_disk_space(prepare_folder(case.output.folder), size)
            found = mesh_report(inputs.domain), list(inputs.domain.regions), size
    report, regions, size = comm.bcast(found)
    solves = case.solves
    jobs = [
        job_of(
            material.kernel,
            num_dofs=body.mesh.num_dofs,
            dim=report.dim,
            steady_rank=case.steady.rank if solves else 0,
            self_scattering=case.orders.self_scattering != 0.0,
            num_orders=case.orders.max_order + 1,
            transient=case.transient is not None,
            harmonic=case.harmonic is not None,
        )
        for material, body in zip(inputs.of_bodies, inputs.bodies.bodies, strict=True)
    ]
    parts = case.parallel.space_parts
    layout = RankLayout(
        mode_groups=max(1, comm.size // parts), space_parts=parts, ranks_per_node=comm.size
    )
    memory = memory_estimate(jobs, layout)
    models = int(sum(interface.num_bytes for interface in interfaces))
    if models:
        memory = {"interfaces": models, **memory, "total": memory["total"] + models}
    num_unknowns = sum(job.num_unknowns for job in jobs)
    network = NETWORKS["shared memory"]
    costs = [order_cost(job, layout, REFERENCE, network) for job in jobs]
    sweeps = [steady_sweep_cost(job, layout, REFERENCE, network) for job in jobs if solves]
    choices = materials_of(case)
    extent = float((report.upper - report.lower).max())
    paths = {each.name: each.modes.mean_free_path for each in inputs.of_bodies}
    notes = (*condition_notes(conditions_of(case)), *knudsen_notes(paths, extent))
    return {
        "title": case.title,
        "materials": [
            {
                "name": body.material,
                "material": material.name,
                "scattering": choices[body.material].scattering,
                "regions": list(body.regions),
                "num_modes": material.modes.num_modes,
                "num_cells": body.mesh.num_cells,
            }
            for material, body in zip(inputs.of_bodies, inputs.bodies.bodies, strict=True)
        ],
        "temperature": case.temperature,
        "num_modes": sum(job.num_modes for job in jobs),
        "dimension": report.dim,
        "num_cells": report.num_cells,
        "num_parts": inputs.num_parts,
        "mean_free_paths": paths,
        "knudsen_of_domain": {name: path / extent for name, path in paths.items()},
        "knudsen_of_cells": {name: path / report.mean_edge for name, path in paths.items()},
        "notes": list(notes),
        "num_unknowns": num_unknowns,
        "num_orders": case.orders.max_order + 1,
        "num_ranks": layout.num_ranks,
        "memory": {name: int(size) for name, size in memory.items()},
        "state_bytes_per_unknown": state_bytes_per_unknown(memory, num_unknowns),
        "setup_seconds": sum(setup_seconds(job, layout, REFERENCE) for job in jobs),
        "seconds_per_order": sum(cost.total for cost in costs),
        "seconds_per_sweep": sum(cost.total for cost in sweeps) if solves else None,
        "machine_memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "walls": list(inputs.bodies.walls),
        "regions": regions,
        "interfaces": [
            {
                "name": each.name,
                "model": each.model,
                "materials": list(each.materials),
                "num_facets": len(each.facets),
                "landauer": 1.0 / of.conductance if of.conductance > 0.0 else None,
                "unmatched": of.unmatched,
            }
            for each, of in zip(inputs.bodies.interfaces, interfaces, strict=True)
        ],
        "sources": {
            name: float(power) for name, power in zip(case.all_sources, powers, strict=False)
        },
        "output": case.output.folder,
        "output_bytes": size,
    }


def _show_facts(case: Case, data: dict[str, Any]) -> None:
    from pbte.output.summary.overview import facts_table, memory_text

    memory = data["memory"]
    total = memory.get("total", sum(memory.values()))
    parts = ", ".join(f"{name} {memory_text(m)}" for name, m in memory.items() if name != "total")
    machine, installed = "", data["machine_memory"]
    if total > installed:
        machine = f"; MORE than the {memory_text(installed)} of this machine"
    ranks = "" if data["num_ranks"] == 1 else f" on {data['num_ranks']} ranks together"
    rows = [
        *_material_rows(data),
        ("Mesh", os.path.relpath(case.mesh_path)),
        ("Cells", f"{data['num_cells']:,} (dimension {data['dimension']})"),
        *_part_rows(data),
        ("Knudsen numbers", _knudsen_text(data)),
        ("Unknowns", f"{data['num_unknowns']:,}"),
        ("Memory", f"about {memory_text(total)}{ranks}{machine} ({parts})"),
        ("State", f"{data['state_bytes_per_unknown']:.2g} bytes per unknown"),
        (
            "Orders",
            f"0 to {case.orders.max_order}, each about {data['seconds_per_order']:.2g} s "
            f"on {data['num_ranks']} cores of 2.5 GHz",
        ),
        ("Steady state", _steady_text(case, data)),
        ("Transient", _transient_text(case)),
        ("Oscillations", _harmonic_text(case)),
        ("Walls", ", ".join(f"'{n}' {_condition_text(w)}" for n, w in sorted(case.walls.items()))),
        ("Regions", ", ".join(f"'{name}'" for name in data["regions"])),
        ("Heat sources", _sources_text(case, data) or "none"),
        *_interface_rows(data),
        ("Model", "heat equation alone" if case.model == "fourier" else "phonon transport"),
        ("Results go to", f"{data['output']}, about {memory_text(data['output_bytes'])}"),
    ]
    notes = [f"Note: {note}" for note in data["notes"]]
    show(facts_table(rows, title=case.title or "Case"), *notes, "The case is valid.")


def _part_rows(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a row that warns of a mesh in several parts."""
    if data["num_parts"] == 1:
        return []
    text = f"{data['num_parts']} that share no facet: no heat passes between them"
    return [("Parts of the mesh", text)]


def _knudsen_text(data: dict[str, Any]) -> str:
    """Return the mean free path of each crystal next to domain and cells."""
    return "; ".join(
        f"{name}: mean free path {path:.3g} m, {data['knudsen_of_domain'][name]:.3g} of the domain "
        f"and {data['knudsen_of_cells'][name]:.3g} of the mean edge"
        for name, path in data["mean_free_paths"].items()
    )


def _sources_text(case: Case, data: dict[str, Any]) -> str:
    from pbte.core.quantity import unit_of
    from pbte.observables.results import Results

    unit = unit_of(Results, "power", data["dimension"])
    return ", ".join(
        f"'{name}' {source.kind} {data['sources'][name]:.4g} {unit}"
        for name, source in case.all_sources.items()
    )


def _material_rows(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of the materials, one for each if there are several."""
    materials, temperature = data["materials"], f"at {data['temperature']:g} K"
    if len(materials) == 1:
        (only,) = materials
        return [
            ("Material", f"{only['material']} {temperature}"),
            ("Scattering", str(only["scattering"])),
            ("Phonon modes", f"{only['num_modes']:,}"),
        ]
    return [
        (
            f"Material '{each['name']}'",
            f"{each['material']} {temperature}, scattering {each['scattering']}, "
            f"{each['num_modes']:,} modes, {each['num_cells']:,} cells, regions "
            + ", ".join(f"'{region}'" for region in each["regions"]),
        )
        for each in materials
    ]


def _interface_rows(data: dict[str, Any]) -> list[tuple[str, str]]:
    interfaces = [
        f"'{each['name']}' {each['model']} ({' | '.join(each['materials'])}, "
        f"{each['num_facets']:,} facets, {_resistance_text(each['landauer'])})"
        for each in data["interfaces"]
    ]
    return [("Interfaces", ", ".join(interfaces))] if interfaces else []


def _steady_text(case: Case, data: dict[str, Any]) -> str:
    if not case.steady.enabled:
        return "no"
    return (
        f"yes, each sweep about {data['seconds_per_sweep']:.2g} s; sweep orders of all modes about "
        f"{data['setup_seconds']:.2g} s, once"
    )


def _transient_text(case: Case) -> str:
    transient = case.transient
    if transient is None:
        return "no"
    start = transient.initial.kind
    return f"from a {start} state to {transient.end:g} s, {len(transient.output_times())} times"


def _harmonic_text(case: Case) -> str:
    if case.harmonic is None:
        return "no"
    found = case.harmonic.all_frequencies()
    return f"{len(found)} frequencies, {found[0]:.4g} to {found[-1]:.4g} Hz"


def _resistance_text(landauer: float | None) -> str:
    return "nothing passes" if landauer is None else f"1/h = {landauer:.3g} m^2 K/W"


def _condition_text(wall: Any) -> str:
    if wall.kind == "isothermal":
        return f"{wall.kind} {wall.temperature:g} K"
    if wall.kind == "periodic":
        return f"{wall.kind} with '{wall.partner}', {wall.temperature_drop:g} K colder"
    return str(wall.kind)
