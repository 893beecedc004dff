"""Every demo shows what it claims: scripts by their own assertions, cases by what they expect."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from pbte.case.case import Case
from pbte.materials import storage
from pbte.observables.results import Results
from pbte.run import run_case

pytestmark = pytest.mark.serial

DEMOS = Path(__file__).parents[2] / "demos"
PICTURE = "nanoparticle_picture.py"  # in ParaView, of the results of a case


class Script(NamedTuple):
    """The files that a script writes, and what is replaced in it to make it quick."""

    files: set[str]
    coarse: Mapping[str, str] = {}


SCRIPTS = {
    "cost_at_scale.py": Script(
        set(),
        # Processor times of a machine that runs other tests at the same time.
        {"num_cells = 2500": "num_cells = 800", "0.5 < of_drift < 2.0": "0.2 < of_drift < 5.0"},
    ),
    "figure3.py": Script(
        {"figure3d.png", "figure3e.png", "figure3f.png", "table.md", "5e-07.msh", "2e-05.msh"},
        # The laws of the interface are those of the modes, which keep their full number.
        {
            '{"file": "Si-9"}': '{"file": "Si-9", "scattering": "rta"}',
            '{"file": "Ge-9"}': '{"file": "Ge-9", "scattering": "rta"}',
            '"size": thickness / 20.0': '"size": thickness / 5.0',
            '"size_at_interface": 5e-9': '"size_at_interface": 50e-9',
            "60 if law": "8 if law",
        },
    ),
    "ham_chain.py": Script(
        {f"figure{number}.png" for number in (2, 3, 4, 5, 8)},
        {
            "num_states = 400": "num_states = 12",
            "160, 320": "160",
            "4, 6, 8, 10": "4, 6",
        },
    ),
    "harmonic_strings.py": Script({"space_time.png", "conductance.png", "kubo.png", "lattice.png"}),
    "interface.py": Script({"transmission.png", "spectrum.png", "temperature.png", "bins.png"}),
    "laser_film.py": Script({"laser_film.png"}),
    "mediator.py": Script({f"figure-{number}.png" for number in (2, 3, 4)}),
    "paradox.py": Script(
        {"paradox.png", "table.md", "8.msh", "16.msh", "32.msh"},
        {
            "(8, 16, 32, 64)": "(8, 16, 32)",
            '"Si-9, full matrix": {"file": "Si-9"}': '"Si-5, full matrix": {"file": "Si-5"}',
        },
    ),
    "population.py": Script(
        {"population.png", "population.msh"},
        # The spot is wider as the cells are, or it would be below zero at the surface.
        {
            "    size = 10e-9": "    size = 15e-9",
            "50e-9, 8e-9": "50e-9, 12e-9",
            "tolerance=3e-3": "tolerance=1e-2",
        },
    ),
    "strain_mismatch.py": Script(
        {"strain_mismatch.png", "table.md"}, {"1.5, 2.0, 2.5, 3.0": "2.0"}
    ),
    "temperature_jump.py": Script(
        {"slabs_and_contacts.png", "mismatch.png", "electrons_and_phonons.png"}
    ),
}


def shows_conductivity(expected: float, tolerance: float) -> Callable[[Results], None]:
    """Return the check of a published conductivity on a coarse mesh."""

    def check(results: Results) -> None:
        assert results.conductivity is not None
        assert results.conductivity.value == pytest.approx(expected, rel=tolerance)

    return check


def heat_leaves(results: Results) -> None:
    """What is put in arrives at the surface, and the centre is the warmest place."""
    steady = results.steady
    assert steady is not None
    assert sum(steady.balance.absorbed.values()) == pytest.approx(results.power, rel=1e-4)
    radii = np.linalg.norm(results.geometry.points, axis=-1)
    assert radii.flat[steady.temperature.argmax()] < 0.2 * radii.max()


def plain_orders_converge(results: Results) -> None:
    heat_leaves(results)
    assert results.self_scattering == 0.0


def plain_orders_diverge(results: Results) -> None:
    heat_leaves(results)
    assert results.self_scattering > 0.0


def an_interface_resists(results: Results) -> None:
    """Figures of demos/README.md for diffuse mismatch."""
    (interface,) = results.interfaces
    assert interface.landauer == pytest.approx(4.02e-9, rel=2e-3)
    assert interface.local == pytest.approx(2.24e-9, rel=0.05)
    assert interface.heat_flux == pytest.approx(35.9e6, rel=0.05)
    assert len(results.orders) == 4


def all_heat_crosses(results: Results) -> None:
    """All that is put into the fin leaves at the bottom of the substrate."""
    assert results.steady is not None
    assert results.steady.balance.absorbed["bottom"] == pytest.approx(results.power, rel=1e-4)
    (interface,) = results.interfaces
    assert interface.materials == ("germanium", "silicon")  # from the first to the second
    assert -interface.heat_flux * interface.area == pytest.approx(results.power, rel=1e-4)


def electrons_heat_phonons(results: Results) -> None:
    """All heat passes from the electrons to the phonons; in the end both have one temperature."""
    electrons = results.electrons
    assert electrons is not None and electrons.steady is not None
    assert electrons.steady.exchanged == pytest.approx(electrons.power, rel=1e-6)
    hottest = max(electrons.states, key=lambda state: state.mean_temperature)
    assert hottest.mean_temperature > 20.0 * hottest.phonon_temperature
    last = electrons.states[-1]
    assert last.mean_temperature == pytest.approx(last.phonon_temperature, rel=0.2)


class CoarseCase(NamedTuple):
    """What makes a case quick, and the check of its results."""

    coarse: Mapping[str, object]
    check: Callable[[Results], None]


PARTICLE = {"material.file": "Si-5", "orders.max_order": 3}
CASES = {
    "film-across.toml": CoarseCase(
        {"mesh.builder.size": 5e-9}, shows_conductivity(42.228, tolerance=5e-3)
    ),
    "film-in-plane.toml": CoarseCase(
        {
            "mesh.builder.size": 50e-9,
            "material.directions.polar": 12,
            "material.directions.azimuthal": 4,
        },
        shows_conductivity(69.37, tolerance=0.02),
    ),
    "fin.toml": CoarseCase({"orders.max_order": 1, "steady.tolerance": 1e-5}, all_heat_crosses),
    "heterostructure.toml": CoarseCase(
        {
            "mesh.builder.size": 100e-9,
            "mesh.builder.size_at_interface": 25e-9,
            "orders.max_order": 3,
            "steady.tolerance": 1e-4,
        },
        an_interface_resists,
    ),
    "laser-film.toml": CoarseCase(
        {"mesh.builder.size_at_interface": 3e-9, "transient.tolerance": 5e-2},
        electrons_heat_phonons,
    ),
    "nanoparticle.toml": CoarseCase(
        {**PARTICLE, "mesh.builder.size": 80e-9, "mesh.builder.core_size": 35e-9},
        plain_orders_diverge,
    ),
    "nanoparticle-50nm.toml": CoarseCase(
        {**PARTICLE, "mesh.builder.size": 20e-9, "mesh.builder.core_size": 9e-9},
        plain_orders_converge,
    ),
    "nanoparticle-fine.toml": CoarseCase(
        {**PARTICLE, "mesh.builder.size": 60e-9, "mesh.builder.core_size": 26e-9},
        plain_orders_diverge,
    ),
    "porous.toml": CoarseCase(
        {"mesh.builder.size": 15e-6, "mesh.builder.size_at_pore": 5e-6},
        shows_conductivity(68.5, tolerance=0.02),
    ),
    "superlattice.toml": CoarseCase(
        {
            "mesh.builder.size": 25e-9,
            "mesh.builder.size_at_interface": 5e-9,
            "steady.tolerance": 1e-4,
        },
        shows_conductivity(11.21, tolerance=0.01),
    ),
    "wire.toml": CoarseCase(
        {
            "mesh.builder.size": 25e-9,
            "material.directions.polar": 8,
            "material.directions.azimuthal": 16,
        },
        shows_conductivity(73.68, tolerance=0.03),
    ),
}


def test_every_demo_is_run():
    assert {path.name for path in DEMOS.glob("*.py")} == {*SCRIPTS, PICTURE}
    assert {path.name for path in DEMOS.glob("*.toml")} == set(CASES)


def coarse_source(name: str) -> str:
    """Return the text of a script with what makes it quick."""
    source = (DEMOS / name).read_text()
    for old, new in SCRIPTS[name].coarse.items():
        assert source.count(old) == 1, f"{name} says {old!r} {source.count(old)} times"
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_in_its_own_assertions(name, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [name, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    # The same crystals for every law and every length: read once.
    monkeypatch.setattr(storage, "read_material", functools.cache(storage.read_material))
    code = compile(coarse_source(name), str(DEMOS / name), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(DEMOS / name)})
    assert {path.name for path in tmp_path.iterdir()} == SCRIPTS[name].files


def coarse_case(name: str, folder: Path) -> Case:
    """Return a case with what makes it quick, its mesh in a folder."""
    values: dict[str, Any] = tomllib.loads((DEMOS / name).read_text())
    mesh = folder / "demo.msh" if "builder" in values["mesh"] else DEMOS / values["mesh"]["file"]
    changes = {**CASES[name].coarse, "mesh.file": str(mesh)}
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = values
        for part in tables:
            table = table[part]
        assert last in table, f"{name} has no {key}"
        table[last] = value
    return Case.model_validate(values)


@pytest.mark.parametrize("name", CASES)
def test_a_case_gives_what_it_expects(name, tmp_path, comm):
    results = run_case(coarse_case(name, tmp_path), comm)
    assert results.converged
    CASES[name].check(results)
