"""The reference models against other formulae for the same numbers."""

from __future__ import annotations

import pytest
from known_values import closed_forms, ham, jumps, mediator, mediator_limits, strings

VALUES = [
    value
    for module in (closed_forms, ham, jumps, mediator, mediator_limits, strings)
    for value in module.known_values()
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.name)
def test_a_number_is_the_same_in_two_ways(value):
    expected = value.expected() if callable(value.expected) else value.expected
    scale = 1.0 if value.absolute else abs(expected)
    assert abs(value.found() - expected) <= value.tolerance * scale, value.source


def test_every_number_has_a_name_and_a_source_of_its_own():
    assert len({value.name for value in VALUES}) == len(VALUES)
    for value in VALUES:
        assert value.source and value.quantity
        assert 0.0 < value.tolerance <= 0.05
        # A number that is compared with itself would not be known in two ways.
        assert value.found is not value.expected
