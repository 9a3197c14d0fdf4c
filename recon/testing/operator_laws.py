"""Laws of every operator, linear or not: shapes, batches, precision, refusals."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import (
    BATCH_SHAPES,
    Direction,
    OperatorCase,
    distance,
    dtype_out,
    dtypes,
    norm,
    real_dtype,
)

ROUNDING = 64 * torch.finfo(torch.float64).eps


def shapes(case: OperatorCase) -> str:
    """(*batch, *domain_shape) becomes (*batch, *range_shape) for batches (), (0,), (1,), (3,), (2, 3)."""
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            for batch in BATCH_SHAPES:
                out = side.function(case.draw(side, batch, dtype))
                expected = (*batch, *side.shape_out)
                assert tuple(out.shape) == expected, (
                    f"{side.name} on a batch {batch} gave shape {tuple(out.shape)}, expected {expected}."
                )
                wanted = {"real": False, "complex": True}.get(side.field_out, out.is_complex())
                assert out.is_complex() == wanted, f"{side.name} gave {out.dtype} though its field is {side.field_out}."
    return "batches (), (0,), (1,), (3,), (2, 3)"


def batch_equals_loop(case: OperatorCase) -> str:
    """An item gives the same result, to 64 ulp of its norm, alone and in a batch."""
    worst = 0.0
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            x = case.draw(side, (2, 3), dtype)
            together = side.function(x)
            for i, j in ((0, 0), (1, 2)):
                alone = side.function(x[i, j])
                worst = largest(worst, distance(together[i, j], alone) / max(norm(alone), norm(x[i, j]), 1e-300))
    return at_most(worst, ROUNDING, "relative difference between an item alone and in a batch")


def items_independent(case: OperatorCase) -> str:
    """NaN in one item of a batch leaves the other items as they are."""
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            x = case.draw(side, (3,), dtype)
            clean = side.function(x)
            spoiled = side.function(_with_nan_item(x))
            for i in (0, 2):
                worst = distance(clean[i], spoiled[i]) / max(norm(clean[i]), 1e-300)
                at_most(worst, ROUNDING, f"{side.name}: relative change of an item next to one full of NaN")
    return "a NaN neighbour changes nothing"


def nan_stays_visible(case: OperatorCase) -> str:
    """An input full of NaN does not give an output full of finite numbers."""
    for side in case.directions():
        dtype = dtypes(side.field_in)[-1]
        x = case.draw(side, (), dtype)
        if isinstance(case.op, LinearOperator) and norm(side.function(x)) == 0:
            raise NotApplicable("the operator is zero")
        out = side.function(torch.full_like(x, torch.nan))
        assert not bool(torch.isfinite(torch.view_as_real(out) if out.is_complex() else out).all()), (
            f"{side.name} turned an input full of NaN into finite numbers."
        )
    return "NaN in, NaN out"


def precision_follows_input(case: OperatorCase) -> str:
    """Single in, single out; double in, double out; and the two agree to single precision."""
    worst = 0.0
    for side in case.directions():
        for single, wide in zip(dtypes(side.field_in, False), dtypes(side.field_in), strict=True):
            low, high = side.function(case.draw(side, (2,), single)), side.function(case.draw(side, (2,), wide))
            alone = side.function(case.draw(side, (), single))
            for dtype, out in ((single, low), (single, alone), (wide, high)):
                kind = dtype_out(side.field_out, dtype)
                assert real_dtype(out.dtype) == real_dtype(kind), f"{side.name} turned {dtype} into {out.dtype}."
            scale = max(norm(high), norm(case.draw(side, (2,), wide)) * 1e-6, 1e-300)
            worst = largest(worst, distance(low, high) / scale)
    return at_most(worst, 1e-3, "relative difference between single and double precision")


def half_precision(case: OperatorCase) -> str:
    """Half-precision input is computed in single precision and rounded once."""
    if not isinstance(case.op, LinearOperator):
        raise NotApplicable("promised by linear operators only")
    for side in case.directions():
        halves = [torch.complex32] if side.field_in == "complex" else [torch.float16, torch.bfloat16]
        for dtype in halves:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # torch announces complex32 as experimental
                x = case.draw(side, (2,), torch.complex64 if dtype.is_complex else torch.float32).to(dtype)
                out = side.function(x)
                wide = side.function(x.to(torch.complex64 if dtype.is_complex else torch.float32))
                rounded = wide.to(torch.complex32) if wide.is_complex() else wide.to(real_dtype(out.dtype))
                assert out.dtype == rounded.dtype, f"{side.name} turned {dtype} into {out.dtype}."
                assert out.dtype.itemsize == (4 if out.is_complex() else 2), (
                    f"{side.name} turned {dtype} into {out.dtype}."
                )
                difference = distance(out.to(wide.dtype), rounded.to(wide.dtype))
            assert difference == 0, (
                f"{side.name} on {dtype} differs by {difference:.2g} from single precision rounded once."
            )
    return "rounded once"


def device_follows_input(case: OperatorCase) -> str:
    """On a CUDA device the result stays there and agrees with the CPU's to 1e-4."""
    if not torch.cuda.is_available():
        raise NotApplicable("no CUDA device")
    worst = 0.0
    for side in case.directions():
        for dtype in dtypes(side.field_in, False):
            x = case.draw(side, (2,), dtype).cpu()
            cpu, cuda = side.function(x), side.function(x.cuda())
            assert cuda.device.type == "cuda", f"{side.name} moved its input from cuda to {cuda.device}."
            assert cpu.device.type == "cpu", f"{side.name} moved its input from cpu to {cpu.device}."
            worst = largest(worst, distance(cpu, cuda.cpu()) / max(norm(cpu), norm(x) * 1e-6, 1e-300))
    return at_most(worst, 1e-4, "relative difference between CPU and CUDA")


