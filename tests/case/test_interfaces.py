"""The laws of interfaces that a case may name: records, what they build, what is refused."""

from __future__ import annotations

import dataclasses
import pickle
import tomllib

import numpy as np
import pytest
from pydantic import ValidationError

from pbte.case.errors import explain
from pbte.case.interfaces import CHOICES, AnyInterface, interface_model
from pbte.case.record import toml_text
from pbte.core.errors import InputError
from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.base import check_flux_matrix
from pbte.interfaces.dmm import DiffuseMismatch, SmoothMismatch
from pbte.interfaces.landauer import interface_conductance
from pbte.interfaces.mediator import MediatorInterface
from pbte.interfaces.mixed import MixedMismatch
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.smm import StrainMismatch, strain_mismatch
from pbte.interfaces.table import TransmissionTable
from pbte.materials.storage import read_material
from pbte.reference.mediator.currents import conductance as mediator_conductance
from pbte.reference.mediator.mediator import Mediator

X = np.array([1.0, 0.0, 0.0])
MEDIATOR = 'kind = "mediator"\ndensity = 1e17\nfrequency = 5e12\ndamping = 3e11\n'
TABLE = "frequency [THz], transmission\n0, 0.2\n30, 0.2\n"


def choice_of(text):
    return AnyInterface.model_validate({"model": tomllib.loads(text)}).model


def refusal(text):
    with pytest.raises(ValidationError) as caught:
        choice_of(text)
    return explain(caught.value, AnyInterface)


@pytest.fixture(scope="module")
def pair():
    return tuple(read_material(name, scattering="rta") for name in ("Si-5", "Ge-5"))


def conductance(model, pair):
    first, second = (side.modes for side in pair)
    matrix = model.flux_matrix(first, second, X)
    assert check_flux_matrix(matrix).is_sound
    return interface_conductance(matrix, first.num_modes).conductance


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ('kind = "perfect"', PerfectInterface()),
        ('kind = "dmm"', DiffuseMismatch()),
        ('kind = "dmm"\nelastic = false\nbins = 7', DiffuseMismatch(elastic=False, bins=7)),
        ('kind = "smooth-dmm"', SmoothMismatch()),
        ('kind = "amm"', AcousticMismatch()),
        ('kind = "mixed"\nroughness = 2e-10', MixedMismatch(roughness=2e-10)),
        (
            'kind = "mixed"\nroughness = 0.0\nwaves = "isotropic"\nbins = 9',
            MixedMismatch(roughness=0.0, sound=AcousticMismatch(waves="isotropic", bins=9)),
        ),
        (
            'kind = "amm"\nwaves = "scalar"\nbeyond_sound = "diffuse"\nangle = 0.2',
            AcousticMismatch(waves="scalar", beyond_sound="diffuse", angle=0.2),
        ),
    ],
)
def test_a_record_builds_its_law_with_the_same_defaults(text, model):
    assert interface_model(choice_of(text)) == model


def test_every_kind_is_written_as_toml_and_read_back():
    least = {
        "table": 'file = "t.csv"',
        "mediator": MEDIATOR.split("\n", 1)[1],
        "mixed": "roughness = 1e-10",
    }
    for kind in CHOICES:
        choice = choice_of(f'kind = "{kind}"\n{least.get(kind, "")}')
        assert type(choice) is CHOICES[kind]
        assert choice_of(toml_text(choice)) == choice


def test_strain_mismatch_takes_polarisations_and_strain_from_the_materials(pair):
    choice = choice_of('kind = "smm"\nlattice_parameters = [5.4e-10, 5.7e-10]\nwidth = 1e12')
    model = interface_model(choice, materials=pair)
    expected = strain_mismatch(*pair, lattice_parameters=(5.4e-10, 5.7e-10), width=2e12 * np.pi)
    assert isinstance(model, StrainMismatch) and model.misfit == expected.misfit
    first, second = (side.modes for side in pair)
    matrices = [each.flux_matrix(first, second, X) for each in (model, expected)]
    theta = np.random.default_rng(1).normal(size=matrices[0].num_modes)
    np.testing.assert_array_equal(matrices[0].apply(theta), matrices[1].apply(theta))
    assert conductance(model, pair) > 0.0


