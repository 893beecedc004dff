"""The commands that make meshes of several parts, and their reports."""

from __future__ import annotations

import json

import pytest

from pbte.cli.main import main


@pytest.fixture
def made(comm, capfd, monkeypatch):
    """Return a function that runs `pbte mesh ...` on all ranks and returns status and output."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            main(["mesh", *map(str, arguments)])
        return comm.bcast((caught.value.code or 0, *capfd.readouterr()))

    return run


@pytest.mark.parametrize(
    ("command", "options", "regions", "walls", "interfaces"),
    [
        ("layers", "--layer si=20nm --layer ge=30nm --size 10nm", "si ge", "left right", "si-ge"),
        (
            "heterostructure",
            "--layer si=20nm --layer ge=30nm --size 10nm --dim 2 --width 20nm --repeat 2 --numbered"
            " --amplitude 3nm --period 10nm --size-at-interface 5nm --growth 0.5 --periodic y",
            "si ge",
            "left right y_min y_max",
            "interface-1 interface-2 interface-3",
        ),
        ("heterostructure", "--size 250nm", "si ge", "left right sides", "si-ge"),
        (
            "core-shell",
            "--diameter 40nm --core-diameter 30nm --size 15nm --size-at-interface 10nm",
            "core shell",
            "surface",
            "core-shell",
        ),
        (
            "inclusion",
            "--lengths 30nm,30nm --inclusion-lengths 10nm,20nm --size 10nm --periodic xy",
            "matrix inclusion",
            "x_min x_max y_min y_max",
            "matrix-inclusion",
        ),
        (
            "porous-cell",
            "--lengths 30nm,30nm,30nm --diameter 20nm --pore sphere --size 10nm --size-at-pore 8nm",
            "body",
            "x_min x_max y_min y_max z_min z_max pore",
            "",
        ),
        (
            "nanomesh",
            "--period 30nm --diameter 20nm --size 10nm --size-at-hole 5nm",
            "body",
            "x_min x_max y_min y_max hole",
            "",
        ),
        (
            "film",
            "--thickness 9nm --size 3nm --dim 2 --periodic",
            "body",
            "left right y_min y_max",
            "",
        ),
        (
            "wire",
            "--length 20nm --diameter 20nm --size 9nm --periodic",
            "body",
            "left right side",
            "",
        ),
        (
            "block",
            "--lengths 9nm,9nm --size 3nm --periodic x",
            "body",
            "x_min x_max y_min y_max",
            "",
        ),
    ],
)
def test_a_body_has_the_parts_that_its_command_promises(
    made, shared_tmp_path, command, options, regions, walls, interfaces
):
    path = shared_tmp_path / "body.msh"
    status, _, error = made(command, path, *options.split())
    assert status == 0, error
    report = json.loads(made("info", path, "--json")[1])
    for kind, names in (("regions", regions), ("walls", walls), ("interfaces", interfaces)):
        assert [part["name"] for part in report[kind]] == names.split()


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("layers", "--layer si20nm --size 1nm", "'si20nm' is no layer: give its region and its"),
        ("layers", "--layer =20nm --size 1nm", "'=20nm' is no layer"),
        ("layers", "--layer si=20parsec --size 1nm", "'20parsec' is not a length"),
        ("layers", "--layer si=2nm --size 5nm", "larger than thickness of layer 1"),
        ("porous-cell", "--lengths 9nm,9nm --diameter 9nm --size 1nm", "the pore must be smaller"),
        ("nanomesh", "--period 9nm --diameter -1nm --size 1nm", "diameter = -1e-09: must be great"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(made, shared_tmp_path, command, options, message):
    status, _, error = made(command, shared_tmp_path / "a.msh", *options.split())
    assert status == 2 and message in error
    assert list(shared_tmp_path.iterdir()) == []


def test_a_mesh_is_described_with_sides_of_interfaces_and_periodic_walls(made, shared_tmp_path):
    path = shared_tmp_path / "period.msh"
    options = "--layer si=20nm --layer ge=30nm --size 10nm --dim 2 --periodic xy --width 20nm"
    status, text, _ = made("layers", path, *options.split())
    assert status == 0
    assert "4e-08 m, 4 facets, from 'si' to 'ge'" in text
    assert "'left' and 'right', moved by (50 nm, 0 nm)" in text
    assert "'y_min' and 'y_max', moved by (0 nm, 20 nm)" in text
    report = json.loads(made("info", path, "--json")[1])
    assert [match["walls"] for match in report["matches"]] == [
        ["left", "right"],
        ["y_min", "y_max"],
    ]
    assert report["interfaces"][0]["between"] == [["si", "ge"]]
