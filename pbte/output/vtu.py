"""Writer of VTK's own XML format for unstructured grids (.vtu) and time series (.pvd).

Needs NumPy only: VTK itself is large, and Debian's python3-vtk9 cannot be installed next to its
ParaView. Format: "VTK XML file formats", appended base64 data (valid XML) in zlib-compressed
blocks. Tests read the files with VTK's own reader.
"""

from __future__ import annotations

import base64
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from pbte.core.types import Array, IntArray

VERTEX, LINE, TRIANGLE, TETRAHEDRON = 1, 3, 5, 10
"""VTK's numbers of the cell types."""

_BLOCK = 1 << 20
_KINDS = {"f4": "Float32", "f8": "Float64", "i4": "Int32", "i8": "Int64", "u1": "UInt8"}


@dataclass(frozen=True, kw_only=True)
class NamedArray:
    """Values on the points or cells of a grid.

    Attributes:
        name: Name of the array.
        unit: Its unit, stored in VTK's information key UNITS_LABEL.
        values: Shape (num,) or (num, num_components).
    """

    name: str
    unit: str
    values: npt.NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An unstructured grid of cells of one type.

    Attributes:
        points: Shape (num_points, 3), in the unit that the text `length_unit` of a user names.
        cells: Point numbers of each cell, shape (num_cells, points_per_cell).
        cell_type: VTK's number of the cell type.
        point_data: Arrays on the points; the first scalar and the first vector are shown first.
        cell_data: Arrays on the cells, shown by the same rule.
        texts: Name -> text, stored with the grid (VTK's field data).
    """

    points: Array
    cells: IntArray
    cell_type: int
    point_data: Sequence[NamedArray] = ()
    cell_data: Sequence[NamedArray] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def write_vtu(path: Path, grid: Grid) -> None:
    """Write a grid.

    Args:
        path: File to write, ending in .vtu; overwritten when it exists.
        grid: The grid with its data.

    Raises:
        OSError: The file cannot be written.
    """
    appended = _Appended()
    num_cells, per_cell = grid.cells.shape
    topology = (
        ("connectivity", grid.cells.ravel()),
        ("offsets", np.arange(1, num_cells + 1, dtype=np.int64) * per_cell),
        ("types", np.full(num_cells, grid.cell_type, dtype=np.uint8)),
    )
    order = "LittleEndian" if sys.byteorder == "little" else "BigEndian"
    lines = [
        '<?xml version="1.0"?>',
        f'<VTKFile type="UnstructuredGrid" version="1.0" byte_order="{order}" '
        'header_type="UInt64" compressor="vtkZLibDataCompressor">',
        "<UnstructuredGrid>",
        *_texts(grid.texts),
        f'<Piece NumberOfPoints="{len(grid.points)}" NumberOfCells="{num_cells}">',
        *_section("PointData", grid.point_data, appended),
        *_section("CellData", grid.cell_data, appended),
        "<Points>",
        appended.array("Points", grid.points),
        "</Points>",
        "<Cells>",
        *(appended.array(name, values) for name, values in topology),
        "</Cells>",
        "</Piece>",
        "</UnstructuredGrid>",
        '<AppendedData encoding="base64">',
    ]
    with path.open("wb") as file:
        file.write("\n".join(lines).encode() + b"\n_")
        for part in appended.parts:
            file.write(part)
        file.write(b"\n</AppendedData>\n</VTKFile>\n")


def write_pvd(path: Path, files: Sequence[tuple[float, Path]]) -> None:
    """Write the index that shows several grids as a time series.

    Args:
        path: File to write, ending in .pvd.
        files: Time and file of each grid; the files are named relative to the index.

    Raises:
        OSError: The file cannot be written.
    """
    lines = ['<?xml version="1.0"?>', '<VTKFile type="Collection" version="1.0">', "<Collection>"]
    for time, file in files:
        name = quoteattr(file.relative_to(path.parent).as_posix())
        lines.append(f'<DataSet timestep="{time:.17g}" part="0" file={name}/>')
    lines += ["</Collection>", "</VTKFile>", ""]
    path.write_text("\n".join(lines), encoding="utf-8")


class _Appended:
    """Collects the data at the end of the file, and the offsets into it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._offset = 0

    def array(self, name: str, values: npt.NDArray[np.generic], unit: str = "") -> str:
        """Append the values and return the element that describes them."""
        data = np.ascontiguousarray(values)
        kind = _KINDS[data.dtype.str[1:]]
        components = data.shape[1] if data.ndim == 2 else 1
        head = (
            f'<DataArray type="{kind}" Name={quoteattr(name)} NumberOfComponents="{components}" '
            f'format="appended" offset="{self._offset}"'
        )
        for part in _encode(data.tobytes()):
            self.parts.append(part)
            self._offset += len(part)
        if not unit:
            return f"{head}/>"
        key = '<InformationKey name="UNITS_LABEL" location="vtkDataArray">'
        return f"{head}>{key}{escape(unit)}</InformationKey></DataArray>"


def _encode(data: bytes) -> tuple[bytes, bytes]:
    """Return header and data: number of blocks, block size, size of a last partial block, sizes."""
    blocks = [zlib.compress(data[i : i + _BLOCK], 6) for i in range(0, len(data), _BLOCK)]
    sizes = [len(blocks), _BLOCK, len(data) % _BLOCK, *map(len, blocks)]
    header = np.array(sizes, dtype=np.uint64).tobytes()
    return base64.b64encode(header), base64.b64encode(b"".join(blocks))


def _section(tag: str, arrays: Sequence[NamedArray], appended: _Appended) -> list[str]:
    active = ""
    for role, num_axes in (("Scalars", 1), ("Vectors", 2)):
        first = next((a.name for a in arrays if a.values.ndim == num_axes), None)
        if first is not None:
            active += f" {role}={quoteattr(first)}"
    return [
        f"<{tag}{active}>",
        *(appended.array(a.name, a.values, a.unit) for a in arrays),
        f"</{tag}>",
    ]


def _texts(texts: Mapping[str, str]) -> list[str]:
    """Return the elements of texts, written as the numbers of their bytes, ended by a zero."""
    elements = []
    for name, text in texts.items():
        numbers = " ".join(str(byte) for byte in text.encode() + b"\0")
        elements.append(
            f'<DataArray type="String" Name={quoteattr(name)} NumberOfTuples="1" '
            f'format="ascii">{numbers}</DataArray>'
        )
    return ["<FieldData>", *elements, "</FieldData>"] if elements else []
