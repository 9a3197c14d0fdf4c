"""Registers of numbers chosen from two others."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from recon.operators.ct.kernels.cpu.fixed import REACH
from recon.operators.ct.kernels.cpu.simd import LANES, Lanes, spread_lanes

_INT = ir.IntType(32)


def _same(vector: Any, number: Any) -> Any:
    return ir.Constant(vector, [number] * LANES)


def units_of(dtype: Any) -> type[np.signedinteger[Any]]:
    """NumPy's type of the numbers that count positions beside numbers of a dtype."""
    return np.int32 if dtype == np.float32 else np.int64


@intrinsic  # type: ignore[untyped-decorator]
def choose(typing: Any, low: Any, high: Any, place: Any) -> Any:
    """The numbers at ``place``, modulo REACH, of the two registers one after the other."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if "+avx512f" not in context.codegen().magic_tuple()[2].split(","):
            return _read(builder, *args)
        if low.dtype.bitwidth == 32:
            return _permuted(builder, *args)
        a, b, c, d = (_half(builder, register, n) for register in args[:2] for n in (0, 1))
        halves = []
        for n in (0, 1):
            index = _half(builder, args[2], n)
            far = builder.and_(index, ir.Constant(index.type, [LANES] * (LANES // 2)))
            near, beyond = _permuted(builder, a, b, index), _permuted(builder, c, d, index)
            zero = ir.Constant(index.type, [0] * (LANES // 2))
            halves.append(builder.select(builder.icmp_signed("==", far, zero), near, beyond))
        return builder.shuffle_vector(*halves, ir.Constant(ir.VectorType(_INT, LANES), list(range(LANES))))

    return low(low, high, place), generate


def _half(builder: Any, register: Any, n: int) -> Any:
    lanes = list(range(n * LANES // 2, (n + 1) * LANES // 2))
    return builder.shuffle_vector(register, register, ir.Constant(ir.VectorType(_INT, LANES // 2), lanes))


def _permuted(builder: Any, low: Any, high: Any, index: Any) -> Any:
    """AVX-512: the numbers at ``index`` of two registers of 64 bytes."""
    kind = {"i32": "d", "float": "ps", "i64": "q", "double": "pd"}[str(low.type.element)]
    function = ir.FunctionType(low.type, (low.type, index.type, low.type))
    name = f"llvm.x86.avx512.vpermi2var.{kind}.512"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), (low, index, high))


def _read(builder: Any, low: Any, high: Any, index: Any) -> Any:
    """The same from memory, one by one."""
    table = cgutils.alloca_once(builder, ir.ArrayType(low.type, 2))
    for n, register in enumerate((low, high)):
        builder.store(register, builder.gep(table, [ir.Constant(_INT, 0), ir.Constant(_INT, n)]))
    base = builder.bitcast(table, low.type.element.as_pointer())
    within = builder.and_(index, _same(index.type, REACH - 1))
    value = ir.Constant(low.type, ir.Undefined)
    for lane in range(LANES):
        number = builder.load(builder.gep(base, [builder.extract_element(within, ir.Constant(_INT, lane))]))
        value = builder.insert_element(value, number, ir.Constant(_INT, lane))
    return value


@intrinsic  # type: ignore[untyped-decorator]
def whole(typing: Any, number: Any) -> Any:
    """Floating-point numbers without their fractions, as whole numbers of the same width."""
    dtype = types.int32 if number.dtype == types.float32 else types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fptosi(args[0], ir.VectorType(context.get_value_type(dtype), LANES))

    return Lanes(dtype)(number), generate


@intrinsic  # type: ignore[untyped-decorator]
def lesser(typing: Any, a: Any, b: Any) -> Any:
    """The lesser of two whole numbers, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.icmp_signed("<", *args), *args)

    return a(a, b), generate


@intrinsic  # type: ignore[untyped-decorator]
def first_lanes(typing: Any, count: Any, new: Any, old: Any) -> Any:
    """``new`` in the first ``count`` lanes, ``old`` in the others."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size, a, b = args
        limit = spread_lanes(builder, builder.trunc(size, _INT))
        ramp = ir.Constant(ir.VectorType(_INT, LANES), list(range(LANES)))
        return builder.select(builder.icmp_signed("<", ramp, limit), a, b)

    return new(types.intp, new, new), generate
