"""Material files: what is written is read back, and everything else is refused in a sentence."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from pbte.core.constants import ATOMIC_MASS
from pbte.core.errors import InputError, RunError
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.expansion import ZoneTable, expand_table
from pbte.materials.kernel import FactoredKernel, FullKernel, full_matrix
from pbte.materials.material_file import read_file
from pbte.materials.storage import read_material, shipped_materials, write_material


@pytest.fixture(scope="module")
def table() -> ZoneTable:
    return read_file(shipped_materials()["Si-5"]).table


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copy(shipped_materials()["Si-5"], tmp_path / "copy.h5"))


def test_four_materials_are_shipped_with_credit_and_below_eight_megabytes():
    shipped = shipped_materials()
    assert {"Si-5", "Si-9", "Ge-5", "Ge-9"} <= set(shipped)
    assert sum(path.stat().st_size for path in shipped.values()) < 8e6
    for name, path in shipped.items():
        content = read_file(path)
        assert content.texts["source"], name
        assert content.texts["attribution"], name
        assert content.table.temperature == 300.0
    folder = shipped["Si-5"].parent
    credit = (folder / "ATTRIBUTION.md").read_text()
    for licence in ("LICENSE.phono3py", "LICENSE.kaldo", "LICENSE.almaBTE", "NOTICE.almaBTE"):
        assert licence in credit
        assert (folder / licence).stat().st_size > 0


def test_a_shipped_material_is_found_by_name_in_any_case():
    material = read_material("si-5")
    assert material.path == shipped_materials()["Si-5"]
    assert material.modes.temperature == 300.0
    assert material.modes.crystal.symbols == ("Si", "Si")
    assert material.modes.crystal.mesh == (5, 5, 5)


def test_the_units_of_the_file_become_si():
    """Silicon: 28.0855 amu, lattice parameter 5.434 angstrom, optical phonon at 15.3 THz."""
    modes = read_material("Si-5").modes
    assert modes.crystal.masses[0] == pytest.approx(28.0855 * ATOMIC_MASS)
    assert modes.crystal.cell_volume == pytest.approx((5.43356e-10) ** 3 / 4.0, rel=1e-4)
    assert modes.frequencies.max() == pytest.approx(2.0 * np.pi * 15.28e12, rel=2e-3)
    assert 1e3 < np.linalg.norm(modes.velocities, axis=1).max() < 1e4
    assert 1e-13 < 1.0 / modes.loss_rates.max() < 1.0 / modes.loss_rates.min() < 1e-9


def test_scattering_can_be_full_relaxation_times_or_a_rank():
    full = read_material("Si-5").kernel
    relaxation = read_material("Si-5", scattering="rta").kernel
    ranked = read_material("Si-5", scattering=40).kernel
    assert isinstance(full, FullKernel)
    assert isinstance(relaxation, FactoredKernel)
    assert isinstance(ranked, FactoredKernel)
    assert relaxation.rank == 1
    assert 30 < ranked.rank <= 40
    for kernel in (relaxation, ranked):
        np.testing.assert_array_equal(kernel.modes.loss_rates, full.modes.loss_rates)
    with pytest.raises(InputError, match=r"expected 'full', 'rta' or the rank"):
        read_material("Si-5", scattering="fulll")
    with pytest.raises(InputError, match="rank = 748"):
        read_material("Si-5", scattering=748)


def test_what_is_written_is_read_back(table, tmp_path):
    """Single precision was spent when the table was first written: nothing more is lost."""
    path = tmp_path / "again.h5"
    details = {"smearing": "gaussian 0.4 THz", "generator": "a test"}
    write_material(path, table, source="here", attribution="them", details=details)
    first, again = read_material("Si-5"), read_material(path)
    assert (again.source, again.attribution) == ("here", "them")
    assert again.details["smearing"] == "gaussian 0.4 THz"
    assert again.details["generator"] == "a test"
    for name in ("frequencies", "velocities", "loss_rates", "heat_capacities", "wave_vectors"):
        np.testing.assert_allclose(
            getattr(again.modes, name), getattr(first.modes, name), rtol=1e-12, err_msg=name
        )
    scale = np.abs(first.kernel.even).max()
    np.testing.assert_allclose(again.kernel.even, first.kernel.even, atol=1e-7 * scale)
    np.testing.assert_allclose(
        again.stored_conductivity, bulk_conductivity(again.kernel), rtol=1e-12, atol=1e-10
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["again.h5"]
    extras = read_file(path).table.extras
    assert set(extras) == set(table.extras)
    for name, (values, unit) in table.extras.items():
        np.testing.assert_array_equal(extras[name][0], values)
        assert extras[name][1] == unit


def test_every_dataset_has_a_unit(table, tmp_path):
    write_material(tmp_path / "units.h5", table, source="here")
    found = []

    def look(name, item):
        if isinstance(item, h5py.Dataset):
            found.append(name)
            assert "unit" in item.attrs, name

    with h5py.File(tmp_path / "units.h5") as file:
        file.visititems(look)
    assert len(found) > 12


def test_a_file_of_loss_rates_is_a_relaxation_time_material(table, tmp_path):
    rates = np.where(table.active, 1e11 * (1.0 + np.arange(6)), 0.0)
    rates_only = dataclasses.replace(table, matrix_rows=None, loss_rates=rates)
    write_material(tmp_path / "rta.h5", rates_only, source="here")
    material = read_material(tmp_path / "rta.h5", scattering="stored")
    assert isinstance(material.kernel, FactoredKernel)
    np.testing.assert_allclose(
        material.modes.loss_rates, 1e11 * (1.0 + material.modes.bands), rtol=1e-14
    )
    np.testing.assert_allclose(
        material.stored_conductivity, rta_conductivity(material.modes), atol=1e-9
    )
    with pytest.raises(InputError, match="no scattering matrix; use scattering = 'rta'"):
        read_material(tmp_path / "rta.h5")


def test_expansion_needs_a_matrix_or_loss_rates(table):
    with pytest.raises(InputError, match="neither a scattering matrix nor loss rates"):
        expand_table(dataclasses.replace(table, matrix_rows=None))


def test_the_matrix_does_not_depend_on_which_wave_vector_stands_for_its_star(table):
    """Rows moved to another member of each star, and the operations reordered: the same kernel."""
    num_points, num_bands = table.frequencies.shape
    operation = table.permutations[17]
    inverse = np.argsort(operation)
    rows = table.matrix_rows.reshape(-1, num_bands, num_points, num_bands)[:, :, inverse, :]
    moved = dataclasses.replace(
        table,
        irreducible=operation[table.irreducible],
        matrix_rows=rows.reshape(table.matrix_rows.shape),
        permutations=table.permutations[::-1].copy(),
        crystal=dataclasses.replace(table.crystal, rotations=table.crystal.rotations[::-1].copy()),
    )
    expected, found = expand_table(table), expand_table(moved)
    scale = np.abs(expected.even).max()
    np.testing.assert_allclose(found.even, expected.even, atol=1e-13 * scale)
    np.testing.assert_allclose(found.odd, expected.odd, atol=1e-13 * scale)


def test_rounding_in_the_rows_does_not_break_the_point_group(table):
    """Rows with noise of 1e-6: the kernel keeps the group of its crystal to round-off."""
    noise = np.random.default_rng(4).standard_normal(table.matrix_rows.shape)
    noisy = dataclasses.replace(table, matrix_rows=table.matrix_rows * (1.0 + 1e-6 * noise))
    kernel = expand_table(noisy)
    modes, num_bands = kernel.modes, table.frequencies.shape[1]
    scale = np.sqrt(modes.heat_capacities)
    matrix = scale[:, None] * full_matrix(kernel) / scale
    position = np.full(table.frequencies.size, -1)
    position[modes.grid_points * num_bands + modes.bands] = np.arange(modes.num_modes)
    for permutation in table.permutations[::5]:
        image = position[permutation[modes.grid_points] * num_bands + modes.bands]
        difference = matrix[np.ix_(image, image)] - matrix
        assert np.abs(difference).max() < 1e-13 * np.abs(matrix).max()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown material 'Sl-9'; did you mean 'Si-9'\? Shipped"):
        read_material("Sl-9")
    with pytest.raises(InputError, match="unknown material 'unobtainium'"):
        read_material("unobtainium")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such material file"):
        read_material(tmp_path / "absent.h5")
    with pytest.raises(InputError, match="not a file"):
        read_material(tmp_path)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path):
    path = tmp_path / "text.h5"
    path.write_text("frequencies: 1 2 3\n")
    with pytest.raises(InputError, match="not an HDF5 file"):
        read_material(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(copy, share):
    image = copy.read_bytes()
    copy.write_bytes(image[: int(share * len(image))])
    with pytest.raises(InputError, match=r"copy\.h5: .*(damaged|not an HDF5)"):
        read_material(copy)


def test_a_file_damaged_in_its_middle_is_refused(copy):
    """The compressed rows of the matrix carry checksums."""
    with h5py.File(copy) as file:
        chunk = file["scattering/A_sym_ir"].id.get_chunk_info(0)
    image = bytearray(copy.read_bytes())
    middle = chunk.byte_offset + chunk.size // 2
    image[middle : middle + 64] = bytes(64)
    copy.write_bytes(image)
    with pytest.raises(InputError, match=r"copy\.h5: the file is damaged or incomplete"):
        read_material(copy)


@pytest.mark.parametrize(
    "name",
    [
        "crystal/lattice",
        "crystal/symbols",
        "grid/permutation",
        "grid/ir_index",
        "modes/frequency",
        "modes/group_velocity",
        "scattering/A_sym_ir",
    ],
)
def test_a_missing_dataset_is_named(copy, name):
    with h5py.File(copy, "r+") as file:
        del file[name]
    with pytest.raises(InputError, match=f"copy.h5: dataset '{name}' is missing"):
        read_material(copy)


def test_another_format_or_version_or_unit_is_refused(copy):
    with h5py.File(copy, "r+") as file:
        file["modes/frequency"].attrs["unit"] = "cm^-1"
    with pytest.raises(InputError, match=r"'modes/frequency' has unit 'cm\^-1', expected 'THz'"):
        read_material(copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["version"] = 99
    with pytest.raises(InputError, match="version 99, this program reads version 1"):
        read_material(copy)
    with h5py.File(copy, "r+") as file:
        del file.attrs["format"]
    with pytest.raises(InputError, match="not a pbte material"):
        read_material(copy)


def test_negative_frequencies_are_counted_and_the_first_is_named(copy):
    with h5py.File(copy, "r+") as file:
        frequencies = file["modes/frequency"][()]
        frequencies[2, :3] = [-0.5, -0.5, -0.1]
        file["modes/frequency"][...] = frequencies
    message = r"copy\.h5: Si: 3 of 747 frequencies are negative \(first: mode 12, -3.14e\+12 rad/s"
    with pytest.raises(InputError, match=message):
        read_material(copy)


def test_unequal_velocities_of_partners_are_refused(copy):
    with h5py.File(copy, "r+") as file:
        velocities = file["modes/group_velocity"][()]
        velocities[2, 0] *= 1.001
        file["modes/group_velocity"][...] = velocities
    with pytest.raises(InputError, match="velocity at q and -q differ"):
        read_material(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {"irreducible": t.irreducible[:-1]}, "matrix_rows has shape"),
        (lambda t: {"velocities": t.velocities * np.nan}, "velocities has values that are not"),
        (lambda t: {"permutations": t.permutations * 0}, "not a permutation of the grid"),
        (lambda t: {"grid_points": t.grid_points[:-1]}, "grid_points has shape"),
        (lambda t: {"irreducible": np.zeros_like(t.irreducible)}, "in the star of no irreducible"),
        (lambda t: {"irreducible": t.irreducible + 200}, "is not on the grid"),
    ],
)
def test_a_table_that_does_not_fit_together_is_refused(table, change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(table, **change(table))


def test_a_point_group_without_inversion_is_refused(table):
    proper = np.linalg.det(table.crystal.rotations) > 0.0
    chiral = dataclasses.replace(
        table,
        crystal=dataclasses.replace(table.crystal, rotations=table.crystal.rotations[proper]),
        permutations=table.permutations[proper],
    )
    with pytest.raises(InputError, match="no inversion among the 24 symmetry operations"):
        expand_table(chiral)


def test_rows_in_the_wrong_order_are_refused(table):
    shuffled = dataclasses.replace(table, matrix_rows=table.matrix_rows[::-1].copy())
    with pytest.raises(InputError, match=r"not symmetric|does not conserve energy"):
        expand_table(shuffled)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(table, copy, monkeypatch):
    before = copy.read_bytes()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"copy\.h5: .*cannot be written \(No space left on device"):
        write_material(copy, table, source="here")
    assert copy.read_bytes() == before
    assert list(copy.parent.iterdir()) == [copy]


def test_a_folder_that_does_not_exist_cannot_be_written_to(table, tmp_path):
    with pytest.raises(RunError, match="cannot be written"):
        write_material(tmp_path / "absent" / "file.h5", table, source="here")


def test_an_active_mode_without_an_active_partner_is_refused(table):
    active = table.active.copy()
    active[1, 0] = False
    with pytest.raises(InputError, match="a mode is active and its partner at -q is not"):
        expand_table(dataclasses.replace(table, active=active))


def test_modes_can_be_dropped_and_the_rest_still_conserves_energy(table):
    """Relaxation times; a matrix with modes cut out would leak and is refused."""
    active = table.active.copy()
    active[:, 5] = False
    rates = np.full(active.shape, 1e11)
    kept = dataclasses.replace(table, active=active, matrix_rows=None, loss_rates=rates)
    kernel = expand_table(kept)
    assert kernel.modes.num_modes == 5 * 125 - 3
    matrix = full_matrix(kernel)
    np.testing.assert_allclose(matrix.sum(axis=1), kernel.modes.loss_rates, rtol=1e-12)
