"""The command ``pbte interface``: numbers, checks, figures, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from pbte.cli.interface import parse_temperatures
from pbte.cli.main import main
from pbte.core.errors import InputError
from pbte.interfaces.base import check_flux_matrix
from pbte.interfaces.bins import energy_bins
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.landauer import interface_conductance
from pbte.interfaces.report import Refinement, report_interface
from pbte.materials.storage import read_material
from pbte.materials.temperature import at_temperature
from pbte.output.plots.interfaces import (
    plot_convergence,
    plot_spectrum,
    plot_temperatures,
    plot_transmission,
    write_interface_plots,
)
from pbte.simulation.interface_study import parse_model, refine, study, unit_normal

X = np.array([1.0, 0.0, 0.0])
TERAHERTZ = 2e12 * np.pi
TABLE = "frequency [THz], transmission\n0, 0.2\n30, 0.2\n"


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def interface(comm, capfd, monkeypatch) -> Callable[..., Outcome]:
    """Return a function that runs the command here, on all ranks; the first one's output."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("PBTE_TRACEBACK", raising=False)

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            main(["interface", *(str(argument) for argument in arguments)])
        out, err = capfd.readouterr()
        outcomes = comm.allgather((caught.value.code or 0, out, err))
        assert all(out == "" for _, out, _ in outcomes[1:]), "rank 0 alone prints"
        assert len({status for status, _, _ in outcomes}) == 1
        return Outcome(*outcomes[0])

    return run


@pytest.fixture(scope="module")
def pair():
    return tuple(read_material(name, scattering="rta").modes for name in ("Si-5", "Ge-5"))


@pytest.fixture
def found():
    """Return a function that studies Si-5 | Ge-5 with the defaults of the command."""

    def run(**options):
        return study("Si-5", "Ge-5", **options)

    return run


# --- numbers


def test_the_diffuse_mismatch_of_silicon_and_germanium_has_the_known_size(interface):
    """R = 2 to 5e-9 m^2 K/W at 300 K; the local resistance is smaller, the laws hold."""
    data = json.loads(interface("Si-9", "Ge-9", "--json").out)
    (report,) = data["reports"]
    assert 2e-9 < report["landauer_resistance"] < 5e-9
    assert report["conductance"] == pytest.approx(1.0 / report["landauer_resistance"])
    shares = sum(report["transmission"]) / 2.0
    expected = report["landauer_resistance"] * (1.0 - shares)
    assert report["local_resistance"] == pytest.approx(expected, rel=1e-12, abs=0.0)
    laws = report["laws"]
    assert laws["sound"] and max(laws["energy"], laws["equilibrium"], laws["reciprocity"]) < 1e-12
    assert 0.3 < report["flux_above_the_other_spectrum"][0] < 0.5
    assert report["flux_without_partners_on_the_grid"] < 0.01
    for parts in (*report["branches"], report["spectrum"]["conductance"]):
        assert sum(parts) == pytest.approx(report["conductance"], rel=1e-12)


def test_the_command_shows_what_the_model_computes(interface, pair):
    first, second = pair
    normal = np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)
    cold = [at_temperature(modes, 120.0) for modes in pair]
    matrix = DiffuseMismatch(bins=8).flux_matrix(*cold, normal)
    expected = interface_conductance(matrix, first.num_modes)
    options = ("--model", "dmm:bins=8", "--temperature", "120", "--normal", "1", "1", "0")
    data = json.loads(interface("Si-5", "Ge-5", *options, "--json").out)
    (report,) = data["reports"]
    assert report["conductance"] == pytest.approx(expected.conductance, rel=1e-12)
    assert report["transmission"][1] == pytest.approx(expected.second_transmission, rel=1e-12)
    np.testing.assert_allclose(data["normal"], normal, rtol=1e-15)
    assert [side["num_modes"] for side in (data["first"], data["second"])] == [
        first.num_modes,
        second.num_modes,
    ]
    text = interface("Si-5", "Ge-5", *options).out
    assert f"{expected.conductance * 1e-6:.4g} MW/m^2 K" in text
    assert f"{expected.landauer_resistance:.4g} m^2 K/W" in text
    assert f"{expected.local_resistance:.4g} m^2 K/W" in text
    for name in ("Energy conservation", "No flux at equal temperature", "Reciprocity", "branch"):
        assert name in text
    assert "VIOLATED" not in text and "rescaled" in text