def refuses_wrong_input(case: OperatorCase) -> str:
    """A wrong shape, type or field is refused in a sentence that names what came."""
    for side in case.directions():
        if not side.checked:
            continue
        dtype = dtypes(side.field_in)[0]
        x = torch.zeros(side.shape_in, dtype=dtype, device=case.device)
        wrong: list[tuple[object, type[Exception], str]] = [
            (x.cpu().numpy(), TypeError, "ndarray"),
            (torch.zeros(side.shape_in, dtype=torch.int64, device=case.device), TypeError, "int64"),
        ]
        if side.shape_in:
            longer = x.new_zeros((2, *side.shape_in[:-1], side.shape_in[-1] + 1))
            fewer = x.new_zeros(side.shape_in[1:])
            wrong += [(t, ValueError, str(tuple(t.shape))) for t in (longer, fewer)]
        if side.field_in != "any":
            other = real_dtype(dtype) if dtype.is_complex else dtype.to_complex()
            wrong.append((x.to(other) if other.is_complex else x.real, TypeError, str(other).removeprefix("torch.")))
        for value, kind, mention in wrong:
            _expect_refusal(side, value, kind, mention)
    return "wrong shape, type and field are named"


def _expect_refusal(side: Direction, value: object, kind: type[Exception], mention: str) -> None:
    try:
        side.function(value)  # type: ignore[arg-type]
    except kind as error:
        message = str(error)
        assert mention in message, f"{side.name} refused {mention} without naming it: {message!r}."
        return
    except Exception as error:
        raise AssertionError(
            f"{side.name} given {mention} raised {type(error).__name__} ({error}), expected {kind.__name__}."
        ) from error
    raise AssertionError(f"{side.name} accepted {mention}, expected {kind.__name__}.")


def _with_nan_item(x: Tensor) -> Tensor:
    spoiled = x.clone()
    spoiled[1] = torch.nan
    return spoiled


OPERATOR_LAWS: tuple[Law, ...] = (
    shapes,
    batch_equals_loop,
    items_independent,
    nan_stays_visible,
    precision_follows_input,
    half_precision,
    device_follows_input,
    refuses_wrong_input,
)
