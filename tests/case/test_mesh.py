"""The mesh of a case: made when missing, remade when the case changes, never taken from others."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest

from pbte.case.mesh import (
    BUILDERS,
    FilmMesh,
    HeterostructureMesh,
    LayersMesh,
)
from pbte.core.errors import InputError, RunError
from pbte.geometry import cells, inclusions, layers, shapes
from pbte.geometry.meshfile import read_mesh_file
from pbte.simulation.mesh_making import build_mesh, ensure_mesh

FILM = FilmMesh(thickness=100e-9, size=20e-9)
FINER = FilmMesh(thickness=100e-9, size=10e-9)


NM = 1e-9
PARAMETERS = {
    "nanoparticle": {"diameter": 50 * NM, "size": 25 * NM},
    "film": {"thickness": 50 * NM, "size": 25 * NM, "dim": 2, "periodic": True},
    "wire": {"length": 40 * NM, "diameter": 30 * NM, "size": 15 * NM, "periodic": True},
    "block": {"lengths": (20 * NM, 30 * NM), "size": 10 * NM, "periodic": "xy"},
    "layers": {"regions": ("si", "ge"), "thicknesses": (20 * NM, 30 * NM), "size": 10 * NM},
    "heterostructure": {"size": 250 * NM},
    "core_shell": {"diameter": 50 * NM, "core_diameter": 30 * NM, "size": 15 * NM},
    "inclusion": {"lengths": (40 * NM, 40 * NM), "diameter": 20 * NM, "size": 10 * NM},
    "porous_cell": {"lengths": (40 * NM, 40 * NM), "diameter": 20 * NM, "size": 10 * NM},
    "nanomesh": {"period": 40 * NM, "diameter": 20 * NM, "size": 10 * NM},
}


def num_cells(path) -> int:
    return len(read_mesh_file(path).cells)


def test_a_missing_mesh_is_made_on_one_rank_and_all_hear_of_it(comm, shared_tmp_path):
    path = shared_tmp_path / "new" / "film.msh"
    assert ensure_mesh(path, FILM, comm)
    assert num_cells(path) == 5
    assert [file.name for file in path.parent.iterdir()] == ["film.msh"]


def test_a_mesh_with_the_same_parameters_is_left_alone(comm, shared_tmp_path):
    path = shared_tmp_path / "film.msh"
    ensure_mesh(path, FILM, comm)
    before = path.stat().st_mtime_ns
    assert not ensure_mesh(path, FilmMesh(thickness=100e-9, size=20e-9), comm)
    assert path.stat().st_mtime_ns == before


def test_a_mesh_with_other_parameters_is_made_anew(comm, shared_tmp_path):
    path = shared_tmp_path / "film.msh"
    ensure_mesh(path, FILM, comm)
    assert ensure_mesh(path, FINER, comm)
    assert num_cells(path) == 10


def test_a_mesh_that_no_builder_made_is_never_overwritten(comm, shared_tmp_path):
    path = shared_tmp_path / "film.msh"
    if comm.rank == 0:
        shapes.film(path, thickness=100e-9, size=20e-9)
    comm.barrier()
    with pytest.raises(InputError, match=r"film.msh: this mesh exists but no builder of pbte"):
        ensure_mesh(path, FINER, comm)
    assert num_cells(path) == 5


def test_without_a_builder_nothing_happens(comm, shared_tmp_path):
    assert not ensure_mesh(shared_tmp_path / "film.msh", None, comm)
    assert list(shared_tmp_path.iterdir()) == []


def test_parameters_that_make_no_sense_are_refused_on_all_ranks(comm, shared_tmp_path):
    with pytest.raises(InputError, match="larger than"):
        ensure_mesh(shared_tmp_path / "film.msh", FilmMesh(thickness=1e-9, size=1e-6), comm)
    assert list(shared_tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "meshes").write_text("a file in the way")
    with pytest.raises(InputError, match=r"meshes: the folder of the mesh cannot be made"):
        build_mesh(FILM, tmp_path / "meshes" / "film.msh")


def test_a_failure_while_writing_names_the_mesh_and_leaves_nothing(tmp_path, monkeypatch):
    def full(path, **parameters):
        path.write_text("half a mesh")
        raise RunError(f"{path}: the mesh could not be written completely; free disk space")

    monkeypatch.setattr(shapes, "film", full)
    with pytest.raises(RunError, match=r"/film.msh: the mesh could not be written completely"):
        build_mesh(FILM, tmp_path / "film.msh")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", BUILDERS)
def test_every_builder_takes_its_parameters_and_names_every_part(tmp_path, shape):
    builder = BUILDERS[shape](**PARAMETERS[shape])
    path = build_mesh(builder, tmp_path / "body.msh")
    data = read_mesh_file(path)
    names = {*data.regions, *data.facet_groups}
    # The docstring of a builder tells which names a case can use.
    told = " ".join(str(BUILDERS[shape].__doc__).split())
    told += " 'body' 'si' 'ge' 'si-ge' 'y_min' 'y_max'"
    assert all(f"'{name}'" in told for name in names)


@pytest.mark.parametrize("shape", BUILDERS)
def test_the_function_of_a_shape_has_the_parameters_and_defaults_of_its_record(shape):
    home = next(room for room in (shapes, layers, inclusions, cells) if hasattr(room, shape))
    fields = BUILDERS[shape].model_fields
    parameters = dict(list(signature(getattr(home, shape)).parameters.items())[1:])
    rest = parameters.pop("options", None)
    assert rest is not None or set(parameters) == set(fields) - {"shape"}
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            assert (parameter.default or None) == (fields[name].default or None), name


def test_a_heterostructure_is_two_graded_cubes_unless_said_otherwise(tmp_path):
    cubes = read_mesh_file(build_mesh(HeterostructureMesh(), tmp_path / "cubes.msh"))
    np.testing.assert_allclose(np.ptp(cubes.points, axis=0), [1000 * NM, 500 * NM, 500 * NM])
    thin = HeterostructureMesh(regions=("a", "b"), thicknesses=(40 * NM, 80 * NM), dim=1)
    mesh = read_mesh_file(build_mesh(thin, tmp_path / "thin.msh"))
    x = np.sort(mesh.points[:, 0])
    steps, near = np.diff(x), np.abs(x[:-1] - 40 * NM).argmin()
    assert steps[near] < 1.5 * 4 * NM and steps.max() > 1.5 * steps[near]
    assert steps.max() < 1.5 * 10 * NM


def test_all_options_of_layers_reach_the_mesh(tmp_path):
    builder = LayersMesh(
        regions=("si", "ge"),
        thicknesses=(20 * NM, 30 * NM),
        size=10 * NM,
        size_at_interface=4 * NM,
        growth=0.5,
        dim=2,
        width=20 * NM,
        amplitude=3 * NM,
        period=10 * NM,
        periodic="xy",
        repeat=2,
        numbered=True,
    )
    data = read_mesh_file(build_mesh(builder, tmp_path / "layers.msh"))
    assert set(data.facet_groups) == {"left", "right", "y_min", "y_max"} | {
        f"interface-{k}" for k in (1, 2, 3, 4)
    }
    first = data.points[data.facets[data.facet_tags == data.facet_groups["interface-1"]]]
    assert first[..., 0].max() == pytest.approx(13 * NM, rel=0.01)
    assert data.points.max(axis=0) == pytest.approx([100 * NM, 20 * NM])
