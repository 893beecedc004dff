"""Runs that do not converge: they say so with their residuals, and give no number as a result."""

from __future__ import annotations

import json

import pytest
from cases import SPHERE

from pbte.core.parallel import under_launcher

pytestmark = pytest.mark.skipif(under_launcher(), reason="a failing command stops all ranks")

# With the full matrix, and stopped after one correction.
STOPPED = SPHERE.replace('scattering = "rta"\n', "") + "[steady]\nmax_iterations = 1\n"
PAIR = """\
temperature = 300.0
[materials]
a = { file = "Si-5" }
b = { file = "Ge-5" }
[interfaces."a|b"]
kind = "dmm"
[mesh]
file = "pair.msh"
builder = { shape = "layers", regions = ["a", "b"], thicknesses = [4e-8, 4e-8], size = 2e-8 }
[walls]
left = { kind = "isothermal", temperature = 301.0 }
right = { kind = "isothermal", temperature = 300.0 }
[orders]
max_order = 0
self_scattering = 0.0
[steady]
max_iterations = 1
rank = 5
[transient]
end = 1e-11
step = 1e-11
num_times = 1
[harmonic]
frequencies = [1e9]
[output]
paraview = false
"""


def test_a_run_that_does_not_converge_says_why_and_gives_no_result(pbte, shared_tmp_path):
    """Summary, file, JSON and exit status: nobody takes the last step for an answer."""
    path = shared_tmp_path / "sphere.toml"
    path.write_text(STOPPED)
    folder = shared_tmp_path / "unfinished"
    outcome = pbte("run", path, "--output", folder)
    assert outcome.status == 1
    said = " ".join(outcome.out.split())
    assert "DID NOT CONVERGE" in said
    assert "NOT the steady state, the last step" in said and "Steady state:" not in said
    assert "its numbers are not a result" in said
    assert "stopped after steady.max_iterations = 1" in said
    assert "Effective conductivity" not in said
    shown = pbte("show", folder, "--json")
    data = json.loads(shown.out)
    assert data["steady_report"]["converged"] is False
    assert len(data["steady_report"]["residuals"]) == 1
    assert data["conductivity"] is None
    assert any("did NOT converge" in note for note in data["notes"])


def test_nothing_that_did_not_converge_is_told_as_a_result(pbte, shared_tmp_path):
    """Interfaces, oscillations, steps in time: no resistances, no amplitudes, and status 1."""
    path = shared_tmp_path / "pair.toml"
    path.write_text(PAIR)
    folder = shared_tmp_path / "unfinished"
    outcome = pbte("run", path, "--output", folder)
    assert outcome.status == 1
    said = " ".join(outcome.out.split())
    assert "NOT the steady state, the last step" in said and "its numbers are not a result" in said
    assert "Resistance of the interfaces" not in said and "in series" not in said
    assert "1 GHz no result no result" in said
    assert "The harmonic responses at 1e+09 Hz did NOT converge: residual" in said
    assert "(left " in said and "held by interfaces" in said and ", a-b " not in said
    assert "2 stages NOT converged" in said
    assert "stages of the transient did NOT reach their tolerance" in said
    assert not (folder / "plots" / "oscillations.png").exists()
    assert not (folder / "plots" / "interface_flux.png").exists()
    data = json.loads(pbte("show", folder, "--json").out)
    assert data["interfaces"] == [] and data["series"] is None and data["conductivity"] is None
    (answer,) = data["harmonic"]
    assert answer["converged"] is False and len(answer["residuals"]) == 1
    assert answer["residuals"][0] > 1e-8 and data["transient"]["unconverged"] > 0
