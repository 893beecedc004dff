"""Bodies in several pieces: refused where heat has no way out, or where they only seem joined."""

from __future__ import annotations

import gmsh
import pytest
from mpi4py import MPI

from pbte.case.case import parse_case
from pbte.core.errors import InputError, RunError
from pbte.run import run_case
from pbte.simulation import inputs

NM = 1e-9
CASE = """
temperature = 300.0
[mesh]
file = "{file}.msh"
scale = 1e-9
[material]
kind = "gray"
speed = 5000.0
relaxation_time = 4e-12
heat_capacity = 2e6
directions = {{ polar = 2, azimuthal = 4 }}
[orders]
max_order = 0
"""
LEFT = '[walls.left]\nkind = "isothermal"\ntemperature = 300.5\n'
RIGHT = '[walls.right]\nkind = "isothermal"\ntemperature = 300.0\n'
SIDES = '[walls.sides]\nkind = "diffuse"\n'
CLOSED = '[walls.right]\nkind = "diffuse"\n'
HEATED = '[source]\nkind = "uniform"\npower = 1e-3\n'


def two_squares(path, gap):
    """Write two squares of 40, each meshed by itself, with a gap between them [nm]."""
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        for x in (0.0, 40.0 + gap):
            gmsh.model.occ.addRectangle(x, 0.0, 0.0, 40.0, 40.0)
        gmsh.model.occ.synchronize()
        for surface, name in ((1, "one"), (2, "two")):
            gmsh.model.addPhysicalGroup(2, [surface], surface, name)
        lines = [tag for _, tag in gmsh.model.getEntities(1)]
        ends = {}
        for line in lines:
            x = gmsh.model.occ.getCenterOfMass(1, line)[0]
            ends.setdefault(
                "left" if x < 1.0 else "right" if x > 79.0 + gap else "sides", []
            ).append(line)
        for tag, (name, own) in enumerate(ends.items(), start=10):
            gmsh.model.addPhysicalGroup(1, own, tag, name)
        gmsh.option.setNumber("Mesh.MeshSizeMax", 16.0)
        gmsh.model.mesh.generate(2)
        gmsh.write(str(path))
    finally:
        gmsh.finalize()


@pytest.fixture(scope="module")
def pieces(folder):
    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        two_squares(folder / "apart.msh", 10.0)
        two_squares(folder / "touching.msh", 0.0)
    comm.barrier()
    return folder


def run(pieces, text, file="apart"):
    return run_case(parse_case(CASE.format(file=file) + text, folder=pieces), MPI.COMM_WORLD)


@pytest.mark.parametrize("walls", [LEFT + RIGHT, LEFT + CLOSED + HEATED])
def test_pieces_that_touch_without_being_joined_are_refused(pieces, walls):
    with pytest.raises(InputError, match=r"not joined.*wall 'sides'.*mesh convert") as caught:
        run(pieces, walls + SIDES, "touching")
    assert "\n" not in str(caught.value)


def test_a_heated_piece_without_isothermal_wall_has_no_steady_state(pieces):
    with pytest.raises(
        InputError, match=r"around \(7.*touches no isothermal wall and it is heated"
    ):
        run(pieces, LEFT + CLOSED + SIDES + HEATED)


def test_a_piece_that_nothing_holds_has_any_temperature(pieces):
    with pytest.raises(InputError, match="defined up to a constant only"):
        run(pieces, LEFT + CLOSED + SIDES)


def test_a_heated_body_without_isothermal_wall_has_no_steady_state(pieces):
    closed = LEFT.replace("isothermal", "diffuse").replace("temperature = 300.5\n", "")
    with pytest.raises(InputError, match="touches no isothermal wall and it is heated"):
        run(pieces, closed + CLOSED + SIDES + HEATED)


def test_without_a_steady_state_nothing_is_refused(pieces):
    """Orders and transient exist; the heat is stored, but for what left through the cold wall."""
    results = run(
        pieces,
        LEFT.replace("300.5", "300.0") + CLOSED + SIDES + HEATED + "[steady]\nenabled = false\n"
        "[transient]\nend = 4e-12\nstep = 2e-12\n",
    )
    assert results.transient.energies[-1] == pytest.approx(1e-3 * 4e-12, rel=0.2)


def test_pieces_with_their_own_baths_are_solved_and_told(pieces):
    """Each piece has the temperature of its wall, to round-off; a note says that they are two."""
    results = run(pieces, LEFT + RIGHT + SIDES)
    assert any("consists of 2 parts" in note for note in results.notes)
    assert results.steady_report.converged
    if MPI.COMM_WORLD.rank == 0:
        middle = results.geometry.points.mean(axis=1)[:, 0]
        cells = results.steady.temperature.mean(axis=1)
        assert cells[middle < 40 * NM] == pytest.approx(0.5, abs=1e-7)
        assert cells[middle > 50 * NM] == pytest.approx(0.0, abs=1e-7)


def test_pieces_of_several_materials_need_not_touch(pieces):
    text = CASE.format(file="apart").replace("[material]", "[materials.a]")
    body = text[text.index("kind") : text.index("[orders]")]
    text = text.replace("[orders]", f"[materials.b]\n{body}[orders]")
    text += '[regions]\none = "a"\ntwo = "b"\n'
    results = run_case(parse_case(text + LEFT + RIGHT + SIDES, folder=pieces), MPI.COMM_WORLD)
    assert results.steady_report.converged and not results.interfaces


@pytest.mark.parametrize("tolerance", [1e-8, 1e-4])
def test_a_state_that_does_not_exist_never_counts_as_converged(pieces, monkeypatch, tolerance):
    """Also where the check before the run does not see it: heat without a way out piles up."""
    monkeypatch.setattr(inputs, "check_steady_state", lambda *given: None)
    text = LEFT + CLOSED + SIDES + HEATED + f"[steady]\ntolerance = {tolerance}\n"
    try:
        report = run(pieces, text).steady_report
    except RunError as error:  # from the preconditioner, whose matrix is singular
        assert "did not converge" in str(error)
    else:
        assert not report.converged
