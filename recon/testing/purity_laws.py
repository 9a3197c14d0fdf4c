"""Laws of every operator: no side effects, no shared memory, no hidden state."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import torch
from torch import Tensor

from recon.testing.operator_laws import ROUNDING
from recon.testing.report import Law, at_most, largest
from recon.testing.samples import Direction, OperatorCase, distance, dtypes, norm, same


def input_unchanged(case: OperatorCase) -> str:
    """Nothing the caller passes in is changed."""
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            for batch in ((), (2,)):
                x = case.draw(side, batch, dtype)
                before = x.clone()
                side.function(x)
                assert same(x, before), f"{side.name} changed its input in place."
    return "inputs as they were"


def output_is_its_own(case: OperatorCase) -> str:
    """Later in-place changes of the input or of the output reach neither the other nor the operator."""
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            x = case.draw(side, (2,), dtype)
            original = x.clone()
            out = side.function(x)
            kept = out.clone()
            x.add_(1)
            assert same(out, kept), f"an in-place change of the input of {side.name} changed its output."
            side.function(2 * original)
            assert same(out, kept), f"the next call of {side.name} changed the output of the last."
            out.add_(1)
            assert same(x, original + 1), f"an in-place change of the output of {side.name} changed its input."
            again = side.function(original)
            assert same(again, kept), f"an in-place change of the output of {side.name} changed what it returns next."
    return "no shared memory"


def memory_layout(case: OperatorCase) -> str:
    """Transposed, expanded and sliced inputs give what their contiguous copies give."""
    worst = 0.0
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            for x in _layouts(case, side, dtype):
                a, b = side.function(x), side.function(x.contiguous().clone())
                worst = largest(worst, distance(a, b) / max(norm(b), norm(x), 1e-300))
    return at_most(worst, ROUNDING, "relative difference between a strided input and its contiguous copy")


def repeatable(case: OperatorCase) -> str:
    """The same input gives the same output, bit for bit, whatever was computed in between."""
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            x = case.draw(side, (2,), dtype)
            first = side.function(x)
            for other in dtypes(side.field_in, False):
                side.function(case.draw(side, (3,), other, seed=5))
            assert same(first, side.function(x)), f"{side.name} gave two answers to one question."
    return "bit for bit"


def pickling(case: OperatorCase) -> str:
    """A pickled and a deep-copied operator give the same results, bit for bit."""
    for side in case.directions():
        side.function(case.draw(side, (), dtypes(side.field_in)[0]))
    for copied in (pickle.loads(pickle.dumps(case.op)), copy.deepcopy(case.op)):
        twin = replace(case, op=copied)
        for side, other in zip(case.directions(), twin.directions(), strict=True):
            x = case.draw(side, (2,), dtypes(side.field_in)[-1])
            assert same(side.function(x), other.function(x)), f"{side.name} differs after pickling."
    return "bit for bit"


def _layouts(case: OperatorCase, side: Direction, dtype: torch.dtype) -> list[Tensor]:
    x = case.draw(side, (3,), dtype)
    reversed_storage = x.permute(*reversed(range(x.ndim))).contiguous().permute(*reversed(range(x.ndim)))
    sliced = torch.stack([x, x], dim=-1)[..., 0]
    expanded = x[:1].expand(3, *side.shape_in)
    return [reversed_storage, sliced, expanded]


PURITY_LAWS: tuple[Law, ...] = (input_unchanged, output_is_its_own, memory_layout, repeatable, pickling)
