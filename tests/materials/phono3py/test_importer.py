"""The importer from phono3py: what it refuses, and the shipped files made by it."""

from __future__ import annotations

import gzip
import logging
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.expansion import expand_table
from pbte.materials.kernel import check_kernel
from pbte.materials.phono3py import importer as phono3py
from pbte.materials.phono3py.importer import active_modes, default_sigma, from_phono3py, modes_of
from pbte.materials.phono3py.reader import open_phono3py, triplet_of_each_q1
from pbte.materials.phono3py.strain import gruneisen_parameters
from pbte.materials.storage import read_material, shipped_materials, write_material

TERAHERTZ = 2.0 * np.pi * 1e12
FORCE_CONSTANTS = Path(__file__).parents[4] / "shared" / "materials"


@pytest.fixture
def yaml_path(tmp_path: Path) -> Path:
    path = tmp_path / "phono3py_disp.yaml"
    path.write_text("phono3py:\n  version: 4.8.2\n")
    return path


def copy_of(folder: str, target: Path) -> Path:
    """Copy force constants where they may be damaged; return the yaml file."""
    pytest.importorskip("phono3py", reason="phono3py is not installed")
    origin = FORCE_CONSTANTS / folder
    if not origin.is_dir():
        pytest.skip(f"no force constants beside the checkout (shared/materials/{folder})")
    for name in ("fc2.hdf5", "fc3.hdf5"):
        shutil.copyfile(origin / name, target / name)
    packed = next(origin.glob("*.yaml.gz"))
    path = target / packed.stem
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


@pytest.fixture
def silicon(tmp_path: Path) -> Path:
    return copy_of("si_pbesol_phono3py", tmp_path)


@pytest.mark.parametrize("mesh", [0, -3, (5, 5, 0), (5, 5), 2.5])
def test_a_grid_without_points_is_refused(yaml_path, mesh):
    with pytest.raises(InputError, match="expected one positive integer or three"):
        from_phono3py(yaml_path, mesh=mesh)


@pytest.mark.parametrize("what", ["temperature", "sigma"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_or_sigma_that_is_not_positive_is_refused(yaml_path, what, value):
    with pytest.raises(InputError, match=f"{what} = .*must be positive"):
        from_phono3py(yaml_path, mesh=3, **{what: value})


def test_a_missing_yaml_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.yaml: no such file; give the yaml file"):
        from_phono3py(tmp_path / "nowhere.yaml", mesh=3)


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        ("collision_matrix", "right for the conductivity and wrong for temperature"),
        ("kappa", "lifetimes but no scattering matrix"),
        ("something", "this is an HDF5 file; expected the yaml file"),
    ],
)
def test_results_of_phono3py_are_refused_with_the_reason(tmp_path, dataset, reason):
    path = tmp_path / "collision-m555.hdf5"
    with h5py.File(path, "w") as file:
        file[dataset] = [1.0]
    with pytest.raises(InputError, match=reason):
        from_phono3py(path, mesh=3)


def test_a_missing_phono3py_is_one_sentence_with_the_remedy(yaml_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "phono3py", None)
    with pytest.raises(InputError, match=r"not installed .*pip install 'phono3py>=4,<5'"):
        from_phono3py(yaml_path, mesh=3)


@pytest.mark.parametrize("version", ["3.31.1", "5.0.0"])
def test_another_version_of_phono3py_is_refused(yaml_path, monkeypatch, version):
    monkeypatch.setitem(sys.modules, "phono3py", SimpleNamespace(__version__=version))
    with pytest.raises(InputError, match=f"phono3py {version} is installed, expected version 4"):
        from_phono3py(yaml_path, mesh=3)


def test_imaginary_frequencies_are_counted_and_the_first_is_named():
    frequencies = np.full((27, 6), 5.0 * TERAHERTZ)
    frequencies[0, :3] = [-0.01 * TERAHERTZ, 0.0, 0.01 * TERAHERTZ]
    frequencies[4, :2] = -1.5 * TERAHERTZ
    with pytest.raises(
        InputError, match=r"2 of 162 .* imaginary or zero .*q = \(1/3, 1/3, 0/3\), band 1, -1.5 THz"
    ):
        active_modes(frequencies, (3, 3, 3))


