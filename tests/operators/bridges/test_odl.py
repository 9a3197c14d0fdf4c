"""ODL's operators among ours, and ours among ODL's."""

import contextlib
import io
import pickle

import numpy as np
import pytest
import torch

from recon.operators import Gradient, LinearOperator, SquaredL2, from_odl, to_odl
from recon.operators.bridges import OdlLinearOperator, OdlOperator
from recon.priors import Tikhonov
from recon.solvers import FISTA, MaxIter, Problem
from recon.testing import check_operator, members

odl = pytest.importorskip("odl")


def _odl_test(operator, tol):
    """ODL's own tests, which print instead of raising."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        odl.diagnostics.OperatorTest(operator, verbose=True, tol=tol).run_tests()
    text = printed.getvalue()
    for word in ("FAILED", "ERROR", "no adjoint", "not OK", "Should be 0.0000", "not linear"):
        assert word not in text, text
    assert "Completed all test cases" in text


@pytest.mark.parametrize("cls", members(LinearOperator), ids=lambda cls: cls.__name__)
def test_diagnostics_of_odl(cls):
    for op in list(cls.examples())[:4]:
        if np.prod(op.domain_shape) == 1:  # one of ODL's samples, evenly spaced from zero, vanishes there
            continue
        for field in ("real", "complex") if op.domain_field == "any" else (None,):
            _odl_test(to_odl(op, field=field), 1e-10)


def test_diagnostics_of_odl_can_fail():
    op = LinearOperator.from_functions(lambda x: 2 * x, lambda y: 2.001 * y, (3,), (3,))
    with pytest.raises(AssertionError):
        _odl_test(to_odl(op), 1e-5)


@pytest.mark.parametrize("field", [float, complex])
def test_adjoint_belongs_to_weighted_spaces(field):
    space = odl.uniform_discr([0, 0], [1, 3], (4, 5), dtype=field)
    op = to_odl(Gradient((4, 5)), space, space**2)
    _odl_test(op, 1e-10)
    weights = np.linspace(0.5, 2.0, 40).reshape(2, 4, 5)
    weighted = (odl.rn if field is float else odl.cn)((2, 4, 5), weighting=weights)
    op = to_odl(Gradient((4, 5)), space, weighted)
    _odl_test(op, 1e-10)
    x, y = space.one(), weighted.one()
    euclidean = Gradient((4, 5)).adjoint(torch.from_numpy(weights)) / space.cell_volume
    assert np.allclose(op.adjoint(y).data.real, euclidean.numpy())
    assert op.adjoint.adjoint is op
    assert op(x).norm() == pytest.approx(0)


def test_nonlinear_operator_in_odl():
    op = to_odl(SquaredL2((3,), data=torch.tensor([1.0, 2.0, 3.0])))
    x = op.domain.element([2.0, 2.0, 2.0])
    assert not op.is_linear
    assert float(op(x).data[0]) == pytest.approx(1.0)
    assert np.allclose(op.derivative(x).adjoint(op.range.one()).data, [1.0, 0.0, -1.0])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        odl.diagnostics.OperatorTest(op, operator_norm=1.0).derivative()
    assert "FAILED" not in printed.getvalue()
    assert "Completed all test cases" in printed.getvalue()


def test_values_and_transpose():
    """Aᴴ is the transpose of the matrix of A, whatever the weights."""
    plane = odl.uniform_discr([0, 0], [1, 2], (4, 3))
    for operator in (odl.Gradient(plane), odl.Laplacian(plane), odl.Divergence(range=plane)):
        op = from_odl(operator)
        n, m = int(np.prod(op.domain_shape)), int(np.prod(op.range_shape))
        A = op(torch.eye(n, dtype=torch.float64).reshape(n, *op.domain_shape)).reshape(n, m).T
        At = op.adjoint(torch.eye(m, dtype=torch.float64).reshape(m, *op.range_shape)).reshape(m, n).T
        assert torch.allclose(A.T, At, atol=1e-12)
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert np.allclose(from_odl(odl.Gradient(plane))(torch.from_numpy(x)).numpy(), odl.Gradient(plane)(x).asarray())


class Weighted(odl.Operator):
    """x ↦ Mx between spaces with different weights, and its adjoint there."""

    def __init__(self):
        self.matrix = np.array([[1.0, 2.0], [3.0, -4.0], [0.5, 6.0]])
        self.w, self.v = np.array([2.0, 5.0]), np.array([0.5, 1.5, 3.0])
        super().__init__(odl.rn(2, weighting=self.w), odl.rn(3, weighting=self.v), linear=True)

    def _call(self, x):
        return self.range.element(self.matrix @ x.data)

    @property
    def adjoint(self):
        forward = self

        class Adjoint(odl.Operator):
            def _call(self, y):
                return self.range.element(forward.matrix.T @ (forward.v * y.data) / forward.w)

        return Adjoint(self.range, self.domain, linear=True)


def test_weighted_inner_products():
    op = from_odl(Weighted())
    y = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert torch.allclose(op.adjoint(y), torch.from_numpy(op.operator.matrix.T) @ y)
    assert op.adjoint_error < 1e-14


def test_gradients_flow():
    plane = odl.uniform_discr([0, 0], [1, 2], (4, 3))
    op = from_odl(odl.Gradient(plane))
    x = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    op(x).square().sum().backward()
    assert torch.allclose(x.grad, 2 * op.normal(x.detach()))
    cube = from_odl(odl.PowerOperator(odl.rn(3), 3))
    z = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    cube(z).sum().backward()
    assert isinstance(cube, OdlOperator)
    assert torch.allclose(z.grad, 3 * z.detach() ** 2)
    with pytest.raises(RuntimeError, match="ODL's PowerOperator has first derivatives only"):
        torch.autograd.functional.hessian(lambda t: cube(t).sum(), z.detach())


def test_torch_spaces():
    plane = odl.uniform_discr([0, 0], [1, 2], (4, 3), impl="pytorch", dtype="float32")
    op = from_odl(odl.Gradient(plane))
    reference = from_odl(odl.Gradient(odl.uniform_discr([0, 0], [1, 2], (4, 3))))
    x = torch.randn(2, 4, 3)
    assert op(x).dtype == torch.float32
    assert torch.allclose(op(x), reference(x), atol=1e-5)


def test_exact_precision_is_that_of_the_space():
    single = odl.uniform_discr([0, 0], [1, 2], (4, 3), dtype="float32")
    report = check_operator(from_odl(odl.Gradient(single)), only=("adjoint",), collect=True)
    assert not report.passed  # single precision inside shows in double precision
    assert "1e-13" in report.failures[0].detail


def test_wrong_adjoints_are_refused():
    space = odl.uniform_discr([-1, -1], [1, 1], (8, 8))
    tomography = pytest.importorskip("odl.applications.tomo")
    pytest.importorskip("skimage")
    geometry = tomography.parallel_beam_geometry(space, num_angles=6, det_shape=9)
    transform = tomography.RayTransform(space, geometry, impl="skimage")
    with pytest.raises(ValueError, match="the adjoint of ODL's RayTransform is not its adjoint"):
        from_odl(transform)
    op = from_odl(transform, tolerance=1.0)
    x = space.element(np.random.default_rng(0).uniform(size=(8, 8)))
    assert 1e-3 < op.adjoint_error < 1
    assert np.allclose(op(torch.from_numpy(x.asarray())).numpy(), transform(x).asarray())


def test_our_solver_on_an_odl_operator():
    op = from_odl(odl.Gradient(odl.uniform_discr([0, 0], [4, 3], (4, 3))))
    data = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix = op(torch.eye(12, dtype=torch.float64).reshape(12, 4, 3)).reshape(12, 24).T
    exact = torch.linalg.solve(matrix.T @ matrix + 0.3 * torch.eye(12), matrix.T @ data.flatten()).reshape(4, 3)
    found = FISTA(stop=MaxIter(1000)).solve(Problem(op, data, prior=Tikhonov(0.3))).image
    assert float((found - exact).norm() / exact.norm()) < 1e-8


def test_an_odl_solver_on_our_operator():
    op = Gradient((4, 3))
    space = odl.rn((4, 3))
    forward = to_odl(op)
    data = np.random.default_rng(0).normal(size=(2, 4, 3))
    x = space.zero()
    odl.solvers.conjugate_gradient_normal(forward, x, forward.range.element(data), niter=60)
    exact = op.pinv(torch.from_numpy(data))
    assert np.allclose(x.data - x.data.mean(), exact.numpy(), atol=1e-8)


def test_pickling():
    op = next(OdlLinearOperator.examples())
    x = torch.randn(op.domain_shape, dtype=torch.float64)
    assert torch.equal(pickle.loads(pickle.dumps(op))(x), op(x))


def test_errors():
    with pytest.raises(TypeError, match=r"from_odl expects an odl.Operator, got Gradient\."):
        from_odl(Gradient((3, 4)))
    with pytest.raises(TypeError, match=r"to_odl expects an operator of recon.operators, got float"):
        to_odl(0.5)
    with pytest.raises(ValueError, match=r"to_odl got a domain of shape \(3,\) for an operator with \(3, 4\)"):
        to_odl(Gradient((3, 4)), odl.rn(3))
    with pytest.raises(TypeError, match="is not a weighted sum of products"):
        to_odl(Gradient((4,)), odl.rn(4, exponent=1))
