"""Oscillations from the case file to the result folder."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from cases import GRAY_FILM, WARMED, run_text
from rich.console import Console

from pbte.case.case import parse_case, resolved_toml
from pbte.core.errors import InputError
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.output.summary.data import as_data
from pbte.output.summary.overview import summary

CASE = GRAY_FILM + WARMED + '[source]\nkind = "uniform"\ndensity = 1e17\n'


@pytest.fixture(scope="module")
def answer(folder):
    """Return a function that runs a case with a table of oscillations."""

    def run(table, text=CASE):
        return run_text(f"{text}\n[harmonic]\n{table}", folder)

    return run


def test_a_slow_oscillation_is_the_steady_state(answer):
    results = answer("frequencies = [0.0, 1.0]")
    steady = results.steady
    for response in results.harmonic:
        for name in ("temperature", "heat_flux", "outgoing_current"):
            expected = getattr(steady, name)
            scale = np.abs(expected).max()
            real, imaginary = getattr(response.real, name), getattr(response.imaginary, name)
            np.testing.assert_allclose(real, expected, rtol=0.0, atol=1e-6 * scale)
            np.testing.assert_allclose(imaginary, 0.0, rtol=0.0, atol=1e-6 * scale)


def test_what_is_put_in_is_stored_or_leaves(answer):
    table = "lowest = 1e8\nhighest = 1e12\nnumber = 3\ntolerance = 1e-11\nwalls = []"
    results = answer(table)
    np.testing.assert_allclose([r.frequency for r in results.harmonic], [1e8, 1e10, 1e12])
    for response in results.harmonic:
        assert response.converged
        assert response.imbalance < 1e-10
        # The stored energy is that of the temperature.
        mean = response.mean_temperatures(results.geometry)["body"]
        assert response.energy == pytest.approx(2e6 * 1e-7 * mean, rel=1e-9)
    stored = [abs(2.0 * np.pi * r.frequency * r.energy) for r in results.harmonic]
    # When nothing has time to leave all the power of the source goes into the heat of the body.
    assert stored[-1] == pytest.approx(abs(results.harmonic[-1].deposited), rel=0.05)


def test_walls_and_sources_may_oscillate_alone(answer):
    """Answers to each of them add up; nothing but the wall drives the first."""
    common = "frequencies = [2e9]\ntolerance = 1e-11\n"
    both = answer(common).harmonic[0]
    wall = answer(common + "source = false").harmonic[0]
    source = answer(common + "walls = []").harmonic[0]
    assert wall.deposited == 0.0
    assert source.deposited == pytest.approx(1e10)
    np.testing.assert_allclose(
        wall.temperature + source.temperature, both.temperature, rtol=0.0, atol=1e-9
    )
    assert np.abs(wall.temperature).max() > 0.1
    # The far end lags behind the wall.
    assert -180.0 < np.degrees(np.angle(wall.wall_temperatures["right"])) < -10.0


def test_a_thick_film_obeys_the_heat_equation(answer):
    """T = sinh(kappa (L - x)) / sinh(kappa L) between walls, kappa = sqrt(i omega C / k).

    The walls stand 0.7104 mean free paths outside of where the bulk solution has their
    temperature (Milne's problem).
    """
    text = CASE.replace("[walls.right]\nkind", "[walls.right]\ntemperature = 300.0\nkind").replace(
        '"diffuse"', '"isothermal"'
    )
    path, thickness, frequency = 2e-8, 1e-5, 1e6
    text = text.replace("thickness = 1e-7, size = 1e-8", "thickness = 1e-5, size = 2e-7")
    text = text.replace("film.msh", "thick.msh")
    results = answer(f"frequencies = [{frequency}]\nsource = false\ntolerance = 1e-10", text)
    points = results.geometry.points[..., 0]
    kappa = np.sqrt(2j * np.pi * frequency * 2e6 / (2e6 * 5000.0 * path / 3.0))
    assert abs(kappa) * thickness > 3.0
    ahead = 0.7104 * path
    expected = np.sinh(kappa * (thickness + ahead - points)) / np.sinh(
        kappa * (thickness + 2.0 * ahead)
    )
    inside = (points > 0.1 * thickness) & (points < 0.9 * thickness)
    error = np.abs(results.harmonic[0].temperature - expected)[inside].max()
    assert error < 1e-3
    assert np.abs(expected.imag).max() > 0.1


def test_answers_are_written_and_read_back(answer, folder, comm):
    results = answer("lowest = 1e8\nhighest = 1e11\nnumber = 4")
    if comm.rank > 0:
        return
    write_results(results, folder / "out")
    again = read_results(folder / "out")
    for one, other in zip(again.harmonic, results.harmonic, strict=True):
        np.testing.assert_array_equal(one.temperature, other.temperature)
        np.testing.assert_array_equal(one.imaginary.heat_flux, other.imaginary.heat_flux)
        assert one.absorbed == other.absorbed
        assert (one.frequency, one.energy, one.sweeps) == (
            other.frequency,
            other.energy,
            other.sweeps,
        )
    with h5py.File(folder / "out" / "results.h5") as file:
        assert file["harmonic/temperature"].attrs["unit"] == "K"
        assert file["harmonic/temperature"].shape[0] == 4
        assert file["harmonic/temperature"].dtype == np.complex128
    assert (folder / "out" / "plots" / "oscillations.png").stat().st_size > 10_000
    write_results(results, folder / "out")  # its own files may be replaced
    console = Console(width=200)
    with console.capture() as capture:
        console.print(summary(again))
    assert "Oscillations" in capture.get()
    data = json.loads(json.dumps(as_data(again)))
    mean = results.harmonic[2].mean_temperatures(results.geometry)["body"]
    told = data["harmonic_mean_temperatures"]["body"][2]
    assert complex(*told) == pytest.approx(mean)
    assert data["harmonic"][2]["frequency"] == results.harmonic[2].frequency
    case = parse_case(again.case)
    assert parse_case(resolved_toml(case)) == case


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "give either frequencies"),
        ("frequencies = [1.0]\nlowest = 1.0\nhighest = 2.0", "give either frequencies"),
        ("lowest = 1.0", "give either frequencies"),
        ("lowest = 2.0\nhighest = 1.0", "lies above"),
        ('frequencies = [1.0]\nwalls = ["right"]', "only an isothermal wall can oscillate"),
        ("frequencies = [1.0]\nwalls = []\nsource = false", "nothing oscillates"),
        ("frequencies = [-1.0]", "frequencies"),
    ],
)
def test_what_makes_no_sense_is_refused(table, message):
    with pytest.raises(InputError, match=message):
        parse_case(f"{CASE}\n[harmonic]\n{table}")