def test_only_the_three_translations_are_inactive():
    frequencies = np.full((27, 6), 5.0 * TERAHERTZ)
    frequencies[0, :3] = [-0.01 * TERAHERTZ, 0.0, 0.01 * TERAHERTZ]
    active = active_modes(frequencies, (3, 3, 3))
    assert np.argwhere(~active).tolist() == [[0, 0], [0, 1], [0, 2]]


@pytest.mark.parametrize(("highest", "expected"), [(15.28, 0.20), (8.997, 0.12)])
def test_the_default_sigma_is_that_of_the_shipped_files(highest, expected):
    frequencies = np.array([[1.0, highest]]) * TERAHERTZ
    assert default_sigma(frequencies, (9, 9, 9)) == expected
    assert default_sigma(frequencies, (18, 18, 18)) == pytest.approx(expected / 2, rel=0.03)


def test_every_q1_finds_its_triplet():
    """Two triplets for five q1: 0 stands for 1 by symmetry, 2 for 3 by exchange and for 4."""
    first = np.array([0, 2])
    triplet_map = np.array([0, 0, 2, 2, 2])
    q1_map = np.array([0, 0, 2, 3, 3])
    index, swapped = triplet_of_each_q1(first, triplet_map, q1_map)
    assert index.tolist() == [0, 0, 1, 1, 1]
    assert swapped.tolist() == [False, False, False, True, True]
    with pytest.raises(InputError, match="unknown order"):
        triplet_of_each_q1(np.array([0, 1]), triplet_map, q1_map)


@pytest.mark.phono3py
def test_missing_force_constants_are_named(silicon):
    (silicon.parent / "fc3.hdf5").unlink()
    with pytest.raises(InputError, match=r"no force constants of order 3; put fc3.hdf5 or"):
        from_phono3py(silicon, mesh=3)


@pytest.mark.phono3py
@pytest.mark.parametrize("name", ["yaml", "fc2.hdf5", "fc3.hdf5"])
def test_a_damaged_file_is_one_sentence(silicon, name):
    path = silicon if name == "yaml" else silicon.parent / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="phono3py cannot read it or the force constants") as error:
        from_phono3py(silicon, mesh=3)
    assert "\n" not in str(error.value)


@pytest.mark.phono3py
def test_force_constants_that_are_not_numbers_are_refused(silicon):
    with h5py.File(silicon.parent / "fc2.hdf5", "r+") as file:
        file["force_constants"][0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="force constants of order 2 are not numbers"):
        from_phono3py(silicon, mesh=3)


@pytest.mark.phono3py
def test_an_unstable_crystal_is_refused(silicon):
    with h5py.File(silicon.parent / "fc2.hdf5", "r+") as file:
        file["force_constants"][...] *= -1.0
    with pytest.raises(InputError, match=r"\d+ of 162 frequencies are imaginary or zero"):
        from_phono3py(silicon, mesh=3)


@pytest.mark.phono3py
def test_a_grid_without_the_symmetry_of_the_crystal_is_refused(silicon):
    with pytest.raises(InputError, match="grid 3x3x5 does not have the symmetry of the crystal"):
        from_phono3py(silicon, mesh=(3, 3, 5))


@pytest.mark.phono3py
def test_a_grid_that_does_not_fit_the_memory_is_refused_before_the_work(silicon):
    with pytest.raises(InputError, match=r"48000000 modes takes .* GB and this machine has"):
        from_phono3py(silicon, mesh=200)


@pytest.mark.phono3py
def test_modes_that_nothing_scatters_are_refused(silicon):
    with pytest.raises(InputError, match="no scattering process with sigma = 1e-06 THz"):
        from_phono3py(silicon, mesh=3, sigma=1e-6, isotopes=False)


@pytest.mark.phono3py
def test_an_even_grid_is_allowed_with_a_warning_and_an_odd_one_has_none(silicon, caplog):
    caplog.set_level(logging.INFO, "pbte")
    even = from_phono3py(silicon, mesh=2)
    assert "prefer odd numbers" in even.warnings[0]
    assert [record.done for record in caplog.records] == [1 / 3, 2 / 3, 1.0]
    odd = from_phono3py(silicon, mesh=(3, 3, 3))
    assert odd.warnings == ()
    assert odd.table.name == "Si"


