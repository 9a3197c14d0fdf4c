"""Our operators inside deepinv."""

import pickle
import warnings

import pytest
import torch

import recon.operators
from recon.operators import Blur, Derivative, Diagonal, Gradient, LinearOperator, SquaredL2, from_deepinv, to_deepinv
from recon.operators.bridges import OdlLinearOperator
from recon.solvers import cg
from recon.testing import members

deepinv = pytest.importorskip("deepinv")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

LINEAR = members(LinearOperator)


@pytest.mark.parametrize("cls", LINEAR, ids=lambda cls: cls.__name__)
def test_adjointness_by_deepinv(cls):
    for op in cls.examples():
        physics = to_deepinv(op)
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
            if isinstance(op, OdlLinearOperator) and dtype is torch.float32 and op.range_shape == ():
                continue
            error = float(physics.adjointness_test(num_samples=3, dtype=dtype))
            assert error < tolerance, f"{op!r} has adjointness error {error:.2g} in {dtype}."
        if op.domain_field == "any":
            whole = to_deepinv(op, channels="own")
            assert float(whole.adjointness_test(num_samples=3, dtype=torch.complex128)) < 1e-12
            pairs = to_deepinv(op, channels="complex")
            assert float(pairs.adjointness_test(num_samples=3, dtype=torch.float64)) < 1e-12


LONG = ("OffResonanceMRI", "GraphLaplacian", "OutOfCore")
MARKED = [pytest.param(cls, marks=pytest.mark.slow if cls.__name__ in LONG else ()) for cls in LINEAR]


@pytest.mark.parametrize("cls", MARKED, ids=lambda cls: cls.__name__)
def test_prox_and_norm(cls):
    """prox_l2 solves (γAᴴA + I)x = γAᴴy + z; compute_sqnorm is ‖A‖²."""
    generator = torch.Generator().manual_seed(0)
    for op in list(cls.examples())[:3]:
        physics = to_deepinv(op)
        z = torch.randn((2, *physics.img_size), generator=generator, dtype=torch.float64)
        y = physics.A(torch.randn(z.shape, generator=generator, dtype=torch.float64))
        norm = physics.compute_sqnorm(z, tol=1e-4)
        assert norm.shape == ()
        assert float(norm) == pytest.approx(op.norm(1e-4) ** 2, rel=1e-3)
        gamma = 2.0 / max(float(norm), 1e-12)
        x = physics.prox_l2(z, y, gamma, max_iter=500, tol=1e-12)
        left, right = gamma * physics.A_adjoint_A(x) + x, gamma * physics.A_adjoint(y) + z
        exact = "solve_normal" in op.capabilities  # otherwise deepinv's conjugate gradients, in their accuracy
        assert float((left - right).norm() / right.norm()) < (1e-11 if exact else 1e-3)


def test_closed_forms_are_used_and_take_what_deepinv_passes():
    op = Gradient((4, 5))
    physics = to_deepinv(op)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, 1, 4, 5), generator=generator, dtype=torch.float64)
    y = physics.A(x)
    gammas = torch.tensor([0.5, 2.0])
    each = physics.prox_l2(x, y, gammas)
    for i, gamma in enumerate(gammas.tolist()):
        alone = physics.prox_l2(x[i : i + 1], y[i : i + 1], gamma)
        rhs = gamma * op.adjoint(y[i, 0]) + x[i, 0]
        wanted, _ = cg(lambda v, g=gamma: g * op.normal(v) + v, rhs[None], 2, rtol=1e-13)
        assert torch.allclose(each[i], alone[0], atol=1e-12)
        assert torch.allclose(alone[0], wanted, atol=1e-9)
    assert torch.allclose(physics.prox_l2(x, y, gammas.reshape(2, 1, 1, 1)), each, atol=1e-12)
    assert torch.allclose(physics.prox_l2(None, y, 0.5), physics.prox_l2(torch.zeros_like(x), y, 0.5), atol=1e-12)
    assert torch.allclose(physics.prox_l2(0.0, y, 0.5), physics.prox_l2(None, y, 0.5), atol=1e-12)
    assert torch.allclose(physics.A_dagger(y), x - x.mean((-2, -1), keepdim=True), atol=1e-12)
    assert torch.equal(physics.A(x, mask=None, sigma=0.3), y)
    assert torch.equal(physics.A_adjoint(y, mask=None), physics.A_adjoint(y))
    assert float(physics.compute_norm(x, squared=False, verbose=False)) == pytest.approx(op.norm())


