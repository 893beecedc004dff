"""Band tables: read from text with units, refused with file, line and value."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.band_table import band_crystal, read_band_table, shipped_band_tables
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.kernel import check_kernel
from pbte.materials.quadrature import product_rule

HEAD = "speed [m/s], relaxation_time [s], heat_capacity [J/m^3 K]\n"


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "mine.csv"
        path.write_text(text)
        return path

    return write


def test_the_shipped_silicon_conducts_as_published():
    """sum C v^2 tau / 3 = 151.796 W/m K and sum C = 1.62548e6 J/m^3 K."""
    assert "Si-bands" in shipped_band_tables()
    silicon = read_band_table("si-bands")
    assert (silicon.name, silicon.temperature, silicon.speeds.size) == ("Si-bands", 300.0, 15)
    assert silicon.conductivity == pytest.approx(151.796, abs=5e-4)
    assert silicon.heat_capacities.sum() == pytest.approx(1.62548e6, rel=1e-5)
    material = band_crystal(silicon, quadrature=product_rule(4, 4))
    np.testing.assert_allclose(
        bulk_conductivity(material.kernel), silicon.conductivity * np.eye(3), atol=1e-9
    )
    assert check_kernel(material.kernel).is_sound
    assert "Published" in material.source


def test_units_are_those_of_the_head(table):
    """Factors by hand: 5.2 km/s, 17 ps, 8.4 kJ/m^3 K, 1 THz = 2 pi 1e12 rad/s, 7 1/nm."""
    found = read_band_table(
        table(
            "# temperature = 77 K\n"
            "branch, heat_capacity [kJ/m^3 K], speed [km/s], relaxation_time [ps],"
            " frequency [THz], wave_number [1/nm], normal_time [ns]\n"
            "LA, 8.4, 5.2, 17, 1, 7, 0.1\n\n"
            "TA, 8, 3, 20, 2, 9, inf\n"
        )
    )
    assert (found.name, found.temperature, found.branches) == ("mine", 77.0, ("LA", "TA"))
    np.testing.assert_allclose(found.speeds, [5200.0, 3000.0])
    np.testing.assert_allclose(found.relaxation_times, [17e-12, 20e-12])
    np.testing.assert_allclose(found.heat_capacities, [8400.0, 8000.0])
    np.testing.assert_allclose(found.frequencies, [2e12 * np.pi, 4e12 * np.pi])
    np.testing.assert_allclose(found.wave_numbers, [7e9, 9e9])
    np.testing.assert_allclose(found.normal_times, [1e-10, np.inf])
    modes = band_crystal(found).modes
    np.testing.assert_allclose(modes.frequencies[:2], found.frequencies)
    np.testing.assert_allclose(np.linalg.norm(modes.wave_vectors[:2], axis=1), [7e9, 9e9])


def test_a_table_without_a_temperature_takes_that_of_the_case(table):
    found = read_band_table(table(HEAD + "5000, 1e-11, 1.6e6\n"))
    assert found.temperature is None
    assert band_crystal(found, temperature=200.0).modes.temperature == 200.0
    with pytest.raises(InputError, match="has no temperature"):
        band_crystal(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty; expected a line that names the columns"),
        (HEAD, "no bands after line 1"),
        ("speed [m/s], heat_capacity [J/m^3 K]\n1, 1\n", "column 'relaxation_time' is missing"),
        (HEAD.replace("[s]", "[min]"), "mine.csv:1: column 'relaxation_time' has unit 'min'"),
        (HEAD.replace("speed", "sped"), "mine.csv:1: unknown column 'sped'; did you mean 'speed'"),
        (HEAD.replace("speed [m/s]", "speed"), "column 'speed' has unit ''; expected one of m/s"),
        ("speed [m/s], " + HEAD + "1,1,1,1\n", "column 'speed' is listed twice"),
        (HEAD + "5000, 1e-11, 1e6\n5000, 1e-11\n", "mine.csv:3: 2 entries for 3 columns"),
        (HEAD + "# a remark\n5000, fast, 1e6\n", "mine.csv:3: relaxation_time = 'fast' is not"),
        (HEAD + "-5000, 1e-11, 1e6\n", "mine.csv:2: speed = -5000; it must be positive"),
        (HEAD + "inf, 1e-11, 1e6\n", "mine.csv:2: speed = inf; it must be positive"),
        ("# temperature = warm\n" + HEAD + "1, 1, 1\n", "temperature = 'warm'; expected a number"),
        (
            HEAD.replace("speed", "normal_time [s], speed") + "1e-12, 5000, 1e-11, 1e6\n",
            "mine.csv:2: normal_time = 1e-12 s is shorter than relaxation_time = 1e-11 s",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_line_and_value(table, text, message):
    with pytest.raises(InputError, match=message):
        read_band_table(table(text))


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="unknown band table 'Si-band'; did you mean 'Si-bands'"):
        read_band_table("Si-band")
    with pytest.raises(InputError, match="no such band table"):
        read_band_table(tmp_path / "none.csv")
    (tmp_path / "image.csv").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InputError, match="not a text file"):
        read_band_table(tmp_path / "image.csv")
