"""Dictionaries of signals."""

import pytest
import torch

from recon.operators import Dictionary, InversionRecovery, T2Decay, T2StarDecay, WaterFat

TE = [0.01 * n for n in range(1, 9)]
T2 = torch.logspace(-2, 0.3, 60, dtype=torch.float64)


def test_atoms_are_unit_signals_of_all_combinations():
    model = T2StarDecay(TE)
    found = Dictionary(model, t2_star=torch.tensor([0.02, 0.05]), b0=torch.tensor([0.0, 5.0, 9.0]))
    assert found.atoms.shape == (6, 8)
    assert found.quantities["t2_star"].tolist() == pytest.approx([0.02] * 3 + [0.05] * 3)
    assert found.quantities["b0"].tolist() == [0.0, 5.0, 9.0] * 2
    expected = torch.exp(-torch.tensor(TE).double() * complex(1 / 0.05, 2 * torch.pi * 9.0))
    torch.testing.assert_close(found.atoms[5], expected)


def test_the_basis_is_that_of_the_singular_values():
    found = Dictionary(T2Decay(TE), t2=T2)
    unit = found.atoms.real / found.atoms.real.norm(dim=1, keepdim=True)
    singular = torch.linalg.svdvals(unit)
    for count in (1, 2, 4):
        basis = found.basis(count)
        torch.testing.assert_close(basis.T @ basis, torch.eye(count, dtype=torch.float64))
        left = found.distance(basis)
        torch.testing.assert_close(left, (unit - unit @ basis @ basis.T).norm(dim=1), atol=1e-7, rtol=0)
        assert float(left.square().sum()) == pytest.approx(float(singular[count:].square().sum()), rel=1e-5)
    assert float(found.distance(found.basis(5)).max()) < 2e-3


def test_signals_of_the_grid_are_matched_exactly_and_from_coefficients_too():
    found = Dictionary(T2Decay(TE), t2=T2)
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(T2), (5, 4), generator=generator)
    m0 = torch.randn(5, 4, dtype=torch.complex128, generator=generator)
    series = (found.atoms[chosen] * m0[..., None]).movedim(-1, 0)
    basis = found.basis(5)
    coefficients = torch.tensordot(basis.T.to(series.dtype), series, 1)
    for maps, tol in ((found.match(series), 1e-10), (found.match(coefficients, basis), 1e-4)):
        torch.testing.assert_close(maps["t2"], T2[chosen])
        torch.testing.assert_close(maps["m0"], m0, rtol=tol, atol=tol)


def test_wrong_use():
    with pytest.raises(ValueError, match="one magnetisation m0, WaterFat has 'water'"):
        Dictionary(WaterFat([0.001, 0.002, 0.003]))
    with pytest.raises(TypeError, match="a signal model, such as T2Decay, got NoneType"):
        Dictionary(None, t2=T2)
    with pytest.raises(ValueError, match="values of t2, got none"):
        Dictionary(T2Decay(TE))
    with pytest.raises(ValueError, match="values of t1, efficiency, got t1"):
        Dictionary(InversionRecovery([0.1, 1.0, 2.0], efficiency=None), t1=T2)
    with pytest.raises(ValueError, match="1 to 8 components, got 9"):
        Dictionary(T2Decay(TE), t2=T2).basis(9)
    with pytest.raises(ValueError, match="a series of 8, got 5"):
        Dictionary(T2Decay(TE), t2=T2).match(torch.ones(5, 2, dtype=torch.complex64))