def test_layouts():
    physics = to_deepinv(Gradient((4, 5)))
    assert physics.img_size == (1, 4, 5)
    assert physics.A(torch.zeros(3, 1, 4, 5)).shape == (3, 1, 2, 4, 5)
    colour = to_deepinv(Gradient((3, 4, 5), axes=(1, 2)))
    assert colour.img_size == (3, 4, 5)
    phases = Diagonal(torch.exp(1j * torch.arange(6.0)).reshape(2, 3))
    pairs = to_deepinv(phases)
    x = torch.randn(2, 2, 3, dtype=torch.complex64)
    assert pairs.img_size == (2, 2, 3)
    assert torch.allclose(pairs.A(torch.view_as_real(x).movedim(-1, 1)), torch.view_as_real(phases(x)).movedim(-1, 1))
    fourier = LinearOperator.from_functions(
        lambda x: torch.fft.fft2(x.to(x.dtype.to_complex()), norm="ortho"),
        lambda y: torch.fft.ifft2(y, norm="ortho").real,
        (4, 5),
        (4, 5),
        domain_field="real",
        range_field="complex",
        norm=1.0,
    )
    physics = to_deepinv(fourier)
    assert physics.A(torch.zeros(1, 1, 4, 5)).shape == (1, 2, 4, 5)
    assert float(physics.adjointness_test(dtype=torch.float64)) < 1e-12
    with pytest.raises(
        ValueError, match="to_deepinv got channels='complex' for FromFunctions, which takes real images"
    ):
        to_deepinv(fourier, channels="complex")
    with pytest.raises(TypeError, match=r"to_deepinv expects an operator of recon.operators, got int"):
        to_deepinv(3)


def test_noise_composition_stack_and_pickling():
    generator = torch.Generator().manual_seed(0)
    op = Gradient((4, 5))
    noisy = to_deepinv(op, noise_model=deepinv.physics.GaussianNoise(0.1, rng=generator))
    x = torch.randn(2000, 1, 4, 5)
    assert float((noisy(x) - noisy.A(x)).std()) == pytest.approx(0.1, rel=0.02)
    physics = to_deepinv(op)
    assert torch.equal(pickle.loads(pickle.dumps(physics)).A(x), physics.A(x))
    mask = (torch.rand(4, 5) > 0.5).float()
    inpainting = deepinv.physics.Inpainting((1, 4, 5), mask=mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        composed = physics * inpainting
    assert torch.allclose(composed.A(x), physics.A(mask * x))
    stacked = inpainting.stack(physics)
    assert torch.allclose(stacked.A_adjoint(stacked.A(x)), mask * x + physics.A_adjoint_A(x), atol=1e-5)


def test_gradients_flow():
    physics = to_deepinv(Gradient((4, 5)))
    x = torch.randn(2, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    physics.A(x).square().sum().backward()
    assert torch.allclose(x.grad, 2 * physics.A_adjoint_A(x.detach()))
    y = physics.A(x.detach()).requires_grad_()
    physics.prox_l2(None, y, 0.7).sum().backward()
    ones = torch.ones_like(x)
    assert torch.allclose(y.grad, 0.7 * physics.A(physics.prox_l2(ones, torch.zeros_like(y), 0.7)))


def test_nonlinear_operator():
    op = SquaredL2((3, 4), data=torch.ones(3, 4))
    physics = to_deepinv(op)
    x, v = torch.randn(2, 1, 3, 4, dtype=torch.float64), torch.randn(2, 1, dtype=torch.float64)
    assert not isinstance(physics, deepinv.physics.LinearPhysics)
    assert torch.allclose(physics.A(x)[:, 0], op(x[:, 0]))
    assert torch.allclose(physics.A_vjp(x, v), v[:, :, None, None] * (x - 1))
    linearised = to_deepinv(Derivative(op, x[0, 0]))
    assert float(linearised.adjointness_test(dtype=torch.float64)) < 1e-12


def test_round_trip():
    for op in (Gradient((4, 5)), *list(Blur.examples())[:2], Diagonal(torch.exp(1j * torch.arange(6.0)).reshape(2, 3))):
        complex_ = op.domain_field == "complex"
        back = from_deepinv(to_deepinv(op), op.domain_shape, channels="complex" if complex_ else None)
        x = torch.randn(2, *op.domain_shape, dtype=torch.complex128 if complex_ else torch.float64)
        assert back.range_shape == op.range_shape
        assert torch.allclose(back(x), op(x))
        assert torch.allclose(back.adjoint(op(x)), op.normal(x))


def test_importing_operators_does_not_import_deepinv():
    assert recon.operators.to_deepinv is to_deepinv
