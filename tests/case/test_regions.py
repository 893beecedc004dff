"""What each region is made of and which model holds where, and every way to say it wrongly."""

from __future__ import annotations

import pytest

from pbte.case.case import Case, parse_case, resolved_toml
from pbte.case.interfaces import DiffuseChoice, PerfectChoice
from pbte.case.regions import (
    chosen_model,
    materials_of,
    materials_of_regions,
)
from pbte.core.errors import InputError
from pbte.simulation.checks import check_interfaces, check_temperatures

CASE = """\
temperature = 300.0
[materials.silicon]
file = "Si-5"
[materials.ge]
file = "Ge-5"
[regions]
left = "silicon"
right = "silicon"
[interfaces."silicon|ge"]
kind = "dmm"
[interfaces.grain]
kind = "perfect"
[mesh]
file = "stack.msh"
"""
REGIONS = ("left", "ge", "right")
CONTACTS = {
    "left-ge": {("silicon", "ge")},
    "ge-right": {("ge", "silicon")},
    "grain": {("silicon", "silicon")},
}


def changed(old, new):
    assert CASE.count(old) == 1
    return parse_case(CASE.replace(old, new))


def test_a_region_is_of_the_material_it_is_given_or_of_its_namesake():
    found = materials_of_regions(parse_case(CASE), REGIONS)
    assert found == {"left": "silicon", "ge": "ge", "right": "silicon"}


def test_one_material_makes_all_regions():
    one = parse_case('temperature = 300.0\nmaterial = { file = "Si-5" }\nmesh = { file = "a" }')
    assert materials_of(one) == {"material": one.material}
    assert materials_of_regions(one, REGIONS) == dict.fromkeys(REGIONS, "material")
    named = parse_case(
        'temperature = 300.0\n[materials.silicon]\nfile = "Si-5"\n[mesh]\nfile = "a"'
    )
    assert set(materials_of_regions(named, REGIONS).values()) == {"silicon"}


def test_a_law_is_found_by_name_before_pair_and_for_a_pair_in_either_order():
    case = parse_case(CASE)
    model = chosen_model(case, "left-ge", ("silicon", "ge"))
    assert (model.key, model.swapped, type(model.choice)) == ("silicon|ge", False, DiffuseChoice)
    assert chosen_model(case, "ge-right", ("ge", "silicon")).swapped
    named = chosen_model(case, "grain", ("silicon", "ge"))
    assert (named.key, named.swapped, type(named.choice)) == ("grain", False, PerfectChoice)
    assert chosen_model(case, "plane", ("ge", "ge")) is None
    check_interfaces(case, CONTACTS)


def test_a_resolved_case_reads_back():
    case = parse_case(CASE)
    assert parse_case(resolved_toml(case)) == case
    assert 'left = "silicon"' in resolved_toml(case)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('left = "sil', 'lefd = "sil', r"regions.lefd: .* no such region; did you mean 'left'\?"),
        ('left = "silicon"', 'left = "silcon"', r"'silcon': .* did you mean 'silicon'\?"),
        ('left = "silicon"\n', "", r"no material for the region 'left' of the mesh stack.msh"),
        (
            "[materials.ge]",
            '[materials.sn]\nfile = "Ge-5"\n[materials.ge]',
            r"materials.sn: no reg",
        ),
    ],
)
def test_regions_that_do_not_fit_are_refused(old, new, sentence):
    with pytest.raises(InputError, match=sentence):
        materials_of_regions(changed(old, new), REGIONS)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("interfaces.grain", "interfaces.grein", r"grein: .* such interface; did you mean 'grain'"),
        ("silicon|ge", "silcon|ge", r"no material 'silcon'; did you mean 'silicon'\?"),
        ("silicon|ge", "ge|ge", r"meet nowhere in the mesh stack.msh; remove the table"),
        ("[interfaces.grain]", '[interfaces."ge|silicon"]', r"described twice"),
    ],
)
def test_laws_for_what_is_not_there_are_refused(old, new, sentence):
    with pytest.raises(InputError, match=sentence):
        check_interfaces(changed(old, new), CONTACTS)


def test_materials_that_meet_need_a_law():
    case = changed('[interfaces."silicon|ge"]\nkind = "dmm"\n', "")
    with pytest.raises(
        InputError, match=r"no interface model for 'silicon' and 'ge', .* \[interfaces\.\"sil"
    ):
        chosen_model(case, "left-ge", ("silicon", "ge"))


def test_crystals_of_different_temperature_are_refused():
    case = parse_case(CASE)
    check_temperatures(case, {"silicon": 300.0, "ge": 300.0})
    with pytest.raises(InputError, match=r"materials.ge: it was computed at 200 K and 'silicon' "):
        check_temperatures(case, {"silicon": 300.0, "ge": 200.0})
    with pytest.raises(InputError, match=r"temperature = 300: the material silicon"):
        check_temperatures(case, {"silicon": 200.0, "ge": 200.0})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"neither of \[material\] and \[materials.NAME\] given"),
        ('material = { file = "a" }\nmaterials = { b = { file = "b" } }', r"both of \[material\]"),
        ('material = { file = "a" }\nregions = { b = "b" }', r"\[regions\] given with one \[mat"),
        ('materials = { "a|b" = { file = "b" } }', r"must not hold '\|'"),
        (
            'material = { file = "a" }\ninterfaces = { x = { kind = "dnn" } }',
            r"x.kind = 'dnn': must be 'perfect', 'dmm'",
        ),
    ],
)
def test_contradictions_of_a_case_are_told(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_case(f'temperature = 300.0\nmesh = {{ file = "a" }}\n{text}\n')
    assert Case.model_fields["materials"].description