def test_models_and_temperatures_make_one_table(interface):
    models = ("--model", "dmm", "--model", "smooth-dmm", "--model", "dmm:elastic=false")
    temperatures = ("--temperature", "20,300", "--temperature", "100")
    data = json.loads(interface("Si-5", "Ge-5", *models, *temperatures, "--json").out)
    assert [(r["model"], r["temperature"]) for r in data["reports"]] == [
        (model, kelvin)
        for model in ("dmm", "smooth-dmm", "dmm:elastic=false")
        for kelvin in (20.0, 300.0, 100.0)
    ]
    text = interface("Si-5", "Ge-5", *models, *temperatures).out
    assert text.count("smooth-dmm") >= 3 and "R local" in text
    assert "lack the long waves" in text  # a grid of 5 x 5 x 5 at 20 K


def test_conductance_rises_with_temperature_towards_the_classical_limit(found):
    kelvins = [20.0, 50.0, 100.0, 300.0, 1000.0, 3000.0, 5000.0]
    (reports,) = found(temperatures=kelvins).reports
    values = np.array([report.conductance.conductance for report in reports])
    assert np.all(np.diff(values) > 0.0)
    assert values[-1] / values[-2] - 1.0 < 1e-3 < values[3] / values[2] - 1.0


def test_a_perfect_interface_has_the_paradox_in_its_two_resistances(interface):
    data = json.loads(interface("Si-5", "Si-5", "--model", "perfect", "--json").out)
    (report,) = data["reports"]
    assert report["landauer_resistance"] > 1e-10 and report["local_resistance"] == 0.0
    assert report["transmission"] == pytest.approx([1.0, 1.0], rel=1e-12)


def test_materials_of_different_temperatures_are_brought_to_that_of_the_first(
    interface, pair, tmp_path, monkeypatch
):
    """As if the file of the second had been made for 200 K."""
    import dataclasses

    from pbte.materials import storage

    original = storage.read_material

    def cold_germanium(name, **options):
        material = original(name, **options)
        if material.name != "Ge":
            return material
        return dataclasses.replace(material, modes=at_temperature(material.modes, 200.0))

    expected = json.loads(interface("Si-5", "Ge-5", "--json").out)
    monkeypatch.setattr("pbte.materials.storage.read_material", cold_germanium)
    data = json.loads(interface("Si-5", "Ge-5", "--json").out)
    assert data["reports"][0]["temperature"] == 300.0
    assert data["reports"][0]["conductance"] == pytest.approx(
        expected["reports"][0]["conductance"], rel=1e-12
    )
    assert "rescaled" in data["notes"][0] and not expected["notes"]


def test_convergence_goes_through_bins_and_widths(found, pair):
    models = ["dmm", "smooth-dmm", "dmm:elastic=false"]
    binned, smooth, inelastic = found(models=models, convergence=True).refinements
    assert [item.value for item in binned] == ["auto", 5, 10, 20, 50, 100, 200]
    artefacts = [item.artefact for item in binned[1:]]
    assert artefacts == sorted(artefacts) and artefacts[-1] > 0.1
    assert binned[-1].conductance < binned[1].conductance
    matrix = DiffuseMismatch(bins=20).flux_matrix(*pair, X)
    expected = interface_conductance(matrix, pair[0].num_modes).conductance
    assert binned[3].conductance == pytest.approx(expected, rel=1e-12)
    assert len(smooth) == 5 and smooth[0].value > smooth[-1].value
    assert inelastic == ()  # one bin, whatever their number


def test_a_mixed_interface_runs_from_acoustic_to_diffuse_with_its_roughness(found):
    models = ["amm", "mixed:roughness=0.0", "mixed:roughness=2e-10", "mixed:roughness=1e-8", "dmm"]
    reports = [of_model[0] for of_model in found(models=models).reports]
    h = [report.conductance.conductance for report in reports]
    assert h[1] == pytest.approx(h[0], rel=1e-9) and h[3] == pytest.approx(h[4], rel=0.02)
    assert h[1] < h[2] < h[3]
    assert len({report.unmatched.artefact for report in reports}) == 1


def test_strain_mismatch_depends_on_its_width_and_not_on_bins(found):
    (items,) = found(models=["smm"], normal=(0.0, 0.0, 1.0), convergence=True).refinements
    assert {item.setting for item in items} == {"width"} and len(items) == 5
    assert all(item.conductance > 0.0 for item in items)


