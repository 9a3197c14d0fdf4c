"""Registers of fixed-point numbers: positions that come out the same, bit for bit, in whatever order they are reached.

A position is a whole number of units of 2⁻²⁶ beside float32 numbers and of 2⁻⁴⁸ beside float64 numbers, in lanes of the
same width. Sums and multiples of such numbers are exact, and so forward and adjoint kernels, which walk along the
positions of rays and of pixels, weigh with the same numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from recon.operators.ct.kernels.cpu.simd import LANES, Lanes, spread_lanes

REACH = 2 * LANES
"""Places that :func:`pick` can tell apart."""
BITS = {types.int32: 26, types.int64: 48}

_INT = ir.IntType(32)


def _whole(dtype: Any) -> Any:
    return types.int32 if dtype == types.float32 else types.int64


def _same(like: Any, number: int) -> Any:
    return ir.Constant(like.type, [number] * LANES)


@intrinsic  # type: ignore[untyped-decorator]
def digits(typing: Any, array: Any) -> Any:
    """Binary digits after the point of positions beside the numbers of ``array``: a constant to the compiler."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.int64, BITS[_whole(array.dtype)])

    return types.int64(array), generate


@intrinsic  # type: ignore[untyped-decorator]
def fixed(typing: Any, array: Any, number: Any) -> Any:
    """A register with the same ``number`` in every lane, to go with the numbers of ``array``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        width = context.get_value_type(signature.return_type.dtype)
        return spread_lanes(builder, builder.trunc(args[1], width) if width.width < 64 else args[1])

    return Lanes(_whole(array.dtype))(array, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def ramp(typing: Any, like: Any) -> Any:
    """The whole numbers 0, 1, 2, … in a register like another."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(args[0].type, list(range(LANES)))

    return like(like), generate


@intrinsic  # type: ignore[untyped-decorator]
def node(typing: Any, position: Any) -> Any:
    """The whole parts of positions, rounded down."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ashr(args[0], _same(args[0], BITS[position.dtype]))

    return position(position), generate


@intrinsic  # type: ignore[untyped-decorator]
def far_node(typing: Any, position: Any) -> Any:
    """:func:`node` of positions in units four times as large, which reach four times as far."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ashr(args[0], _same(args[0], BITS[position.dtype] - 2))

    return position(position), generate


@intrinsic  # type: ignore[untyped-decorator]
def rest(typing: Any, position: Any) -> Any:
    """Positions less their :func:`node`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.and_(args[0], _same(args[0], (1 << BITS[position.dtype]) - 1))

    return position(position), generate


@intrinsic  # type: ignore[untyped-decorator]
def magnitude(typing: Any, number: Any) -> Any:
    """Absolute values."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _larger(builder, args[0], builder.neg(args[0]))

    return number(number), generate


@intrinsic  # type: ignore[untyped-decorator]
def positive(typing: Any, number: Any) -> Any:
    """Numbers, or 0 where they are negative."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _larger(builder, args[0], _same(args[0], 0))

    return number(number), generate


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed(">", a, b), a, b)


@intrinsic  # type: ignore[untyped-decorator]
def real(typing: Any, number: Any) -> Any:
    """Whole numbers as floating-point numbers of the same width."""
    dtype = types.float32 if number.dtype == types.int32 else types.float64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.sitofp(args[0], ir.VectorType(context.get_value_type(dtype), LANES))

    return Lanes(dtype)(number), generate


@intrinsic  # type: ignore[untyped-decorator]
def fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c of floating-point registers, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = args[0].type
        function = ir.FunctionType(vector, (vector, vector, vector))
        name = f"llvm.fma.v{LANES}f{a.dtype.bitwidth}"
        return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)

    return a(a, b, c), generate


@intrinsic  # type: ignore[untyped-decorator]
def pick(typing: Any, array: Any, first: Any, place: Any) -> Any:
    """The register array[first + place] for a register of places, each taken modulo REACH.

    All of array[first : first + REACH] must exist: with AVX-512 it is loaded and permuted in registers.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        base = builder.gep(data, [args[1]])
        if "+avx512f" in context.codegen().magic_tuple()[2].split(","):
            return (
                _permuted_single(builder, base, args[2])
                if place.dtype == types.int32
                else _permuted_double(builder, base, args[2])
            )
        within = builder.and_(args[2], _same(args[2], REACH - 1))
        value = ir.Constant(ir.VectorType(context.get_value_type(array.dtype), LANES), ir.Undefined)
        for lane in range(LANES):
            index = builder.extract_element(within, ir.Constant(_INT, lane))
            value = builder.insert_element(value, builder.load(builder.gep(base, [index])), ir.Constant(_INT, lane))
        return value

    return Lanes(array.dtype)(array, types.intp, place), generate


def _loaded(builder: Any, base: Any, size: int) -> list[Any]:
    """REACH numbers from ``base`` on, in registers of ``size``."""
    vector, found = ir.VectorType(base.type.pointee, size), []
    for first in range(0, REACH, size):
        found.append(builder.load(builder.bitcast(builder.gep(base, [ir.Constant(_INT, first)]), vector.as_pointer())))
        found[-1].align = 4
    return found


def _permuted_single(builder: Any, base: Any, place: Any) -> Any:
    low, high = _loaded(builder, base, LANES)
    return _permuted(builder, "ps", low, place, high)


def _permuted_double(builder: Any, base: Any, place: Any) -> Any:
    """Registers of eight hold half the lanes and a quarter of the numbers."""
    half = LANES // 2
    a, b, c, d = _loaded(builder, base, half)
    parts = []
    for first in (0, half):
        chosen = ir.Constant(ir.VectorType(_INT, half), list(range(first, first + half)))
        part = builder.shuffle_vector(place, place, chosen)
        far = builder.icmp_signed(">=", part, ir.Constant(part.type, [LANES] * half))
        parts.append(builder.select(far, _permuted(builder, "pd", c, part, d), _permuted(builder, "pd", a, part, b)))
    return builder.shuffle_vector(*parts, ir.Constant(ir.VectorType(_INT, LANES), list(range(LANES))))


def _permuted(builder: Any, kind: str, low: Any, place: Any, high: Any) -> Any:
    function = ir.FunctionType(low.type, (low.type, place.type, high.type))
    name = f"llvm.x86.avx512.vpermi2var.{kind}.512"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), (low, place, high))