def test_strain_mismatch_without_polarisations_is_refused(pair):
    choice = choice_of('kind = "smm"')
    with pytest.raises(InputError, match="needs the two materials"):
        interface_model(choice)
    bare = dataclasses.replace(pair[1], polarisation=None)
    with pytest.raises(InputError, match=r"Ge: .* needs the polarisation .* with eigenvectors"):
        interface_model(choice, materials=(pair[0], bare))


def test_widths_are_ordinary_frequencies():
    model = interface_model(choice_of('kind = "smooth-dmm"\nwidth = 0.3e12'))
    assert isinstance(model, SmoothMismatch)
    assert model.width == pytest.approx(0.6e12 * np.pi, rel=1e-15)


def test_a_table_is_looked_for_beside_the_case(tmp_path, pair):
    (tmp_path / "t.csv").write_text(TABLE)
    choice = choice_of('kind = "table"\nfile = "t.csv"\nexcess = "reduce"\nreflection = "specular"')
    model = interface_model(choice, folder=tmp_path)
    assert isinstance(model, TransmissionTable)
    assert (model.excess, model.reflection, model.bins) == ("reduce", "specular", "auto")
    assert conductance(model, pair) > 0.0
    with pytest.raises(InputError, match=r"elsewhere/t.csv: no such transmission table"):
        interface_model(choice, folder=tmp_path / "elsewhere")


def test_mediators_conduct_as_the_quantum_oscillator_does(pair):
    """Frequencies of the record are ordinary ones, its damping a rate.

    The Lorentzian has a few per cent above 9 THz, where germanium has no modes.
    """
    model = interface_model(choice_of(MEDIATOR + "cutoff = 20e12\n"))
    assert isinstance(model, MediatorInterface)
    oscillator = Mediator(frequency=1e13 * np.pi, damping=3e11, cutoff=4e13 * np.pi)
    one = float(mediator_conductance(oscillator, 300.0))
    assert conductance(model, pair) == pytest.approx(1e17 * one, rel=0.03)
    uneven = interface_model(choice_of(MEDIATOR + "cutoff = 20e12\nfirst_share = 0.1\n"))
    ratio = conductance(uneven, pair) / conductance(model, pair)
    assert ratio == pytest.approx(4.0 * 0.1 * 0.9, rel=1e-9)


def test_laws_can_be_sent_to_other_ranks(pair):
    for text in ('kind = "dmm"', MEDIATOR):
        model = interface_model(choice_of(text))
        copy = pickle.loads(pickle.dumps(model))
        assert conductance(copy, pair) == conductance(model, pair)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "dm"', "model.kind = 'dm': must be 'perfect', 'dmm',"),
        ('kind = "dm"', "did you mean 'dmm'?"),
        ("bins = 3", "model: kind is missing"),
        ('kind = "dmm"\nbin = 3', "model.bin: unknown key; did you mean 'bins'?"),
        ('kind = "dmm"\nbins = 0', "model.bins = 0: must be 'auto' or a number of bins"),
        ('kind = "dmm"\nelastic = 1', "model.elastic = 1: must be true or false"),
        ('kind = "smooth-dmm"\nwidth = 0.0', "model.width = 0.0: must be greater than 0"),
        ('kind = "amm"\nwaves = "scaler"', "did you mean 'scalar'?"),
        ('kind = "mixed"', "model.roughness: missing (Height eta of the interface"),
        ('kind = "smm"\nmethod = "heitler"', "model.method = 'heitler': must be 'cap', "),
        ('kind = "smm"\npoisson = [0.2]', "model.poisson = [0.2]: "),
        ('kind = "table"', "model.file: missing (Path of the table"),
        (MEDIATOR.replace("density = 1e17\n", ""), "model.density: missing (Mediators per area"),
        (MEDIATOR + "first_share = 1.5", "model.first_share = 1.5: "),
    ],
)
def test_what_makes_no_sense_is_refused(text, message):
    assert message in refusal(text)