def test_a_setting_that_a_table_refuses_is_named_and_the_others_are_shown(interface, tmp_path):
    """Detailed balance asks for too much in fine bins, where one side has little flux."""
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    options = ("--model", f"table:file={path},bins=2", "--convergence")
    data = json.loads(interface("Si-5", "Ge-5", *options, "--json").out)
    kept = [item["conductance"] is not None for item in data["convergence"]]
    assert any(kept) and not all(kept)
    refused = next(item for item in data["convergence"] if item["conductance"] is None)
    assert "detailed balance" in refused["refusal"]
    assert "Refused with bins" in interface("Si-5", "Ge-5", *options).out


def test_bins_are_for_all_models_without_bins_of_their_own():
    assert parse_model("dmm", "12").bins == 12
    assert parse_model("dmm:bins=7", "12").bins == 7
    assert parse_model("amm:bins=auto,angle=0.2", "12").bins == "auto"
    assert parse_model("smooth-dmm:width=3e11", "12").width == 3e11
    assert parse_model("smm:poisson=0.22:0.21").poisson == (0.22, 0.21)
    assert parse_model("table:file=here:there.csv").file == "here:there.csv"


def test_temperatures_come_in_lists_and_repeated():
    assert parse_temperatures(["50,100", "300K", "100"]) == [50.0, 100.0, 300.0]


def test_a_direction_may_have_any_length():
    np.testing.assert_allclose(unit_normal((0.0, -3.0, 4.0)), [0.0, -0.6, 0.8], rtol=1e-15)


# --- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "dm"], "model dm: kind = 'dm': must be 'perfect', 'dmm', "),
        (["--model", "dm"], "did you mean 'dmm'?"),
        (["--model", "dmm:bns=3"], "bns: unknown key; did you mean 'bins'?"),
        (["--model", "dmm:20"], "'20' is no option; write key=value"),
        (["--model", "dmm:bins=x"], "bins = 'x': must be 'auto' or a number of bins"),
        (["--model", "smooth-dmm:width=-1"], "width = -1: must be greater than 0"),
        (["--model", "table:file=none.csv"], "none.csv: no such transmission table"),
        (["--model", "mediator"], "density: missing (Mediators per area"),
        (["--model", "perfect"], "perfect: interface Si | Ge: a perfect interface joins identical"),
        (["--bins", "0"], "bins 0: expected 'auto' or a number of bins"),
        (["--normal", "0", "0", "0"], "normal 0 0 0: no direction"),
        (["--normal", "nan", "0", "0"], "normal nan 0 0: no direction"),
        (["--temperature", "50,warm"], "'warm' is no temperature"),
        (["--temperature", "-5"], "'-5' is no temperature"),
        (["--temperature", "1"], "temperature = 1 K: too cold for Si"),
    ],
)
def test_wrong_input_is_one_sentence_with_status_2(interface, options, message):
    outcome = interface("Si-5", "Ge-5", *options)
    assert outcome.status == 2 and outcome.out == ""
    assert message in outcome.err
    assert outcome.err.count("\n") == 1 and "Traceback" not in outcome.err


def test_an_unknown_material_is_refused_with_the_nearest_name(interface):
    outcome = interface("Si-5", "Ge-7")
    assert outcome.status == 2 and "did you mean 'Ge-" in outcome.err


def test_a_wrong_line_of_a_table_is_named(interface, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TABLE.replace("0.2\n", "0.2, 1\n", 1))
    outcome = interface("Si-5", "Ge-5", "--model", f"table:file={path}")
    assert outcome.status == 2 and "t.csv:2: 3 entries for 2 columns" in outcome.err


def test_a_model_that_breaks_a_law_is_shown_and_ends_with_status_1(interface, monkeypatch):
    def leaky(matrix):
        return replace(check_flux_matrix(matrix), energy=1e-3)

    monkeypatch.setattr("pbte.interfaces.report.check_flux_matrix", leaky)
    outcome = interface("Si-5", "Ge-5")
    assert outcome.status == 1
    assert (
        "1.0e-03  VIOLATED" in outcome.out
        and "dmm: the model violates energy conservation" in outcome.err
    )


# --- figures


