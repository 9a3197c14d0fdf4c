"""Convolutions near AᴴA: exact, above, or near, as declared."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import Blur, CartesianMRI, Circulant, Gradient, Identity, LinearOperator
from recon.testing.members import members


def _dense(A: LinearOperator) -> Tensor:
    """AᴴA as a matrix."""
    size = torch.zeros(A.domain_shape).numel()
    kind = torch.complex128 if A.domain_field == "complex" else torch.float64
    basis = torch.eye(size, dtype=kind).reshape(size, *A.domain_shape)
    return A.normal(basis).reshape(size, size).T


def _convolution(A: LinearOperator) -> Tensor:
    """The declared convolution as a matrix."""
    found = A.gram_spectrum()
    assert found is not None
    size = torch.zeros(A.domain_shape).numel()
    basis = torch.eye(size, dtype=torch.complex128).reshape(size, *A.domain_shape)
    dims = tuple(d for d in range(-len(A.domain_shape), 0) if found.values.shape[d] > 1)
    filtered = found.values * basis
    if dims:
        filtered = torch.fft.ifftn(torch.fft.fftn(basis, dim=dims) * found.values, dim=dims)
    return filtered.reshape(size, size).T


DECLARED = [A for cls in members(LinearOperator) for A in cls.examples() if A.gram_spectrum() is not None]


@pytest.mark.parametrize("A", DECLARED, ids=lambda A: A.name)
def test_values_are_nonnegative_and_fit_an_item(A: LinearOperator) -> None:
    found = A.gram_spectrum()
    assert found is not None
    assert found.values.dtype == torch.float64
    assert bool((found.values >= 0).all())
    assert torch.broadcast_shapes(found.values.shape, A.domain_shape) == A.domain_shape


@pytest.mark.parametrize("A", [A for A in DECLARED if A.gram_spectrum().above], ids=lambda A: A.name)
def test_what_lies_above_does(A: LinearOperator) -> None:
    difference = _convolution(A) - _dense(A)
    assert float(torch.linalg.eigvalsh((difference + difference.mH) / 2).min()) >= -1e-10
    assert torch.allclose(difference, difference.mH, atol=1e-10)


@pytest.mark.parametrize(
    "A",
    [
        Blur(torch.tensor([[0.1, 0.4], [0.2, 0.3]]), (4, 5)),
        Circulant(torch.randn(5, generator=torch.Generator().manual_seed(0)), (2, 5)),
        Gradient((4, 5), boundary="circular", spacing=(1.0, 0.5)),
        Identity((3, 2)),
    ],
    ids=lambda A: A.name,
)
def test_convolutions_are_their_own(A: LinearOperator) -> None:
    assert torch.allclose(_convolution(A), _dense(A).to(torch.complex128), atol=1e-10)


def test_free_edges_lie_strictly_below() -> None:
    A = Gradient((4, 5))
    assert float((_convolution(A) - _dense(A)).abs().max()) > 0.5


def test_parallel_imaging_declares_the_mean_of_its_diagonal() -> None:
    maps = torch.randn(3, 4, 6, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    A = CartesianMRI(torch.tensor([1, 0, 1, 0, 1, 1]), maps)
    found = A.gram_spectrum()
    assert not found.above
    assert float(found.values) == pytest.approx(float(_dense(A).diagonal().real.mean()), rel=1e-6)
