"""Numbers for compiled formulas: one double, or a vector of doubles with one mode in each lane.

Numba cannot express explicit SIMD over eight modes, and automatic vectorisation of an inner loop
over modes is unreliable. So a formula is written in Python on the number classes of this file,
whose operators emit instructions instead of computing. Python loops are unrolled at compile time,
so one source serves all dimensions, and all values stay in registers.

Complex numbers are pairs. In memory the numbers of all lanes are ordered as [part, lane]; for one
lane this is NumPy's complex128.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

# Products may be fused with sums, and zeros lose their sign; the order of sums is kept.
_FLAGS = ("contract", "nsz")

_DOUBLE = ir.DoubleType()
_INTEGER = ir.IntType(64)


class Real:
    """A double in each lane."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Complex):
            return other + self
        return self._new(self.builder.fadd(self.value, other.value, flags=_FLAGS))

    def __sub__(self, other: Real) -> Real:
        return self._new(self.builder.fsub(self.value, other.value, flags=_FLAGS))

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Complex):
            return other * self
        factor = other.value if isinstance(other, Real) else self._constant(other)
        return self._new(self.builder.fmul(self.value, factor, flags=_FLAGS))

    def inverse(self) -> Real:
        """Return 1 / x."""
        return self._new(self.builder.fdiv(self._constant(1.0), self.value, flags=_FLAGS))

    def negative_part(self) -> Real:
        """Return max(-x, 0)."""
        zero = self._constant(0.0)
        below = self.builder.fcmp_ordered("<", self.value, zero)
        opposite = self.builder.fsub(zero, self.value, flags=_FLAGS)
        return self._new(self.builder.select(below, opposite, zero))

    def product_plus(self, factor: Real, summand: Real) -> Real:
        """Return x * factor + summand, rounded once."""
        return self._new(self.builder.fma(self.value, factor.value, summand.value))

    def spread(self, lanes: int) -> Real:
        """Return the number of a single lane broadcast to all lanes."""
        if lanes == 1:
            return Real(self.builder, self.value)
        kind = ir.VectorType(_DOUBLE, lanes)
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, self.value, ir.Constant(ir.IntType(32), 0))
        everywhere = _mask([0] * lanes)
        return Real(self.builder, self.builder.shuffle_vector(first, nothing, everywhere))

    def _new(self, value: Any) -> Real:
        return Real(self.builder, value)

    def _constant(self, number: float) -> Any:
        kind = self.value.type
        wide = isinstance(kind, ir.VectorType)
        return ir.Constant(kind, [number] * kind.count if wide else number)


class Complex:
    """A complex number in each lane."""

    def __init__(self, real: Real, imag: Real) -> None:
        self.real, self.imag = real, imag

    def __add__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return Complex(self.real + other.real, self.imag + other.imag)
        return Complex(self.real + other, self.imag)

    def __sub__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return Complex(self.real - other.real, self.imag - other.imag)
        return Complex(self.real - other, self.imag)

    def __mul__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return Complex(
                self.real * other.real - self.imag * other.imag,
                self.real * other.imag + self.imag * other.real,
            )
        return Complex(self.real * other, self.imag * other)

    def inverse(self) -> Complex:
        """Return 1 / z."""
        scale = (self.real * self.real + self.imag * self.imag).inverse()
        return Complex(self.real * scale, self.imag * scale * -1.0)


def total(numbers: Sequence[Any]) -> Any:
    """Return the sum from left to right."""
    result = numbers[0]
    for number in numbers[1:]:
        result = result + number
    return result


