"""Facets found with NumPy, on meshes small enough to count by hand."""

from __future__ import annotations

import numpy as np

from pbte.geometry.facets import (
    facet_area_vectors,
    facet_table,
    longest_edges,
    match_rows,
    signed_volumes,
)


def test_two_triangles_share_one_of_five_edges():
    table = facet_table(np.array([[0, 1, 2], [2, 3, 0]]))
    assert len(table.nodes) == 5
    shared = np.flatnonzero(table.num_cells == 2)
    assert table.nodes[shared].tolist() == [[0, 2]]
    assert sorted(table.cells[shared[0]].tolist()) == [0, 1]
    assert sorted(table.opposite[shared[0]].tolist()) == [1, 3]
    assert np.all(table.cells[table.num_cells == 1, 1] == -1)


def test_a_facet_with_three_cells_is_counted_as_such():
    table = facet_table(np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]))
    assert table.num_cells.max() == 3


def test_rows_are_found_in_a_table_and_absent_ones_are_not():
    table = np.array([[0, 1, 2], [0, 2, 3], [5, 6, 7]])
    rows = np.array([[5, 6, 7], [0, 1, 3], [0, 1, 2]])
    assert match_rows(rows, table).tolist() == [2, -1, 0]
    assert match_rows(rows, table[:0]).tolist() == [-1, -1, -1]


def test_volumes_of_simplices_carry_the_sign_of_their_orientation():
    corner = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    volumes = signed_volumes(corner, np.array([[0, 1, 2, 3], [0, 2, 1, 3]]))
    np.testing.assert_allclose(volumes, [1 / 6, -1 / 6], rtol=1e-15)
    np.testing.assert_allclose(signed_volumes(np.array([[0.0], [2]]), np.array([[1, 0]])), [-2])


def test_area_vectors_are_normal_to_the_facets_and_as_long_as_their_area():
    corner = np.array([[0.0, 0, 0], [2, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(facet_area_vectors(corner, np.array([[0, 1, 2]])), [[0, 0, 1]])
    edge = facet_area_vectors(corner[:, :2], np.array([[0, 1]]))
    np.testing.assert_allclose(np.abs(edge), [[0, 2]])
    assert longest_edges(corner, np.array([[0, 1, 2]])) == np.sqrt(5)