@pytest.fixture(scope="module")
def reports(pair):
    """By model and temperature, as the figures take them."""
    bins = energy_bins(pair)
    laws = {"auto": DiffuseMismatch(), "ten": DiffuseMismatch(bins=10)}
    cold = tuple(at_temperature(modes, 100.0) for modes in pair)
    return [
        [report_interface(name, law, *tables, X, bins) for tables in (pair, cold)]
        for name, law in laws.items()
    ]


def test_the_command_writes_the_figures_that_make_sense(interface, comm, shared_tmp_path):
    options = ("--model", "dmm", "--model", "smooth-dmm", "--temperature", "100,300")
    folder = shared_tmp_path / "figures"
    shown = interface("Si-5", "Ge-5", *options, "--convergence", "--plots", folder, "--json")
    data = json.loads(shown.out)
    names = [path.rsplit("/", 1)[1] for path in data["files"]]
    assert names == [
        "transmission_100K.png",
        "spectrum_100K.png",
        "transmission_300K.png",
        "spectrum_300K.png",
        "temperature.png",
        "convergence.png",
    ]
    comm.barrier()
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_figures_are_neither_blank_nor_full(reports, tmp_path):
    from matplotlib.image import imread

    refinements = [
        [Refinement(label="dmm", setting="bins", value=n, conductance=2e8, artefact=0.0)]
        for n in (5, 50)
    ]
    temperatures, models = reports[:1], [of_model[:1] for of_model in reports]
    for chosen, varied in ((temperatures, refinements), (models, [])):
        written = write_interface_plots(chosen, ("Si", "Ge"), tmp_path, refinements=varied)
        assert len(written) == (4 if varied else 2)
        for path in written:
            picture = imread(path)
            assert picture.shape[0] > 400 and picture.shape[1] > 800
            assert 0.01 < np.mean(picture[..., :3].min(axis=2) < 0.9) < 0.9


def test_the_area_under_the_spectrum_is_the_conductance(reports):
    curves = [of_model[0] for of_model in reports]
    upper, lower = plot_spectrum(curves, ("Si", "Ge")).axes
    for report, patch, line in zip(curves, upper.patches, lower.lines, strict=True):
        values, edges, _ = patch.get_data()  # type: ignore[attr-defined]
        whole = 1e-6 * report.conductance.conductance
        assert values @ np.diff(edges) == pytest.approx(whole, rel=1e-12)
        assert line.get_ydata()[-1] == pytest.approx(whole, rel=1e-12)
    assert lower.get_xlabel() == "Frequency in Si (THz)"


def test_transmission_is_empty_where_a_side_has_no_modes(reports):
    forth, back = plot_transmission([reports[0][0]], ("Si", "Ge")).axes
    from_silicon, edges, _ = forth.patches[0].get_data()  # type: ignore[attr-defined]
    from_germanium, _, _ = back.patches[0].get_data()  # type: ignore[attr-defined]
    above = edges[:-1] > 9.5  # THz
    assert np.nanmax(from_silicon[above]) == 0.0 and np.all(np.isnan(from_germanium[above]))
    assert np.nanmax(from_germanium) <= 1.0
    assert forth.get_title("left") == "from Si into Ge"


def test_temperatures_are_drawn_in_ascending_order(reports):
    (axes,) = plot_temperatures(reports).axes
    for of_model, line in zip(reports, axes.lines, strict=True):
        np.testing.assert_allclose(line.get_xdata(), [100.0, 300.0])
        hot, cold = (1e-6 * report.conductance.conductance for report in of_model)
        np.testing.assert_allclose(line.get_ydata(), [cold, hot], rtol=1e-12)


def test_convergence_leaves_out_what_was_refused(pair):
    choice = parse_model("dmm")
    materials = tuple(read_material(name, scattering="rta") for name in ("Si-5", "Ge-5"))
    items = refine("dmm", choice, materials, *pair, X)
    refused = Refinement(
        label="dmm", setting="bins", value=7, conductance=None, artefact=None, refusal="no"
    )
    (axes,) = plot_convergence([(*items, refused)]).axes
    line = next(line for line in axes.lines if line.get_label() == "dmm")
    np.testing.assert_array_equal(line.get_xdata(), [5, 10, 20, 50, 100, 200])


def test_bad_texts_are_refused_before_anything_is_read():
    with pytest.raises(InputError, match="no temperature"):
        parse_temperatures(["warm"])
    with pytest.raises(InputError, match="must be 'perfect', 'dmm'"):
        study("no-such-crystal", "nor-this", models=["dm"])
