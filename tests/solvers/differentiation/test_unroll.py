"""Checkpointed unrolling: the same gradients in less memory."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from recon.operators import Blur, GaussianNoise, gaussian_psf
from recon.priors import TotalVariation
from recon.solvers import FISTA, PDHG, MaxIter, Problem, Solver, unroll
from recon.solvers.differentiation.unroll import ceil_root

A = Blur(gaussian_psf(1.0), (16, 16))
DATA = A(torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64))


class Living(TorchDispatchMode):
    """Counts the bytes of the tensors alive, and their largest sum."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, Tensor):
                self._note(value.untyped_storage())
        return out

    def _note(self, storage: Any) -> None:
        key = storage._cdata
        if key in self.known:
            return
        size = storage.nbytes()
        self.known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)

        def gone() -> None:
            self.known.discard(key)
            self.now -= size

        weakref.finalize(storage, gone)


def gradient(solver: Solver, iterations: int, segments: Any) -> tuple[Tensor, int]:
    lam = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    problem = Problem(A, DATA, GaussianNoise(0.1), TotalVariation().with_lam(lam))
    with Living() as memory:
        loss = unroll(solver, problem, iterations, segments=segments).square().sum()
        loss.backward()
    assert lam.grad is not None
    return lam.grad, memory.peak


@pytest.mark.parametrize("segments", [2, 3, 7, 30, 100, "auto"])
def test_gradients_are_those_of_plain_unrolling(segments: Any) -> None:
    solver = PDHG(stop=MaxIter(1))
    plain, _ = gradient(solver, 30, 1)
    found, _ = gradient(solver, 30, segments)
    assert plain.abs() > 0.1
    assert float(found) == float(plain)


def test_an_inexact_inner_prox_is_recomputed_alike() -> None:
    solver = FISTA(stop=MaxIter(1))
    assert float(gradient(solver, 9, 3)[0]) == float(gradient(solver, 9, 1)[0])


def test_memory_grows_with_the_root_of_the_number_of_steps() -> None:
    solver = PDHG(stop=MaxIter(1))
    plain = {k: gradient(solver, k, 1)[1] for k in (16, 144)}
    short = {k: gradient(solver, k, "auto")[1] for k in (16, 144)}
    assert plain[144] > 7 * plain[16]
    assert short[144] < 4 * short[16]
    assert short[144] < plain[144] / 4


def test_the_number_of_segments() -> None:
    assert [ceil_root(k) for k in (0, 1, 2, 4, 5, 9, 10, 100, 101)] == [1, 1, 2, 2, 3, 3, 4, 10, 11]
    problem = Problem(A, DATA, prior=TotalVariation())
    for wrong in (0, -1, 1.5, True, "some"):
        with pytest.raises(ValueError, match="unroll expects segments >= 1 or 'auto'"):
            unroll(PDHG(), problem, 3, segments=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unroll expects a number of iterations >= 0, got -1"):
        unroll(PDHG(), problem, -1)