@pytest.mark.phono3py
def test_a_crystal_without_inversion_keeps_the_laws_by_time_reversal(silicon):
    """Zincblende: every second atom of silicon made germanium; q and -q still belong together."""

    def replace(atom: re.Match[str]) -> str:
        first = all(float(x) % 0.5 > 0.25 for x in atom[2].split(","))
        symbol, mass = ("Si", 28.0855) if first else ("Ge", 72.63)
        return f"symbol: {symbol}{atom[1]}[{atom[2]}]\n    mass: {mass}"

    atom = r"symbol: Si( # \d+\n    coordinates: )\[(.*)\]\n    mass: [\d.]+"
    silicon.write_text(re.sub(atom, replace, silicon.read_text()))
    made = from_phono3py(silicon, mesh=3)
    assert made.table.crystal.symbols == ("Si", "Ge")
    kernel = expand_table(made.table)
    assert check_kernel(kernel).is_sound
    conductivity = bulk_conductivity(kernel)
    np.testing.assert_allclose(conductivity, np.eye(3) * conductivity[0, 0], atol=1e-12)


@pytest.mark.phono3py
@pytest.mark.parametrize(
    ("name", "folder", "sigma"),
    [("Si-5", "si_pbesol_phono3py", 0.4), ("Ge-5", "ge_lda_kaldo_almabte", 0.24)],
)
def test_the_shipped_files_are_made_by_the_importer(tmp_path, name, folder, sigma):
    made = from_phono3py(copy_of(folder, tmp_path), mesh=5, sigma=sigma, name=name[:2])
    path = tmp_path / "made.h5"
    write_material(path, made.table, source="test", details=made.details)
    with h5py.File(path) as new, h5py.File(shipped_materials()[name]) as old:
        for dataset in ("modes/frequency", "modes/group_velocity", "scattering/A_sym_ir"):
            # Single precision; another LAPACK rotates degenerate eigenvectors, which the averages
            # over degenerate modes undo.
            scale = np.abs(old[dataset]).max()
            np.testing.assert_allclose(new[dataset], old[dataset], rtol=0.0, atol=1e-6 * scale)
        for dataset in ("modes/gruneisen", "crystal/elastic_constants"):
            scale = np.abs(old[dataset]).max()
            np.testing.assert_allclose(new[dataset], old[dataset], rtol=0.0, atol=1e-8 * scale)
        assert new.attrs["smearing"] == old.attrs["smearing"] == f"gaussian {sigma:g} THz"
    np.testing.assert_allclose(
        read_material(path).stored_conductivity,
        read_material(name).stored_conductivity,
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.phono3py
def test_grueneisen_parameters_are_those_of_phono3py(tmp_path):
    """Its own class, with relaxed atoms, for germanium, whose two supercells are the same."""
    yaml = copy_of("ge_lda_kaldo_almabte", tmp_path)
    from phono3py.phonon3.gruneisen import Gruneisen

    grid = open_phono3py(yaml, (3, 3, 3))
    active = active_modes(grid.frequencies, (3, 3, 3))
    ours = gruneisen_parameters(grid, active, modes_of(grid, 300.0, active).degeneracy)
    handle = grid.handle
    theirs = Gruneisen(handle.fc2, handle.fc3, handle.supercell, handle.primitive)
    points = [1, 4]  # along an axis of symmetry, where two bands are one, and in a plane
    theirs.set_qpoints(grid.symmetry.addresses[points] / 3.0)
    theirs.run()
    traces = np.trace(theirs.gruneisen_parameters, axis1=2, axis2=3) / 3.0
    # theirs keeps the asymmetry of the force constants, 1e-6
    np.testing.assert_allclose(ours[points], traces, rtol=1e-5)


@pytest.mark.phono3py
def test_a_crystal_that_gives_way_to_strain_is_imported_without_elastic_constants(
    silicon, monkeypatch
):
    monkeypatch.setattr(phono3py, "elastic_constants", lambda grid: -np.eye(6))
    made = from_phono3py(silicon, mesh=3)
    assert made.table.crystal.elastic_constants is None
    assert "no acoustic mismatch model" in made.warnings[0]