class Memory:
    """The memory of a flat array, or of one row of an array, as numbers in lanes.

    Args:
        builder: Takes the instructions.
        pointer: First double or 32-bit integer.
        lanes: Lanes of each number.
        parts: 2 for complex numbers.
    """

    def __init__(self, builder: Any, pointer: Any, lanes: int = 1, parts: int = 1) -> None:
        self.builder, self.pointer, self.lanes, self.parts = builder, pointer, lanes, parts

    def entry(self, index: Any) -> Any:
        """Return one entry of the array as it is."""
        return self.builder.load(self.builder.gep(self.pointer, [as_index(index)]))

    def integer(self, index: Any) -> Any:
        """Return a 32-bit entry as an index."""
        return self.builder.sext(self.entry(index), _INTEGER)

    def real(self, index: Any) -> Real:
        """Return one double."""
        return Real(self.builder, self.entry(index))

    def number(self, index: Any) -> Any:
        """Return the numbers at degree of freedom `index`, one in each lane."""
        # Only the alignment of a double is assumed.
        parts = [
            Real(self.builder, self.builder.load(pointer, align=8))
            for pointer in self._parts(index)
        ]
        return parts[0] if self.parts == 1 else Complex(*parts)

    def store(self, index: Any, number: Any) -> None:
        """Write the numbers at degree of freedom `index`."""
        values = [number] if self.parts == 1 else [number.real, number.imag]
        for pointer, value in zip(self._parts(index), values, strict=True):
            self.builder.store(value.value, pointer, align=8)

    def consecutive(self, index: Any) -> Any:
        """Return the pointer to as many entries as there are lanes, from `index` on."""
        kind = _DOUBLE if self.lanes == 1 else ir.VectorType(_DOUBLE, self.lanes)
        pointer = self.builder.gep(self.pointer, [as_index(index)])
        return self.builder.bitcast(pointer, kind.as_pointer())

    def _parts(self, index: Any) -> list[Any]:
        first = self.builder.mul(as_index(index), as_index(self.lanes * self.parts))
        places = [self.builder.add(first, as_index(k * self.lanes)) for k in range(self.parts)]
        return [self.consecutive(place) for place in places]


def memory_of(
    target: Any, builder: Any, kind: Any, array: Any, row: Any = None, lanes: int = 1
) -> Memory:
    """Return the memory of an array of type `kind`, or of a row of it."""
    values = target.make_array(kind)(target, builder, array)
    pointer = values.data
    if row is not None:
        stride = cgutils.unpack_tuple(builder, values.strides)[0]
        pointer = cgutils.pointer_add(builder, pointer, builder.mul(row, stride))
    parts = 2 if kind.dtype == types.complex128 else 1
    if parts == 2:
        pointer = builder.bitcast(pointer, _DOUBLE.as_pointer())
    return Memory(builder, pointer, lanes, parts)


def scalar_of(target: Any, builder: Any, kind: Any, value: Any) -> Real | Complex:
    """Return a real or complex number that is an argument."""
    if kind == types.complex128:
        pair = target.make_complex(builder, kind, value=value)
        return Complex(Real(builder, pair.real), Real(builder, pair.imag))
    return Real(builder, value)


def tuple_of(builder: Any, kind: Any, value: Any) -> list[Real]:
    """Return the doubles of a tuple that is an argument."""
    return [Real(builder, builder.extract_value(value, k)) for k in range(kind.count)]


def transposed(builder: Any, rows: Sequence[Any]) -> list[Any]:
    """Return the columns of a square of vectors, by swaps of ever smaller off-diagonal blocks.

    The number of rows is a power of two.
    """
    size, values, step = len(rows), list(rows), len(rows) // 2
    while step:
        upper = _mask([size + j - step if j & step else j for j in range(size)])
        lower = _mask([size + j if j & step else j + step for j in range(size)])
        for i in (i for i in range(size) if not i & step):
            pair = values[i], values[i + step]
            values[i] = builder.shuffle_vector(*pair, upper)
            values[i + step] = builder.shuffle_vector(*pair, lower)
        step //= 2
    return values


def as_index(number: Any) -> Any:
    """Return a Python integer as a constant; instructions are returned unchanged."""
    return ir.Constant(_INTEGER, number) if isinstance(number, int) else number


def _mask(lanes: Sequence[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
