"""The crystals of a case: three kinds through one door, and what is refused."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from pydantic import ValidationError

from pbte.case.errors import explain
from pbte.case.materials import (
    AnyMaterial,
    FileMaterial,
    GrayMaterial,
    material_from_choice,
)
from pbte.case.record import Record, toml_text
from pbte.core.errors import InputError
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.kernel import FullKernel, check_kernel

GRAY = """kind = "gray"
speed = 5000.0
relaxation_time = 1e-11
heat_capacity = 1.6e6
"""
BANDS = 'kind = "bands"\ntable = "Si-bands"\n'


class Crystal(Record):
    """A case that is nothing but a material."""

    material: AnyMaterial


def choice_of(text):
    return Crystal.model_validate({"material": tomllib.loads(text)}).material


def material_of(text, **more):
    return material_from_choice(choice_of(text), temperature=300.0, **more)


def refusal(text):
    with pytest.raises(ValidationError) as caught:
        choice_of(text)
    return explain(caught.value, Crystal)


def test_a_table_without_a_kind_names_a_file():
    choice = choice_of('file = "Si-5"')
    assert isinstance(choice, FileMaterial)
    material = material_from_choice(choice)
    assert isinstance(material.kernel, FullKernel)


@pytest.mark.parametrize(("scattering", "rank"), [('"rta"', 1), ("20", 20)])
def test_a_file_is_read_with_the_scattering_asked_for(scattering, rank):
    material = material_of(f'file = "Si-5"\nscattering = {scattering}')
    assert 1 <= material.kernel.rank <= rank


def test_a_file_with_callaways_collisions_keeps_its_loss_rates():
    material = material_of('file = "Si-5"\nscattering = "callaway"\nnormal_share = 0.4')
    plain = material_of('file = "Si-5"\nscattering = "rta"')
    assert material.kernel.rank == 4
    assert check_kernel(material.kernel).is_sound
    np.testing.assert_allclose(material.modes.loss_rates, plain.modes.loss_rates, rtol=1e-14)
    assert bulk_conductivity(material.kernel)[0, 0] > rta_conductivity(plain.modes)[0, 0]


def test_a_gray_crystal_takes_its_numbers_and_the_temperature_of_the_case():
    material = material_of(GRAY)
    assert material.modes.num_modes == 64
    assert material.modes.temperature == 300.0
    np.testing.assert_allclose(material.modes.mean_free_paths, 5e-8)
    with pytest.raises(InputError, match="no temperature of its own"):
        material_from_choice(choice_of(GRAY))


@pytest.mark.parametrize(
    ("directions", "number"),
    [
        ("polar = 16", 128),
        ('family = "product"\npolar = 4\nazimuthal = 4\naxis = "x"', 16),
        ('family = "half-range"\npolar = 16\nazimuthal = 4', 64),
        ('family = "line"', 32),
        ('family = "plane"', 56),
        ('family = "lebedev"\ndegree = 7', 26),
    ],
)
def test_directions_are_those_of_the_family(directions, number):
    text = f"{GRAY}[directions]\n{directions}"
    assert material_of(text).modes.num_modes == number
    assert material_of(f"{BANDS}[directions]\n{directions}").modes.num_modes == 15 * number


def test_bands_are_those_of_the_table(tmp_path):
    material = material_of(BANDS)
    assert (material.name, material.modes.num_modes) == ("Si-bands", 960)
    (tmp_path / "mine.csv").write_text(
        "speed [m/s], relaxation_time [s], heat_capacity [J/m^3 K]\n5000, 1e-11, 1e6\n"
    )
    mine = material_of('kind = "bands"\ntable = "mine.csv"', folder=tmp_path)
    assert (mine.name, mine.modes.temperature) == ("mine", 300.0)


def test_callaway_takes_the_normal_times_of_the_table_or_a_share(tmp_path):
    head = "speed [m/s], relaxation_time [s], heat_capacity [J/m^3 K]"
    (tmp_path / "plain.csv").write_text(f"{head}\n5000, 1e-11, 1e6\n3000, 2e-11, 1e6\n")
    (tmp_path / "with.csv").write_text(
        f"{head}, normal_time [s]\n5000, 1e-11, 1e6, 2e-11\n3000, 2e-11, 1e6, 4e-11\n"
    )
    start = 'kind = "bands"\nscattering = "callaway"\n'
    half = material_of(f'{start}table = "plain.csv"\nnormal_share = 0.5', folder=tmp_path)
    same = material_of(f'{start}table = "with.csv"', folder=tmp_path)
    np.testing.assert_allclose(
        bulk_conductivity(half.kernel), bulk_conductivity(same.kernel), atol=1e-9
    )
    with pytest.raises(InputError, match="has no column normal_time"):
        material_of(f'{start}table = "plain.csv"', folder=tmp_path)
    with pytest.raises(InputError, match="has a column normal_time; give either"):
        material_of(f'{start}table = "with.csv"\nnormal_share = 0.5', folder=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'file = "Si-9"',
        GRAY + '[directions]\nfamily = "lebedev"',
        BANDS + 'scattering = "callaway"\nnormal_share = 0.25\n[directions]\nfamily = "plane"',
    ],
)
def test_a_choice_written_out_reads_back_equal(text):
    choice = Crystal.model_validate({"material": tomllib.loads(text)})
    assert Crystal.model_validate(tomllib.loads(toml_text(choice))) == choice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "glass"', "material.kind = 'glass': must be 'file', 'gray' or 'bands'"),
        (GRAY.replace("5000.0", "-1.0"), "material.speed = -1.0: must be greater than 0"),
        (GRAY.replace("speed", "sped"), "material.sped: unknown key; did you mean 'speed'?"),
        (GRAY + "[directions]\npolar = 1", "material.directions: polar = 1; at least 2"),
        (
            GRAY + '[directions]\nfamily = "product"\nazimuthal = 5',
            "material.directions: azimuthal = 5; an even number",
        ),
        (
            GRAY + '[directions]\nfamily = "fine"',
            "material.directions.family = 'fine': must be 'product', 'half-range', 'line', 'plane'",
        ),
        (
            GRAY + '[directions]\nfamily = "line"\nazimuthal = 4',
            "material.directions.azimuthal: unknown key",
        ),
        ('file = "Si-5"\nnormal_share = 0.5', "normal_share = 0.5: only for scattering ="),
        (GRAY + 'scattering = "callaway"', "normal_share is missing"),
        (GRAY + 'scattering = "full"', "material.scattering = 'full': must be 'rta' or 'callaway'"),
        (BANDS + "normal_share = 1.5", "material.normal_share = 1.5"),
    ],
)
def test_a_wrong_choice_is_refused_with_key_and_value(text, message):
    assert message in refusal(text)


def test_choices_can_be_made_in_python():
    gray = GrayMaterial(kind="gray", speed=1.0, relaxation_time=1.0, heat_capacity=1.0)
    assert gray.directions.family == "product"
