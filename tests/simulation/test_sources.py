"""Heat sources of a case: what they may say, and the heat that they put on the mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import layers
from mpi4py import MPI

from pbte.case.case import parse_case, resolved_toml
from pbte.cli.check import examine
from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.materials.storage import read_material
from pbte.observables.results import Results
from pbte.run import run_case
from pbte.simulation.inputs import read_inputs
from pbte.simulation.sources import heat_sources, heated_modes, undershoot

CASE = """\
temperature = 300.0
[material]
kind = "gray"
relaxation_time = 8e-12
speed = 6000.0
heat_capacity = 1.6e6
directions = { polar = 4, azimuthal = 4 }
[mesh]
file = "layers.msh"
builder = { shape = "layers", regions = ["a", "b", "a"], thicknesses = [2e-8, 4e-8, 3e-8], \
size = 1e-8, dim = 3, width = 1e-8, height = 1e-8 }
[walls.left]
kind = "isothermal"
temperature = 300.0
[walls.right]
kind = "isothermal"
temperature = 300.0
[walls.sides]
kind = "specular"
[orders]
max_order = 2
"""
SECTION = 1e-16  # cross-section of the layers [m^2]


@pytest.fixture(scope="module")
def put(folder):
    """Return a function that gives the heat of the sources in a text, and the mesh."""

    def sources(text):
        case = parse_case(CASE + text, folder=folder)
        inputs = read_inputs(case, MPI.COMM_WORLD)
        return heat_sources(case, inputs.place)[0], inputs.bodies.whole

    return sources


def centres(mesh):
    return mesh.points.mean(axis=1)


def test_a_uniform_source_heats_its_regions_and_nothing_else(put):
    """With this density, or this power shared out over their volume."""
    heats, mesh = put("""
        [source]
        kind = "uniform"
        density = 2e17
        [[sources]]
        kind = "uniform"
        power = 3e-6
        regions = ["a"]
        [[sources]]
        kind = "uniform"
        power = -1e-6
        regions = ["b"]
    """)
    x = centres(mesh)[:, 0]
    in_b = (x > 2e-8) & (x < 6e-8)
    cells = heats.reshape(3, mesh.num_cells, 4)
    np.testing.assert_allclose(cells[0], 2e17, rtol=1e-12)
    np.testing.assert_allclose(cells[1, ~in_b], 3e-6 / (5e-8 * SECTION), rtol=1e-9)
    np.testing.assert_allclose(cells[2, in_b], -1e-6 / (4e-8 * SECTION), rtol=1e-9)
    assert np.abs(cells[1, in_b]).max() == 0.0 == np.abs(cells[2, ~in_b]).max()
    powers = heats @ mesh.dof_weights
    np.testing.assert_allclose(powers, [2e17 * 9e-8 * SECTION, 3e-6, -1e-6], rtol=1e-9)


def test_a_body_cut_in_two_is_heated_like_the_whole(put, folder):
    """Power given for a region that lies in both is shared out by volume."""
    text = """
        [source]
        kind = "uniform"
        power = 3e-6
        regions = ["a"]
        [[sources]]
        kind = "expression"
        density = "1 + x/1e-8"
        power = 1e-6
    """
    whole, mesh = put(text)
    parts = np.arange(mesh.num_cells) % 3 == 0
    case = parse_case(CASE + text, folder=folder)
    place = read_inputs(case, MPI.COMM_WORLD).place
    (tags,) = place.cell_regions
    meshes = [
        replace(mesh, points=mesh.points[own], volumes=mesh.volumes[own], records=None)
        for own in (parts, ~parts)
    ]
    cut = replace(place, meshes=tuple(meshes), cell_regions=(tags[parts], tags[~parts]))
    for heat, own in zip(heat_sources(case, cut), (parts, ~parts), strict=True):
        expected = whole.reshape(2, mesh.num_cells, 4)[:, own].reshape(2, -1)
        np.testing.assert_allclose(heat, expected, rtol=1e-12)


def test_an_expression_is_heat_of_the_right_amount_in_the_right_place(put):
    """A linear density is met exactly; the power of any is that of its integral."""
    heats, mesh = put("""
        [[sources]]
        kind = "expression"
        density = "1e18 + 2e25*x - 1e25*y + 3e25*z"
        [[sources]]
        kind = "expression"
        density = "4e17*sin(pi*x/9e-8)^2"
        [[sources]]
        kind = "expression"
        density = "cos(2*pi*x/9e-8)"
        sinks = true
        regions = ["b"]
        power = -2e-6
    """)
    points = mesh.points.reshape(-1, 3)
    linear = 1e18 + points @ np.array([2e25, -1e25, 3e25])
    np.testing.assert_allclose(heats[0], linear, rtol=1e-10)
    powers = heats @ mesh.dof_weights
    assert powers[1] == pytest.approx(4e17 * 4.5e-8 * SECTION, rel=1e-8)  # the mean is a half
    assert powers[2] == pytest.approx(-2e-6, rel=1e-12)


def test_an_imported_field_is_heat_of_the_right_amount(put, folder):
    """Given in nanometres and W/um^3 on a grid a little larger than the body."""
    axes = [np.linspace(-1.0, 91.0, 24), np.linspace(-1.0, 11.0, 4), np.linspace(-1.0, 11.0, 4)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    with on_all_ranks(MPI.COMM_WORLD):
        if MPI.COMM_WORLD.rank == 0:
            np.save(folder / "heat.npy", np.column_stack([points, 0.5 + 0.01 * points[:, 0]]))
            few = points[points[:, 0] < 50.0]
            np.save(folder / "part.npy", np.column_stack([few, 0.5 + 0.01 * few[:, 0]]))
    heats, mesh = put("""
        [[sources]]
        kind = "field"
        file = "heat.npy"
        scale = 1e-9
        factor = 1e18
        [[sources]]
        kind = "field"
        file = "part.npy"
        scale = 1e-9
        factor = 1e18
        outside = "zero"
    """)
    x = mesh.points.reshape(-1, 3)[:, 0]
    np.testing.assert_allclose(heats[0], 1e18 * (0.5 + 1e7 * x), rtol=1e-7)
    low = centres(mesh)[:, 0] < 3.5e-8
    np.testing.assert_allclose(heats[1].reshape(-1, 4)[low], heats[0].reshape(-1, 4)[low])
    assert np.abs(heats[1].reshape(-1, 4)[centres(mesh)[:, 0] > 6e-8]).max() == 0.0
    with pytest.raises(InputError, match="% of the body lies outside of the field in part"):
        put("[source]\nkind = 'field'\nfile = 'part.npy'\nscale = 1e-9")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("kind = 'uniform'", "source: neither of power .* and density .* give exactly one"),
        ("kind = 'uniform'\ndensity = 1.0\npower = 1.0", "source: both of power"),
        ("kind = 'uniform'\ndensity = 0.0", "source: a strength of 0 heats nothing"),
        ("kind = 'uniform'\ndensity = nan", "source.density = nan: must be a finite number"),
        ("kind = 'uniform'\npower = 1\nregions = []", "source.regions = .* at least 1 entries"),
        ("kind = 'uniform'\npower = 1\nregions = ['c']", "no region 'c'; its regions are 'a', 'b'"),
        ("kind = 'uniform'\npower = 1\nsigma = 1", "source.sigma: unknown key"),
        ("kind = 'expresion'", "source.kind = 'expresion': .*did you mean 'expression'"),
        ("kind = 'expression'", r"source.density: missing \(Heat density"),
        ("kind = 'expression'\ndensity = 'exp(t)'", "source.density = 'exp.t.': unknown name 't'"),
        ("kind = 'expression'\ndensity = '1'\npower = 0.0", "source: power = 0: must be greater"),
        ("kind = 'expression'\ndensity = '1'\npower = -1.0", "less than 0 with sinks = true"),
        ("kind = 'expression'\ndensity = '1/(x > 1)'", r"source.density: .* not finite \(inf\) at"),
        ("kind = 'expression'\ndensity = 'x - 3e-8'", r"is negative \(-.* set sinks = true"),
        ("kind = 'expression'\ndensity = '0*x'", "source: heats none of the cells"),
        (
            "kind = 'expression'\ndensity = 'sin(2*pi*x/9e-8)'\nsinks = true\npower = 1.0",
            "source.power: what is put in is taken out elsewhere",
        ),
        ("kind = 'field'\nfile = 'none.npy'", "none.npy: no such field file"),
        ("centre = [0, 0, 4e-8]\nsigma = 1e-9\npower = 1.0", r"source.centre = .*lies outside"),
        ("centre = [1e-8, 5e-9, 5e-9]\nsigma = 1e-14\npower = 1.0", "heats none of the cells"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(put, source, message):
    with pytest.raises(InputError, match=message):
        put(f"[source]\n{source}")


def test_each_source_of_a_list_is_named_in_its_refusal():
    text = "[[sources]]\nkind = 'uniform'\npower = 1.0\n[[sources]]\nsigma = -1.0\npower = 1.0"
    with pytest.raises(InputError, match=r"sources.1.sigma = -1.0: must be greater than 0"):
        parse_case(CASE + text)


def test_the_resolved_case_repeats_all_sources():
    case = parse_case(
        CASE
        + """
        [source]
        sigma = 1e-8
        power = 1.0
        [[sources]]
        kind = "uniform"
        density = 1e18
        regions = ["a", "b"]
        modes = { min_frequency = 1e12 }
        [[sources]]
        kind = "expression"
        density = "x^2"
        """
    )
    assert list(case.all_sources) == ["source", "sources.0", "sources.1"]
    assert parse_case(resolved_toml(case)) == case


def test_heat_taken_out_on_purpose_is_no_sign_of_coarse_cells(folder):
    class Found:
        comm = MPI.COMM_WORLD
        heat_sources = np.array([[1.0, -0.5, 0.0], [2.0, -0.2, 0.0]])

    wave = "[[sources]]\nkind = 'expression'\ndensity = 'cos(x)'\nsinks = true\n"
    plain = "[[sources]]\nkind = 'expression'\ndensity = '1'\n"
    assert undershoot(parse_case(CASE + wave + plain), [Found]) == 0.1
    assert undershoot(parse_case(CASE + plain + plain), [Found]) == 0.5


def run(folder, text) -> Results:
    return run_case(parse_case(CASE + text, folder=folder), MPI.COMM_WORLD)


def test_a_run_with_several_sources_is_the_sum_of_the_runs_with_each(folder):
    """Order by order and in the steady state: the equation is linear."""
    one = "kind = 'uniform'\npower = 1e-9\nregions = ['a']\n"
    other = "kind = 'expression'\ndensity = '1 + x/1e-8'\npower = 2e-9\n"
    both = run(folder, f"[source]\n{one}[[sources]]\n{other}")
    each = [run(folder, f"[source]\n{text}") for text in (one, other)]
    assert both.power == pytest.approx(3e-9, rel=1e-12)
    assert both.steady is not None and both.steady.balance.imbalance == pytest.approx(0.0, abs=1e-7)
    for order in (0, 2):
        parts = [result.orders[order].temperature for result in each]
        np.testing.assert_allclose(sum(parts), both.orders[order].temperature, rtol=1e-8)
    parts = [result.steady.temperature for result in each]
    np.testing.assert_allclose(sum(parts), both.steady.temperature, rtol=1e-6)


def test_a_run_with_an_imported_field_is_that_with_its_expression(folder):
    """Linear in x, in nanometres and W/um^3, from a grid a little larger than the body."""
    axes = [np.linspace(-1.0, 91.0, 24), *[np.linspace(-1.0, 11.0, 3)] * 2]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    with on_all_ranks(MPI.COMM_WORLD):
        if MPI.COMM_WORLD.rank == 0:
            values = 0.5 + 0.01 * points[:, 0]
            np.savez(folder / "linear.npz", points=points, values=values)
    imported = run(
        folder, "[source]\nkind = 'field'\nfile = 'linear.npz'\nscale = 1e-9\nfactor = 1e18"
    )
    written = run(folder, "[source]\nkind = 'expression'\ndensity = '1e18*(0.5 + 1e7*x)'")
    assert imported.power == pytest.approx(1e18 * 0.95 * 9e-8 * SECTION, rel=1e-8)
    assert imported.steady.balance.absorbed["left"] < imported.steady.balance.absorbed["right"]
    for one, other in zip(
        (*imported.orders, imported.steady), (*written.orders, written.steady), strict=True
    ):
        scale = np.abs(other.temperature).max()
        np.testing.assert_allclose(one.temperature, other.temperature, rtol=0, atol=1e-7 * scale)


def test_only_the_chosen_modes_carry_heat_before_they_scatter(folder):
    """Fast optical phonons of silicon alone: germanium beside it has none of their energy."""
    source = {"kind": "uniform", "density": 1e18, "regions": ["a"]}
    case = layers(
        folder,
        {
            name: {"file": file, "scattering": "rta"}
            for name, file in (("a", "Si-5"), ("b", "Ge-5"))
        },
        temperatures=(300.0, 300.0),
        sources=[
            source | {"modes": {"min_frequency": 1.2e13, "branches": [3, 4, 5]}},
            source | {"regions": ["b"], "modes": {"max_frequency": 3e12}},
        ],
        orders={"max_order": 1, "self_scattering": 0.0},
        fourier={"compare": False},
    )
    results = run_case(case, MPI.COMM_WORLD)
    with pytest.raises(InputError, match=r"sources.0.modes: no mode of Ge is selected"):
        everywhere = [case.all_sources["sources.0"].model_copy(update={"regions": None})]
        run_case(case.model_copy(update={"sources": tuple(everywhere)}), MPI.COMM_WORLD)
    tables = [read_material(name).modes for name in ("Si-5", "Ge-5")]
    hertz = [modes.frequencies / (2.0 * np.pi) for modes in tables]
    expected = [(hertz[0] >= 1.2e13) & (tables[0].bands >= 3), hertz[1] <= 3e12]
    assert hertz[1].max() < 1.2e13
    first, second = results.orders
    for body, chosen in enumerate(expected):
        assert 0 < chosen.sum() < 0.5 * chosen.size
        np.testing.assert_array_equal(first.mode_temperatures[body] != 0.0, chosen)
        assert (second.mode_temperatures[body] > 0.0).all()
    assert results.power == pytest.approx(1e18 * 100e-9, rel=1e-12)
    assert results.steady.balance.imbalance == pytest.approx(0.0, abs=1e-7)


def test_each_source_heats_modes_of_its_own(folder):
    case = parse_case(
        CASE.replace(
            'kind = "gray"\nrelaxation_time = 8e-12\nspeed = 6000.0\nheat_capacity = 1.6e6\n',
            'kind = "bands"\ntable = "Si-bands"\n',
        )
        + """
        [source]
        kind = "uniform"
        power = 1e-9
        modes = { branches = [0, 1, 2] }
        [[sources]]
        kind = "uniform"
        power = 1e-9
        modes = { branches = [5, 14] }
        """,
        folder=folder,
    )
    modes = read_inputs(case, MPI.COMM_WORLD).of_bodies[0].modes
    for chosen, branches in zip(heated_modes(case, modes, "ab"), [{0, 1, 2}, {5, 14}], strict=True):
        assert set(modes.bands[chosen]) == branches
        assert not np.isin(modes.bands[~chosen], list(branches)).any()


def test_a_check_tells_the_power_of_each_source(folder):
    comm = MPI.COMM_WORLD
    text = "[source]\nkind = 'uniform'\ndensity = 1e18\nregions = ['b']\n"
    case = parse_case(CASE + text + "[[sources]]\nsigma = 1e-8\npower = 2e-9\n", folder=folder)
    found = examine(case, comm)["sources"]
    assert found == pytest.approx({"source": 1e18 * 4e-8 * SECTION, "sources.0": 2e-9}, rel=1e-9)
