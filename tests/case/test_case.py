"""The case file: what it may hold, what is refused, and how."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI
from pydantic import BaseModel, ValidationError

from pbte.case.case import (
    Case,
    parse_case,
    read_case,
    resolved_toml,
)
from pbte.core.errors import InputError
from pbte.simulation.checks import check_source, check_temperature, check_walls

DEMOS = Path(__file__).parents[2] / "demos"

CASE = """\
title = "A test"
temperature = 300.0
[material]
file = "Si-9"
[mesh]
file = "../meshes/body.msh"
builder = { shape = "nanoparticle", diameter = 200e-9, size = 25e-9 }
[source]
sigma = 20e-9
power = 1e-5
[walls.surface]
kind = "isothermal"
temperature = 301.0
"""


def changed(old: str, new: str) -> str:
    """Return the case with one line changed; the line must be there."""
    assert CASE.count(old) == 1
    return CASE.replace(old, new)


def with_wall(name: str) -> str:
    return changed("[walls.surface]", f"[walls.{name}]")


def test_values_are_read_and_the_rest_gets_defaults():
    case = parse_case(CASE)
    assert case.temperature == 300.0
    assert case.walls["surface"].temperature == 301.0
    assert case.source is not None and case.source.power == 1e-5
    assert case.mesh.builder is not None and case.mesh.builder.diameter == 200e-9
    assert (case.material.scattering, case.orders.max_order) == ("full", 15)
    assert (case.orders.self_scattering, case.steady.enabled) == ("auto", True)


@pytest.mark.parametrize("scattering", ['"rta"', "50"])
def test_scattering_is_a_word_or_a_rank(scattering):
    case = parse_case(changed('"Si-9"', f'"Si-9"\nscattering = {scattering}'))
    assert case.material.scattering == ("rta" if "rta" in scattering else 50)


def test_self_scattering_may_be_a_number():
    case = parse_case(CASE + "[orders]\nself_scattering = 0.2")
    assert case.orders.self_scattering == 0.2


REFUSALS = [
    (
        "power = 1e-5",
        "power = 1e-5\nsgima = 1.0",
        "source.sgima: unknown key; did you mean 'sigma'?",
    ),
    ("temperature = 300.0\n", "temperature = 0.0\n", "temperature = 0.0: must be greater than 0"),
    ("temperature = 300.0\n", "temperature = -3\n", "temperature = -3: must be greater than 0"),
    ("temperature = 300.0\n", "temperature = nan\n", "temperature = nan: must be a finite number"),
    ("temperature = 300.0\n", "temperature = '300'\n", "temperature = '300': must be a number"),
    ("temperature = 300.0\n", "temperature = true\n", "temperature = true: must be a number"),
    ("temperature = 300.0\n", "", r"temperature: missing \(Reference temperature T0 \[K\]"),
    ("temperature = 301.0", "temperature = 0", "walls.surface.temperature = 0: must be greater"),
    ('"isothermal"', '"isotermal"', "walls.surface.kind = 'isotermal': must be 'isothermal'"),
    (
        '[walls.surface]\nkind = "isothermal"',
        "[walls]",
        "walls.temperature = 301.0: must be a",
    ),
    ("sigma = 20e-9", "sigma = 0", r"source.sigma = 0: must be greater than 0 \(.*\[m\]"),
    ("sigma = 20e-9", "sigma = -1e-9", "source.sigma = -1e-09: must be greater than 0"),
    ("power = 1e-5", "power = -1.0", r"source.power = -1.0: must be greater than 0 \(.*\[W\]"),
    ("power = 1e-5", "", "source: neither of power .* give exactly one"),
    ("power = 1e-5", "power = 1.0\npeak = 1.0", "source: both of power .* give exactly one"),
    ("power = 1e-5", "power = 1.0\ncentre = [0, 0]", r"source.centre = \[0, 0\]: too few entries"),
    (
        "power = 1e-5",
        "power = 1.0\ncentre = [0, 0, 'a']",
        "source.centre.2 = 'a': must be a number",
    ),
    ("power = 1e-5", "power = 1.0\nkind = 'sphere'", "source.kind = 'sphere': must be 'gaussian'"),
    ("power = 1e-5", "power = 1.0\nmodes = { branches = [] }", "branches.*at least 1 entries"),
    (
        "power = 1e-5",
        "power = 1.0\nmodes = { min_frequency = 2.0, max_frequency = 1.0 }",
        "source.modes: max_frequency = 1 lies below min_frequency = 2",
    ),
    ('"nanoparticle"', '"nanoparticel"', "builder.shape = .*did you mean 'nanoparticle'"),
    ('shape = "nanoparticle", ', "", "mesh.builder: shape is missing"),
    ("diameter = 200e-9, ", "", r"mesh.builder.diameter: missing \(Diameter of the sphere \[m\]"),
    ("diameter = 200e-9", "diameter = -1", "mesh.builder.diameter = -1: must be greater than 0"),
    ("size = 25e-9", "sise = 25e-9", "mesh.builder.sise: unknown key; did you mean 'size'"),
    ('"../meshes/body.msh"', '""', "mesh.file = '': must be a text that is not empty"),
    ('"../meshes/body.msh"', '"a.msh"\nscale = 0.0', "mesh.scale = 0.0: must be greater than 0"),
    ('"../meshes/body.msh"', '"a.msh"\nscale = 1e-9', "mesh: .*a builder writes metres"),
    (
        '"Si-9"',
        '"Si-9"\nscattering = "none"',
        "scattering = 'none': must be 'full', 'rta'",
    ),
    (
        '"Si-9"',
        '"Si-9"\nscattering = 0',
        "scattering = 0: must be 'full', 'rta' or a rank",
    ),
    ('[material]\nfile = "Si-9"', "", r"neither of \[material\] and \[materials.NAME\] given"),
    ('[material]\nfile = "Si-9"', "material = 3", "material = 3: must be a table"),
    ("[mesh]", "[mesh]\ntemperature = 3.0", "'temperature' belongs to the top of the file"),
    (
        "[mesh]",
        "[mesh]\nmax_order = 3",
        r"'max_order' belongs to the table \[orders\]",
    ),
    ("[walls.surface]", "[wals.surface]", "wals: unknown key; did you mean 'walls'"),
]


@pytest.mark.parametrize(("old", "new", "message"), REFUSALS)
def test_a_wrong_value_is_refused_with_its_path_and_what_was_expected(old, new, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_case(changed(old, new))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[orders]\nmax_ordre = 3", "orders.max_ordre: unknown key; did you mean 'max_order'?"),
        ("[orders]\nmax_order = -1", "orders.max_order = -1: must be at least 0"),
        ("[orders]\nmax_order = 1.5", "orders.max_order = 1.5: must be a whole number"),
        ("[orders]\nself_scattering = -0.1", "orders.self_scattering = -0.1: must be 'auto' or"),
        ("[orders]\nself_scattering = 'no'", "orders.self_scattering = 'no': must be 'auto' or"),
        ("[orders]\nself_scattering = inf", "orders.self_scattering = inf: must be 'auto' or"),
        ("[steady]\ntolerance = 2.0", "steady.tolerance = 2.0: must be less than 1"),
        ("[steady]\nenabled = 1", "steady.enabled = 1: must be true or false"),
        ("[steady]\nrank = 0", "steady.rank = 0: must be at least 1"),
        ("[output]\nfrequency_bins = 0", "output.frequency_bins = 0: must be at least 1"),
    ],
)
def test_a_wrong_value_in_an_optional_table_is_refused(table, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        parse_case(CASE + table)


def test_every_mistake_has_its_own_line():
    text = changed("temperature = 300.0\n", "temperature = -1\n") + "[orders]\nmax_ordre = 3"
    with pytest.raises(InputError) as caught:
        parse_case(text)
    lines = str(caught.value).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["temperature", "orders.max_ordre:"]


def test_a_syntax_error_names_the_line():
    with pytest.raises(InputError, match=r"not valid TOML: .*line 10"):
        parse_case(changed("power = 1e-5", "power ="))


def test_the_resolved_case_reads_back_as_the_same_case():
    case = parse_case(CASE, name="a-test")
    assert parse_case(resolved_toml(case)) == case


def test_the_resolved_case_keeps_every_setting_of_an_unusual_case():
    text = with_wall(r'"a \"b\" [c] .\u0001\u007fé"').replace(
        "sigma", "modes.branches=[0,3]\nsigma"
    )
    case = parse_case(text + "[orders]\nself_scattering = 0.3\n[steady]\nenabled = false")
    again = parse_case(resolved_toml(case))
    assert again == case
    assert list(again.walls) == ['a "b" [c] .\x01\x7fé']


def test_the_resolved_case_says_the_units():
    assert "# Total power [W]" in resolved_toml(parse_case(CASE))


@pytest.mark.parametrize("name", ["nanoparticle", "nanoparticle-50nm", "nanoparticle-fine"])
def test_the_demo_cases_are_valid_and_resolve_to_themselves(name):
    case = read_case(DEMOS / f"{name}.toml")
    assert parse_case(resolved_toml(case), folder=DEMOS) == case
    assert case.mesh_path.parent.resolve() == DEMOS.parent / "meshes"


def test_every_number_with_a_dimension_says_its_unit():
    """Numbers without a unit in brackets are pure numbers, and listed here."""
    pure = {
        "dim", "branches", "max_order", "self_scattering", "tolerance", "rank", "max_iterations",
        "frequency_bins", "scattering", "bins",
        "num_times", "solver_tolerance", "number",
        "space_parts", "normal_share", "degree", "azimuthal", "polar",
    }  # fmt: skip
    schema = Case.model_json_schema()
    tables = [schema, *schema["$defs"].values()]
    bare = {
        name
        for table in tables
        for name, entry in table["properties"].items()
        if ("number" in str(entry) or "integer" in str(entry)) and "[" not in entry["description"]
    }
    assert bare == pure


def test_records_are_frozen():
    case = parse_case(CASE)
    with pytest.raises(ValidationError):
        case.temperature = 1.0


def test_a_case_travels_to_another_rank_with_its_folder():
    case = parse_case(CASE, folder="somewhere")
    copy = pickle.loads(pickle.dumps(case))
    assert copy == case
    assert copy.mesh_path == Path("somewhere/../meshes/body.msh")


def test_the_result_folder_is_named_after_the_case_file(tmp_path):
    path = tmp_path / "sphere.toml"
    path.write_text(CASE)
    assert read_case(path).output.folder == "results/sphere"
    path.write_text(CASE + '[output]\nfolder = "elsewhere"')
    assert read_case(path).output.folder == "elsewhere"


def test_a_missing_case_file_is_named_with_its_neighbour(tmp_path):
    (tmp_path / "sphere.toml").write_text(CASE)
    with pytest.raises(InputError, match=r"shpere.toml: no such case file; did you mean .*/sphere"):
        read_case(tmp_path / "shpere.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "case.toml"
    path.write_bytes(b"\x89HDF\r\n\xff")
    with pytest.raises(InputError, match=r"case.toml: not a text file"):
        read_case(path)


def test_a_folder_instead_of_a_case_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_case(tmp_path)


def test_a_mistake_is_told_with_the_name_of_the_file(tmp_path):
    path = tmp_path / "case.toml"
    path.write_text(changed("sigma = 20e-9", "sigma = 0"))
    with pytest.raises(InputError, match=r"case.toml: source.sigma = 0"):
        read_case(path)


def test_a_wall_without_a_law_is_refused_with_what_to_write():
    with pytest.raises(
        InputError, match=r"no boundary condition for wall 'left', 'right'.*\[walls.left\]"
    ):
        check_walls(parse_case(CASE), ["surface", "right", "left"])


def test_a_law_for_an_unknown_wall_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"walls.surfcae: .*no such wall; did you mean 'surface'"):
        check_walls(parse_case(with_wall("surfcae")), ["surface"])
    with pytest.raises(InputError, match=r"walls.xyz: .*its walls are 'surface'"):
        check_walls(parse_case(with_wall("xyz")), ["surface"])


CONDITIONS = {
    'kind = "diffuse"\nelastic = false': "DiffuseWallChoice",
    'kind = "specular"\nbins = 20': "SpecularWallChoice",
    'kind = "symmetric"': "SymmetricWallChoice",
    'kind = "rough"\nroughness = 3e-10': "RoughWallChoice",
    'kind = "rough"\nspecularity = 0.7': "RoughWallChoice",
    'kind = "periodic"\npartner = "right"\ntemperature_drop = 1.5': "PeriodicWallChoice",
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_every_law_of_a_wall_is_read_and_written_back(text):
    case = parse_case(f"{CASE}[walls.left]\n{text}\n")
    assert type(case.walls["left"]).__name__ == CONDITIONS[text]
    assert parse_case(resolved_toml(case)).walls == case.walls


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "rough"', "walls.left: neither of roughness [m] and specularity given"),
        ('kind = "rough"\nroughness = 1e-9\nspecularity = 0.1', "walls.left: both of roughness"),
        ('kind = "rough"\nspecularity = 1.2', "walls.left.specularity = 1.2: "),
        ('kind = "rough"\nroughness = -1e-9', "walls.left.roughness = -1e-09: must be at least 0"),
        ('kind = "diffuse"\nbins = 0', "walls.left.bins = 0: must be 'auto' or a number of bins"),
        ('kind = "specular"\nelastic = true', "walls.left.elastic: unknown key"),
        ('kind = "mirror"', "walls.left.kind = 'mirror': must be 'isothermal', 'diffuse'"),
        ('kind = "periodic"', "walls.left.partner: missing (Wall on the opposite side"),
    ],
)
def test_a_law_that_makes_no_sense_is_refused(text, message):
    with pytest.raises(InputError) as caught:
        parse_case(f"{CASE}[walls.left]\n{text}\n")
    assert message in str(caught.value)


def periodic(partner, more=""):
    return parse_case(f'{CASE}[walls.left]\nkind = "periodic"\npartner = "{partner}"\n{more}')


def test_the_partner_of_a_periodic_wall_needs_no_law():
    check_walls(periodic("right"), ["surface", "left", "right"])


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (periodic("left"), "walls.left.partner = 'left': must be another wall of the mesh"),
        (periodic("rigth"), "walls.left.partner = 'rigth': must be another wall"),
        (periodic("surface"), "the partner has a boundary condition of its own; remove the"),
        (
            periodic("right", '[walls.top]\nkind = "periodic"\npartner = "right"'),
            "walls.top.partner = 'right': it is already the partner of wall 'left'",
        ),
    ],
)
def test_periodic_walls_come_in_pairs(case, message):
    with pytest.raises(InputError) as caught:
        check_walls(case, ["surface", "left", "right", "top"])
    assert message in str(caught.value)


def test_a_complete_set_of_walls_is_accepted():
    check_walls(parse_case(CASE), {"surface": 2})


def test_a_material_of_another_temperature_is_refused():
    check_temperature(parse_case(CASE), 300.0, "Si-9")
    with pytest.raises(InputError, match=r"temperature = 300: .*computed at 200 K"):
        check_temperature(parse_case(CASE), 200.0, "Si-9")


TETRAHEDRON = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]]) * 1e-7


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize(("place", "inside"), [(0.2, True), (1.0, None), (-0.01, False)])
def test_a_source_outside_of_the_body_is_refused(dim, place, inside):
    """The corner at (1, 1, 1) lies in the interval but neither in triangle nor tetrahedron."""
    centre = [place * 1e-7] * 3
    case = parse_case(changed("power = 1e-5", f"power = 1.0\ncentre = {centre}"))
    corners = TETRAHEDRON[:, : dim + 1, :dim]
    if inside or (inside is None and dim == 1):
        check_source(case, corners, MPI.COMM_SELF)
    else:
        with pytest.raises(InputError, match=r"source.centre = .*outside of the body"):
            check_source(case, corners, MPI.COMM_SELF)


def test_python_code_can_build_a_case_without_a_file():
    case = Case(
        temperature=300.0,
        material={"file": "Si-9"},
        mesh={"file": "body.msh"},
        walls={"surface": {"kind": "isothermal", "temperature": 300.0}},
    )
    assert isinstance(case, BaseModel)
    assert case.mesh_path == Path("body.msh")
