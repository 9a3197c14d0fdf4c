"""Explicit SIMD registers for Numba kernels, emitted as LLVM vector types.

LLVM maps the fixed number of lanes onto whatever the processor has, so kernels written with these
few functions run everywhere and never depend on the loop vectoriser's alias analysis. Registers are
added, subtracted and multiplied with ``+ - *``. Nothing here checks bounds.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, overload, register_model

LANES = 16
_FLAGS = ("contract", "nsz")  # a·b + c may be fused; sums keep their order and NaN stays NaN
_INT = ir.IntType(32)


class Lanes(types.Type):
    """Numba type of a register of LANES numbers of one dtype."""

    def __init__(self, dtype: Any) -> None:
        super().__init__(name=f"Lanes({dtype})")
        self.dtype = dtype


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(dmm.lookup(fe_type.dtype).get_value_type(), LANES))


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> tuple[Any, int]:
    vector = ir.VectorType(context.get_value_type(array_type.dtype), LANES)
    address = builder.gep(_data(context, builder, array_type, array), [index])
    return builder.bitcast(address, vector.as_pointer()), array_type.dtype.bitwidth // 8


def spread_lanes(builder: Any, value: Any) -> Any:
    """A register with ``value`` in every lane, as LLVM code."""
    undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT, LANES), [0] * LANES))


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, array: Any, index: Any) -> Any:
    """The register array[index : index + LANES] of a contiguous 1-D array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, align = _pointer(context, builder, signature.args[0], *args)
        value = builder.load(pointer)
        value.align = align
        return value

    return Lanes(array.dtype)(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index : index + LANES] = value on a contiguous 1-D array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, align = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], pointer).align = align
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic  # type: ignore[untyped-decorator]
def gather(typing: Any, array: Any, nodes: Any, shift: Any) -> Any:
    """The register array[nodes + shift] for a register of whole ``nodes``, none of which is negative."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = _data(context, builder, signature.args[0], args[0])
        base = builder.gep(data, [args[2]])
        value = ir.Constant(ir.VectorType(context.get_value_type(array.dtype), LANES), ir.Undefined)
        for lane in range(LANES):
            node = builder.zext(builder.extract_element(args[1], ir.Constant(_INT, lane)), ir.IntType(64))
            value = builder.insert_element(value, builder.load(builder.gep(base, [node])), ir.Constant(_INT, lane))
        return value

    return Lanes(array.dtype)(array, nodes, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def splat(typing: Any, number: Any) -> Any:
    """A register with the same number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return spread_lanes(builder, args[0])

    return Lanes(number)(number), generate


def _arithmetic(symbol: Any, instruction: str) -> None:
    @intrinsic  # type: ignore[untyped-decorator]
    def apply(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if isinstance(a.dtype, types.Float):
                return getattr(builder, f"f{instruction}")(*args, flags=_FLAGS)
            return getattr(builder, instruction)(*args)

        return a(a, b), generate

    @overload(symbol, inline="always")
    def choose(a, b):  # type: ignore[no-untyped-def]  # Numba compares this signature with the lambda's
        if isinstance(a, Lanes) and isinstance(b, Lanes):
            return lambda a, b: apply(a, b)
        return None


_arithmetic(operator.add, "add")
_arithmetic(operator.sub, "sub")
_arithmetic(operator.mul, "mul")
