"""Fields of other programs: read from each form of file, and linear between the points."""

from __future__ import annotations

import h5py
import meshio
import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.geometry.field_file import interpolator, read_field

SLOPE = np.array([2.0, -1.0, 0.5])


def linear(points):
    return 3.0 + points @ SLOPE[: points.shape[1]]


def grid_points(dim, n=4):
    axes = [np.linspace(-0.5, 1.0, n + k) for k in range(dim)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
    return np.random.default_rng(0).permutation(points)


def scattered_points(dim):
    corners = np.array(np.meshgrid(*[[-0.5, 1.0]] * dim)).reshape(dim, -1).T
    return np.concatenate([corners, np.random.default_rng(1).uniform(-0.5, 1.0, (40, dim))])


def write(path, points, values, name="values"):
    if path.suffix == ".npy":
        np.save(path, np.column_stack([points, values]))
    elif path.suffix == ".npz":
        np.savez(path, points=points, **{name: values})
    else:
        with h5py.File(path, "w") as file:
            file["points"], file[name] = points, values
    return path


INSIDE = np.random.default_rng(2).uniform(-0.49, 0.99, (200, 3))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize(
    ("make", "dim"),
    [
        *((grid_points, dim) for dim in (1, 2, 3)),
        *((scattered_points, dim) for dim in (2, 3)),
    ],
)
def test_a_linear_field_is_linear_everywhere_between_its_points(tmp_path, dim, suffix, make):
    """In nanometres in the file; points outside are nan, or have the value of the nearest."""
    points = make(dim)
    path = write(tmp_path / f"f{suffix}", points, linear(points))
    field = read_field(path, dim, scale=1e-9)
    where = INSIDE[:, :dim]
    np.testing.assert_allclose(interpolator(field)(1e-9 * where), linear(where), rtol=1e-7)
    outside = np.full((1, dim), 1.3e-9)
    assert np.isnan(interpolator(field)(outside)).all()
    far = interpolator(field, nearest=True)(outside)
    np.testing.assert_allclose(far, linear(np.ones((1, dim))), rtol=1e-12)


def test_points_on_the_rim_of_a_grid_lie_inside(tmp_path):
    points = 1e-8 * grid_points(2)
    at = interpolator(read_field(write(tmp_path / "f.npy", points, linear(points)), 2))
    corners = 1e-8 * np.array([[-0.5, -0.5], [1.0, 1.0]]) * (1.0 + 1e-12)
    np.testing.assert_allclose(at(corners), linear(corners), rtol=1e-8)


def square(tmp_path, suffix=".vtu", **data):
    """A square of 2 x 2, cut along a diagonal, in a plane of three dimensions."""
    points = np.array([[0, 0, 7.0], [2, 0, 7], [2, 2, 7], [0, 2, 7]])
    cells = [("triangle", np.array([[0, 1, 2], [0, 2, 3]])), ("line", np.array([[0, 1]]))]
    path = tmp_path / f"square{suffix}"
    meshio.Mesh(points, cells, **data).write(path)
    return path


@pytest.mark.parametrize("suffix", [".vtu", ".xdmf", ".vtk"])
def test_data_of_a_mesh_are_linear_or_constant_in_its_cells(tmp_path, suffix):
    path = square(
        tmp_path,
        suffix,
        point_data={"heat": np.array([0.0, 2.0, 4.0, 0.0])},
        cell_data={"power": [np.array([1.0, 5.0]), np.array([9.0])]},
    )
    where = np.array([[1.0, 0.2], [0.2, 1.0], [1.9, 0.1], [2.1, 1.0]])
    # Below the diagonal T = x + y, above it 2 x.
    heat = interpolator(read_field(path, 2, name="heat"))(where)
    np.testing.assert_allclose(heat, [1.2, 0.4, 2.0, np.nan], rtol=1e-12)
    power = interpolator(read_field(path, 2, name="power"))(where)
    np.testing.assert_allclose(power, [1.0, 5.0, 1.0, np.nan], rtol=1e-12)
    last = interpolator(read_field(path, 2, name="power"), nearest=True)(where)[-1]
    assert last == 1.0


def test_points_of_cells_of_other_kinds_are_read_without_their_cells(tmp_path):
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
    mesh = meshio.Mesh(
        points,
        [("quad", np.array([[0, 1, 2, 3]]))],
        point_data={"q": linear(points)},
        cell_data={"p": [np.array([1.0])]},
    )
    mesh.write(tmp_path / "quad.vtu")
    found = interpolator(read_field(tmp_path / "quad.vtu", 2, name="q"))(np.array([[0.3, 0.4]]))
    np.testing.assert_allclose(found, linear(np.array([[0.3, 0.4]])), rtol=1e-12)
    with pytest.raises(InputError, match="turn 'p' into data of points"):
        read_field(tmp_path / "quad.vtu", 2, name="p")


def test_what_is_no_field_is_refused(tmp_path):
    points = grid_points(2)
    good = write(tmp_path / "good.npy", points, linear(points))
    bad = write(tmp_path / "bad.npy", points, np.where(points[:, 0] > 0.9, np.nan, 1.0))
    cube = write(tmp_path / "cube.npy", grid_points(3), linear(grid_points(3)))
    np.save(tmp_path / "flat.npy", np.ones(7))
    (tmp_path / "text.npy").write_text("x y z")
    (tmp_path / "text.npz").write_text("x y z")
    (tmp_path / "text.h5").write_text("x y z")
    write(tmp_path / "other.npz", points, linear(points), name="heat")
    short = tmp_path / "short.npz"
    np.savez(short, points=points, values=np.ones(3))
    mesh = square(tmp_path, point_data={"heat": np.ones(4), "cold": np.ones(4)})
    for path, dim, name, message in (
        (tmp_path / "none.npy", 2, None, "no such field file"),
        (good, 3, None, "2 coordinates, the mesh has 3"),
        (cube, 2, None, "coordinates that differ"),
        (bad, 2, None, "not finite"),
        (tmp_path / "flat.npy", 2, None, r"found shape \(7,\)"),
        (tmp_path / "text.npy", 2, None, "cannot be read"),
        (tmp_path / "text.npz", 2, None, "cannot be read"),
        (tmp_path / "text.h5", 2, None, "cannot be read"),
        (tmp_path / "other.npz", 2, None, "no dataset 'values'; it holds points, heat"),
        (short, 2, None, "20 values are needed"),
        (mesh, 2, None, "several data, give the name of one; its data are 'heat', 'cold'"),
        (mesh, 2, "haet", "no data 'haet'; did you mean 'heat'"),
    ):
        with pytest.raises(InputError, match=message):
            read_field(path, dim, name=name)
    line = write(tmp_path / "line.npy", np.column_stack([points[:, 0], np.ones(20)]), np.ones(20))
    with pytest.raises(InputError, match="in one plane"):
        interpolator(read_field(line, 2))
