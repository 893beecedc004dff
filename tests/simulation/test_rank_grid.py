"""Ranks that share modes, cells or both: the same answers from every grid of ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from pbte.case.case import parse_case
from pbte.core.errors import InputError
from pbte.run import run_case
from pbte.simulation.checks import check_walls_of_parts
from pbte.simulation.problem import build_problem, fairer_share

# Round-off of sums in another sequence, amplified by the slowest mode (see the issue: 1e-10).
SAME = 1e-10

CASE = """\
temperature = 300.0
[material]
file = "Si-5"
scattering = {scattering}
[mesh]
file = "sphere.msh"
builder = {{ shape = "nanoparticle", diameter = 100e-9, size = 45e-9 }}
[source]
sigma = 15e-9
power = 1e-6
[walls.surface]
kind = {wall}
temperature = 300.5
[orders]
max_order = 3
self_scattering = 0.1
[steady]
tolerance = 1e-11
rank = 20
[output]
frequency_bins = 8
[parallel]
space_parts = {parts}
balance = "{balance}"
"""


def results(folder, comm, parts, scattering="'full'", balance="counted"):
    text = CASE.format(parts=parts, scattering=scattering, wall="'isothermal'", balance=balance)
    return run_case(parse_case(text, folder=folder), comm)


def assert_same_numbers(one, other):
    """Compare every field, balance and spectrum; `one` may be a part of space on other ranks."""
    steps = [*zip(one.orders, other.orders, strict=True), (one.steady, other.steady)]
    for a, b in steps:
        for name in ("temperature", "heat_flux", "outgoing_current"):
            x, y = getattr(a, name), getattr(b, name)
            np.testing.assert_allclose(x, y, rtol=0.0, atol=SAME * np.abs(y).max(), err_msg=name)
        for wall, spectrum in b.outgoing_spectrum.items():
            np.testing.assert_allclose(
                a.outgoing_spectrum[wall], spectrum, rtol=0.0, atol=SAME * spectrum.max()
            )
        for mine, whole in zip(a.mode_temperatures, b.mode_temperatures, strict=True):
            np.testing.assert_allclose(mine, whole, rtol=0.0, atol=SAME * np.abs(whole).max())
        assert a.balance.deposited == pytest.approx(b.balance.deposited, rel=1e-12)
        assert a.balance.absorbed["surface"] == pytest.approx(
            b.balance.absorbed["surface"], rel=SAME
        )
    np.testing.assert_array_equal(one.geometry.points, other.geometry.points)
    np.testing.assert_array_equal(one.geometry.facets, other.geometry.facets)
    assert one.num_unknowns == other.num_unknowns
    for mine, whole in zip(one.eigenvalues, other.eigenvalues, strict=True):
        assert mine.dominant == pytest.approx(whole.dominant, abs=SAME)


@pytest.mark.parametrize("scattering", ["'full'", "'rta'"])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_every_grid_of_ranks_gives_the_numbers_of_one(comm, shared_tmp_path, parts, scattering):
    """On n ranks: n x 1 (they share the modes), 1 x n (the cells), and 2 x 2 on four."""
    if comm.size % parts:
        pytest.skip(f"{comm.size} ranks cannot be dealt to {parts} parts")
    alone = results(shared_tmp_path, MPI.COMM_SELF, 1, scattering)
    together = results(shared_tmp_path, comm, parts, scattering)
    if comm.rank == 0:
        assert_same_numbers(together, alone)
    else:
        cells = len(together.geometry.volumes)
        assert together.steady.temperature.shape[0] == cells
        # The first rank of every group that shares the cells puts the parts together.
        assert (cells == len(alone.geometry.volumes)) == (comm.rank % parts == 0)


def test_a_share_by_measured_speed_changes_nothing(comm, shared_tmp_path):
    """Every rank has its say in time, none in the answer."""
    even = results(shared_tmp_path, comm, 1, "'rta'")
    measured = results(shared_tmp_path, comm, 1, "'rta'", "measured")
    assert_same_numbers(measured, even)


def test_modes_that_loop_count_for_many(comm, shared_tmp_path):
    """The first ten pairs are told to loop: the first rank is given fewer of the others."""
    text = CASE.format(parts=1, scattering="'rta'", wall="'isothermal'", balance="counted")
    body = build_problem(parse_case(text, folder=shared_tmp_path), comm).body
    even = fairer_share(body, measured=False)
    assert even is None
    looping = body.mode_partition.indices < 10
    order = replace(body.order, lagged=looping.astype(np.int32))
    fairer = fairer_share(replace(body, order=order), measured=False)
    if comm.size == 1:
        assert fairer is None
    else:
        assert np.diff(fairer.pairs)[0] < np.diff(body.mode_partition.pairs)[0] - 50 / comm.size
        assert fairer.pairs[-1] == body.modes.num_pairs


def test_parts_that_do_not_divide_the_ranks_are_refused(comm, shared_tmp_path):
    with pytest.raises(ValueError, match="space_parts = 7: "):
        results(shared_tmp_path, comm, 7)


def test_periodic_walls_are_refused_in_a_mesh_of_parts():
    text = CASE.format(parts=2, scattering="'rta'", wall="'isothermal'", balance="counted")
    case = parse_case(text + '[walls.top]\nkind = "periodic"\npartner = "bottom"\n')
    check_walls_of_parts(case, 1)
    with pytest.raises(InputError, match=r"walls.top: periodic walls need the whole mesh"):
        check_walls_of_parts(case, 2)


@pytest.mark.serial
def test_two_by_two_ranks(mpirun):
    """By relaxation times: four ranks on fewer cores wait for each other most of the time."""
    here = f"{__file__}::test_every_grid_of_ranks_gives_the_numbers_of_one[2-'rta']"
    done = mpirun(4, "-m", "pytest", "-q", "-p", "no:cacheprovider", here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
