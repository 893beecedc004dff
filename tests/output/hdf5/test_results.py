"""results.h5 gives back what was written, and refuses what is not a results file."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.resistance import (
    InterfaceResult,
    InterfaceSpectrum,
    SeriesPart,
    SeriesResistance,
)
from pbte.observables.transient import start_of
from pbte.output.hdf5.format_page import format_page
from pbte.output.hdf5.results import is_results_file, read_results, write_results_file


def assert_same(written, read, path="results"):
    """Compare records field by field, to the last bit and with the same types of numbers."""
    if dataclasses.is_dataclass(written):
        assert type(written) is type(read), path
        for item in dataclasses.fields(written):
            name = item.name
            assert_same(getattr(written, name), getattr(read, name), f"{path}.{name}")
    elif isinstance(written, np.ndarray):
        assert written.dtype == read.dtype and written.shape == read.shape, path
        np.testing.assert_array_equal(written, read, path)
    elif isinstance(written, dict):
        assert list(written) == list(read), path
        for key in written:
            assert_same(written[key], read[key], f"{path}[{key}]")
    elif isinstance(written, tuple):
        assert isinstance(read, tuple) and len(written) == len(read), path
        for number, (left, right) in enumerate(zip(written, read, strict=True)):
            assert_same(left, right, f"{path}[{number}]")
    else:
        assert type(written) is type(read) and written == read, path


@pytest.mark.parametrize("shape", ["sphere", "block", "film", "interval"])
def test_results_come_back_field_by_field(make, shape, tmp_path):
    results = make(shape)
    write_results_file(results, tmp_path / "results.h5")
    assert_same(results, read_results(tmp_path / "results.h5"))
    assert_same(results, read_results(tmp_path))


def test_results_without_steady_state_orders_notes_or_timings_come_back(make, tmp_path):
    bare = dataclasses.replace(
        make("film", num_orders=0, steady=False), eigenvalues=(), notes=(), timings={}, versions={}
    )
    write_results_file(bare, tmp_path / "results.h5")
    assert_same(bare, read_results(tmp_path))


def test_names_of_walls_may_hold_any_character(make, tmp_path):
    results = make("interval", num_orders=2)
    odd = {"left/../..": 1, "Straße 2 . ": 2}

    def rename(mapping):
        return dict(zip(odd, mapping.values(), strict=True))

    def rename_snapshot(snapshot):
        balance = dataclasses.replace(snapshot.balance, absorbed=rename(snapshot.balance.absorbed))
        return dataclasses.replace(
            snapshot,
            outgoing_spectrum=rename(snapshot.outgoing_spectrum),
            wall_temperatures=rename(snapshot.wall_temperatures),
            balance=balance,
        )

    renamed = dataclasses.replace(
        results,
        geometry=dataclasses.replace(results.geometry, walls=odd),
        orders=tuple(rename_snapshot(order) for order in results.orders),
        steady=rename_snapshot(results.steady),
    )
    write_results_file(renamed, tmp_path / "results.h5")
    assert_same(renamed, read_results(tmp_path))


def test_nan_and_infinity_survive(make, tmp_path):
    results = dataclasses.replace(make("interval"), power=float("inf"))
    temperature = np.full_like(results.orders[0].temperature, np.nan)
    order = dataclasses.replace(results.orders[0], temperature=temperature)
    write_results_file(dataclasses.replace(results, orders=(order,)), tmp_path / "results.h5")
    again = read_results(tmp_path)
    assert again.power == float("inf")
    assert np.isnan(again.orders[0].temperature).all()


def test_every_dataset_has_its_unit_and_description(sphere_results, tmp_path):
    write_results_file(sphere_results, tmp_path / "results.h5")
    seen = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            assert item.attrs["description"], name
            assert len(item.attrs["axes"]) == len(item.shape), name
            seen[name] = item.attrs["unit"]

    with h5py.File(tmp_path / "results.h5") as file:
        file.visititems(visit)
        assert file.attrs["format"] == "pbte-results" and file.attrs["version"] == 2
        assert file["orders/temperature"].compression == "gzip"
        assert len(file["orders/temperature"]) == len(sphere_results.orders)
        assert list(file["orders/temperature"].attrs["axes"]) == ["order", "cell", "vertex"]
        assert list(file["orders/outgoing_spectrum"].attrs["labels"]) == ["surface"]
    assert seen["orders/temperature"] == "K"
    assert seen["steady/heat_flux"] == "W/m^2"
    assert seen["orders/outgoing_spectrum"] == "W"
    assert seen["frequency_edges"] == "rad/s"
    assert seen["geometry/points"] == "m"
    assert seen["power"] == "W"
    assert seen["steady/mode_temperatures/1"] == "K"
    assert seen["conductivity/contributions"] == "W/m K"
    assert seen["slips/resistance"] == "m^2 K/W"
    assert len(seen) > 40


@pytest.mark.parametrize(
    ("shape", "power", "energy", "area"),
    [("interval", "W/m^2", "J/m^2", "1"), ("film", "W/m", "J/m", "m"), ("block", "W", "J", "m^2")],
)
def test_powers_energies_and_areas_are_per_length_or_area_below_3d(
    make, tmp_path, shape, power, energy, area
):
    results = make(shape, num_orders=2)
    transient = start_of(results.orders[0], 1e-9)
    transient = dataclasses.replace(transient, integral=results.orders[0])
    write_results_file(dataclasses.replace(results, transient=transient), tmp_path / "results.h5")
    with h5py.File(tmp_path / "results.h5") as file:
        units = {
            name: file[name].attrs["unit"]
            for name in (
                "power",
                "orders/outgoing_spectrum",
                "steady/balance/absorbed",
                "fourier/balance/deposited",
                "transient/energies",
                "transient/integral/balance/deposited",
                "transient/integral/balance/imbalance",
                "transient/integral/temperature",
                "transient/integral/heat_flux",
                "steady/heat_flux",
                "geometry/facet_areas",
                "conductivity/gradient/area",
            )
        }
    expected = [power] * 4 + [energy] * 2 + ["1", "K s", "J/m^2", "W/m^2"] + [area] * 2
    assert list(units.values()) == expected


def test_transients_responses_and_interfaces_come_back(make, tmp_path):
    """Rows of different length too, and records in records of a row."""
    results = make("film", num_orders=2)
    first, last = results.orders
    transient = dataclasses.replace(
        start_of(first, 2.0),
        times=np.array([0.0, 1.0]),
        snapshots=(first, last),
        integral=results.steady,
        energies=np.array([2.0, 0.5]),
        **{name: np.array([0.5]) for name in ("ends", "sizes", "errors", "deposited")},
        absorbed={wall: np.array([0.1]) for wall in results.geometry.walls},
    )
    harmonic = tuple(
        HarmonicResult(
            frequency=1e9 * corrections,
            real=first,
            imaginary=last,
            energy=1.0 + 2j,
            converged=True,
            sweeps=7,
            residuals=np.logspace(-1, -corrections, corrections),
        )
        for corrections in (1, 3)
    )
    spectrum = InterfaceSpectrum(
        outgoing=np.ones((2, 40)), incoming=np.full((2, 40), np.nan), heat_flux=np.ones((2, 40))
    )
    numbers = ("area", "heat_flux", "mismatch", "local", "extrapolated", "emission", "landauer")
    interfaces = tuple(
        InterfaceResult(
            name=f"a-b {number}",
            model="diffuse",
            materials=("a", "b"),
            temperatures=(1.0, 2.0),
            streams=(3.0, 4.0),
            spectrum=spectrum,
            **dict.fromkeys((*numbers, "entropy", "least_entropy"), float(number)),
        )
        for number in range(2)
    )
    lengths = dict.fromkeys(("thickness", "drop", "resistance", "bulk"), 2e-9)
    series = SeriesResistance(
        parts=tuple(SeriesPart(kind=kind, name="a", **lengths) for kind in ("film", "interface")),
        heat_flux=1e8,
    )
    full = dataclasses.replace(
        results,
        transient=transient,
        harmonic=harmonic,
        fourier_harmonic=harmonic[:1],
        interfaces=interfaces,
        series=series,
        fourier=dataclasses.replace(results.fourier, interfaces=interfaces, series=series),
    )
    write_results_file(full, tmp_path / "results.h5")
    assert_same(full, read_results(tmp_path))
    with h5py.File(tmp_path / "results.h5") as file:
        assert file["harmonic/residuals"].shape == (2, 3)
        assert list(file["harmonic/residuals"].attrs["lengths"]) == [1, 3]
        assert file["transient/imbalances"].attrs["unit"] == "1"


def test_results_of_before_conductivity_and_slip_were_measured_are_read(make, tmp_path):
    results, path = make("film", num_orders=2), tmp_path / "results.h5"
    write_results_file(results, path)
    with h5py.File(path, "a") as file:
        for name in ("conductivity", "slips"):
            del file[name]
        for group in ("orders", "steady"):
            del file[group]["mode_temperatures"], file[group]["wall_temperatures"]
    again = read_results(path)
    assert again.conductivity is None and again.slips == ()
    assert again.steady.mode_temperatures == () and again.orders[1].wall_temperatures == {}
    assert_same(results.steady.temperature, again.steady.temperature)


def test_the_accumulation_in_the_file_ends_at_the_conductivity(make, tmp_path):
    """For readers without this package: curves with units, next to the shares of the modes."""
    conductivity = make("interval").conductivity
    write_results_file(make("interval"), tmp_path / "results.h5")
    with h5py.File(tmp_path / "results.h5") as file:
        group = file["conductivity"]
        for name in ("mean_free_path", "frequency"):
            curve = group[f"accumulation_{name}"]
            assert curve["conductivity"][-1] == pytest.approx(conductivity.value, rel=1e-12)
            assert curve["bulk"][-1] == pytest.approx(conductivity.bulk, rel=1e-12)
            assert curve[name].shape == (40,)
        assert np.all(np.diff(group["suppression/suppression"]) < 0.0)


def test_orders_that_name_different_walls_are_refused(make, tmp_path):
    results = make("interval", num_orders=2)
    odd = dataclasses.replace(results.orders[1], outgoing_spectrum={"left": np.zeros(40)})
    mixed = dataclasses.replace(results, orders=(results.orders[0], odd))
    with pytest.raises(ValueError, match="order 1 names other walls"):
        write_results_file(mixed, tmp_path / "results.h5")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.h5: no such file"):
        read_results(tmp_path / "nothing.h5")
    with pytest.raises(InputError, match=r"results\.h5: no such file"):
        read_results(tmp_path)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path):
    (tmp_path / "results.h5").write_text("temperature 300")
    assert not is_results_file(tmp_path / "results.h5")
    with pytest.raises(InputError, match="not a readable results file"):
        read_results(tmp_path)


def test_another_hdf5_file_and_another_version_are_refused(make, tmp_path):
    path = tmp_path / "results.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    assert not is_results_file(path)
    with pytest.raises(InputError, match="not pbte results"):
        read_results(path)
    write_results_file(make("interval"), path)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    assert is_results_file(path)
    with pytest.raises(InputError, match="version 99, but this pbte reads version 2"):
        read_results(path)


def test_a_file_that_lacks_a_dataset_is_refused(make, tmp_path):
    path = tmp_path / "results.h5"
    write_results_file(make("interval"), path)
    with h5py.File(path, "a") as file:
        del file["orders/heat_flux"]
    with pytest.raises(InputError, match="heat_flux"):
        read_results(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(sphere_results, tmp_path, share):
    path = tmp_path / "results.h5"
    write_results_file(sphere_results, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="not a readable results file"):
        read_results(path)


def test_a_flipped_bit_in_a_field_is_an_error_and_not_a_wrong_number(sphere_results, tmp_path):
    path = tmp_path / "results.h5"
    write_results_file(sphere_results, path)
    with h5py.File(path) as file:
        chunk = file["orders/heat_flux"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable results file"):
        read_results(path)


def test_the_page_of_the_file_format_is_that_of_the_code():
    """Made again by `python3 -m pbte.output.hdf5.format_page > docs/results.md`."""
    page = Path(__file__).parents[3] / "docs" / "results.md"
    assert page.read_text(encoding="utf-8") == format_page()


def test_the_page_names_every_dataset_of_a_file(sphere_results, tmp_path):
    write_results_file(sphere_results, tmp_path / "results.h5")
    named = {row.split("`")[1] for row in format_page().splitlines() if row.startswith("| `")}
    seen = []
    with h5py.File(tmp_path / "results.h5") as file:
        file.visititems(lambda name, item: seen.append((name, isinstance(item, h5py.Dataset))))
    datasets = {re.sub(r"/\d+$", "/N", name) for name, is_dataset in seen if is_dataset}
    assert datasets and datasets <= named
