"""What all models of the papers have in common: sources named, arrays, plain dependencies."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import pbte.reference
from pbte.reference.ham import conductivity as ham_conductivity
from pbte.reference.kapitza import debye_mismatch, temperature_jump, two_temperature
from pbte.reference.mediator import currents as mediator_currents
from pbte.reference.mediator import temperatures as mediator_temperatures
from pbte.reference.mediator.mediator import Mediator
from pbte.reference.strings import conductance as harmonic_strings

FOLDER = Path(pbte.reference.__file__).parent
PAPERS = sorted(
    f"{paper}.{path.stem}"
    for paper in ("kapitza", "strings", "mediator", "ham")
    for path in (FOLDER / paper).glob("*.py")
)
# Parts that several formulae share.
HELPERS = {
    "binet", "RootSum", "reduced_roots", "complex_gaussian", "check_count", "check_times",
    "check_couplings", "Chain", "GaussianState",
}  # fmt: skip
LABEL = re.compile(r"\b[ABCD]\d{1,2}\b|eqs?\. \(\d|\(A?\d+\)")


@pytest.mark.parametrize("module", PAPERS)
def test_every_public_name_says_which_formula_it_is(module):
    found = importlib.import_module(f"pbte.reference.{module}")
    for name, thing in vars(found).items():
        own = getattr(thing, "__module__", "") == found.__name__ and not name.startswith("_")
        if own and (inspect.isfunction(thing) or inspect.isclass(thing)) and name not in HELPERS:
            assert LABEL.search(thing.__doc__ or ""), f"{module}.{name} names no equation"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_models_need_numpy_and_scipy_alone(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names - set(sys.stdlib_module_names) <= {"numpy", "scipy", "pbte"}


SILICON = debye_mismatch.DebyeSolid(
    density=2330.0, longitudinal=8970.0, transverse=5330.0, atom_density=4.99e28
)
COUPLED = Mediator(frequency=1e13, damping=np.array([[1e12], [2e13]]), cutoff=3e13)
KELVIN = np.array([0.0, 4.0, 300.0])


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda t: harmonic_strings.two_point_conductance(t, [[0.3], [1.0]]), (2, 3)),
        (lambda t: harmonic_strings.current(t, 0.0, [[0.3], [1.0]]), (2, 3)),
        (lambda t: mediator_currents.conductance(COUPLED, t), (2, 3)),
        (lambda t: mediator_currents.heat_current(COUPLED, t, 300.0), (2, 3)),
        (lambda t: mediator_currents.cold_conductance(COUPLED, t), (2, 3)),
        (lambda t: mediator_temperatures.position_temperature(COUPLED, t, 0.0), (2, 3)),
        (lambda t: ham_conductivity.heat_capacity(t, num_levels=7), (3,)),
        (lambda t: debye_mismatch.conductance(SILICON, SILICON, "amm-scalar", t), (3,)),
        (lambda t: temperature_jump.channel_noise(t), (3,)),
    ],
)
def test_temperatures_and_couplings_are_arrays_and_zero_is_a_temperature(call, shape):
    """Values of an array are those of its members, finite at T = 0 too."""
    values = call(KELVIN)
    assert values.shape == shape
    assert np.isfinite(values).all()
    for column, kelvin in enumerate(KELVIN):
        np.testing.assert_allclose(
            values[..., column], np.squeeze(call(kelvin)), rtol=1e-12, atol=1e-300
        )


def test_perfect_contacts_conduct_without_bound_and_cold_ones_not_at_all():
    assert harmonic_strings.four_point_conductance(1.0, 1.0) == np.inf
    assert harmonic_strings.four_point_conductance_between(1.0, 1.0, 1.0) == np.inf
    assert harmonic_strings.electron_conductances(1.0)[1] == np.inf
    assert debye_mismatch.resistance(SILICON, SILICON, "dmm", 0.0) == np.inf
    assert temperature_jump.emission_resistance(1.0, 4.0, 0.0) == np.inf
    uncoupled = two_temperature.Metal(
        electron_conductivity=1.0, phonon_conductivity=1.0, coupling=0.0
    )
    assert two_temperature.electron_phonon_resistance(uncoupled) == np.inf


def test_equal_temperatures_carry_no_heat():
    assert harmonic_strings.current(7.0, 7.0, 0.4) == 0.0
    assert np.all(mediator_currents.heat_current(COUPLED, 300.0, 300.0) == 0.0)
    mean = mediator_currents.mean_conductance(COUPLED, 300.0, 300.0)
    np.testing.assert_allclose(mean, mediator_currents.conductance(COUPLED, 300.0), rtol=1e-12)
