"""Every law of operators catches an operator that breaks it, and names what it measured."""

import pytest
import torch

from recon.operators import Diagonal, Gradient, Identity, LinearOperator, Operator
from recon.operators.linear import SVD
from recon.testing import check_operator


class Shift(LinearOperator):
    """A sound operator that the broken ones derive from: x ↦ 2x − roll(x)."""

    def __init__(self):
        super().__init__((3, 4), (3, 4))

    def apply(self, x):
        return 2 * x - torch.roll(x, 1, -1)

    def apply_adjoint(self, y):
        return 2 * y - torch.roll(y, -1, -1)


class WrongAdjoint(Shift):
    def apply_adjoint(self, y):
        return 1.0001 * super().apply_adjoint(y)


class SinglePrecisionInside(Shift):
    def apply(self, x):
        return super().apply(x.to(torch.complex64 if x.is_complex() else torch.float32)).to(x.dtype)


class AlwaysSingle(Shift):
    def apply(self, x):
        return super().apply(x).to(torch.complex64 if x.is_complex() else torch.float32)


class Affine(Shift):
    def apply(self, x):
        return super().apply(x) + 1


class Magnitude(Shift):
    def apply(self, x):
        return super().apply(x).abs().to(x.dtype)


class InPlace(Shift):
    def apply(self, x):
        return x.mul_(2)


class View(Shift):
    def apply(self, x):
        return x.flatten(-2).unflatten(-1, (3, 4))

    apply_adjoint = apply


class Scratch(Shift):
    def apply(self, x):
        out = super().apply(x)
        key = (tuple(x.shape), x.dtype)
        store = self.__dict__.setdefault("store", {})
        if key not in store:
            store[key] = out.clone()
        return store[key].copy_(out)


class Counter(Shift):
    def apply(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return super().apply(x) * (1 + 1e-9 * self.calls)


class BatchCoupled(Shift):
    def apply(self, x):
        mean = x.mean(dim=tuple(range(x.ndim - 2)), keepdim=True) if x.ndim > 2 else x
        return super().apply(x) + 1e-3 * mean


class HidesNaN(Shift):
    def apply(self, x):
        return super().apply(torch.nan_to_num(x) if not x.is_complex() else torch.where(x.isnan(), 0, x))

    def apply_adjoint(self, y):
        return super().apply_adjoint(torch.nan_to_num(y) if not y.is_complex() else torch.where(y.isnan(), 0, y))


class WrongNorm(Shift):
    def known_norm(self):
        return 2.9


class IgnoresStrides(Shift):
    def apply(self, x):
        return super().apply(torch.as_strided(x, x.shape, torch.empty(x.shape).stride()))


class Local(Shift):
    def __init__(self):
        super().__init__()
        self.function = lambda x: x


class AcceptsAnything(Shift):
    def __call__(self, x):
        return torch.as_tensor(x) * 2.0


class HalfInside(Shift):
    def __call__(self, x):
        self.check(x, self.domain_shape, self.domain_field)
        return self.apply(self.apply(x)) / 4


class WrongJvp(Shift):
    def jvp(self, x, v):
        return self(x)


class DropsBatch(Shift):
    def __call__(self, x):
        return super().__call__(x)[..., :1, :, :] if x.ndim > 3 else super().__call__(x)


class NoSecondDerivative(Shift):
    def __call__(self, x):
        return super().__call__(x.detach()) + 0 * x


class Undeclared(Shift):
    def pinv(self, y):
        return y


class MisspeltCapability(Shift):
    @property
    def capabilities(self):
        return frozenset({"solve_norml"})


class WrongSolve(Identity):
    def __init__(self):
        super().__init__((3,))

    def solve_normal(self, b, rho):
        return b / (1 + torch.as_tensor(rho, dtype=b.real.dtype).max())


class WrongPinv(Diagonal):
    def __init__(self):
        super().__init__(torch.tensor([1.0, 0.0, 2.0]))

    def pinv(self, y):
        return y / (self.constant("diagonal", y) + 1e-3)


class WrongNormalPinv(Gradient):
    def __init__(self):
        super().__init__((4, 3))

    def normal_pinv(self, b):
        return super().normal_pinv(b) + b.mean()


class WrongSVD(Diagonal):
    def __init__(self):
        super().__init__(torch.tensor([1.0, -1.0, 2.0]))

    def svd(self):
        return SVD(Identity((3,)), self.diagonal.abs(), Identity((3,)))


BROKEN = [
    (WrongAdjoint, "adjoint", "measured"),
    (SinglePrecisionInside, "adjoint", "allowed 1e-13"),
    (AlwaysSingle, "precision_follows_input", "turned torch.float64 into torch.float32"),
    (Affine, "linearity", "at zero"),
    (Magnitude, "linearity", "‖A(ax + by) − aAx − bAy‖"),
    (InPlace, "input_unchanged", "changed its input in place"),
    (View, "output_is_its_own", "changed its output"),
    (Scratch, "output_is_its_own", "changed"),
    (Counter, "repeatable", "two answers"),
    (BatchCoupled, "batch_equals_loop", "alone and in a batch"),
    (BatchCoupled, "items_independent", "next to one full of NaN"),
    (HidesNaN, "nan_stays_visible", "finite numbers"),
    (WrongNorm, "operator_norm", "relative error of known_norm()"),
    (IgnoresStrides, "memory_layout", "contiguous copy"),
    (Local, "pickling", "raised"),
    (AcceptsAnything, "refuses_wrong_input", "accepted ndarray"),
    (HalfInside, "half_precision", "single precision rounded once"),
    (WrongJvp, "derivatives", "‖jvp(x, v) − Av‖"),
    (DropsBatch, "shapes", "expected (2, 3, 3, 4)"),
    (NoSecondDerivative, "gradients", "raised GradcheckError"),
    (Undeclared, "capabilities", "pinv is not declared"),
    (MisspeltCapability, "capabilities", "'solve_norml', which is none of"),
    (WrongSolve, "solve_normal", "‖(AᴴA + ρI)x − b‖"),
    (WrongPinv, "pinv", "Penrose"),
    (WrongNormalPinv, "normal_pinv", "Penrose"),
    (WrongSVD, "svd", "‖U diag(s) Vᴴx − Ax‖"),
]


def test_the_sound_operator_obeys_all():
    assert check_operator(Shift()).passed


@pytest.mark.parametrize(("cls", "law", "sentence"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_broken_operator(cls, law, sentence):
    report = check_operator(cls(), only=(law,), collect=True)
    assert not report.passed
    assert sentence in report.failures[0].detail


class Cube(Operator):
    """A sound nonlinear operator: x ↦ x³ + roll(x)."""

    def __init__(self):
        super().__init__((4,), (4,))

    def apply(self, x):
        return x**3 + torch.roll(x, 1, -1)


class WrongCubeJvp(Cube):
    def jvp(self, x, v):
        return 3.001 * x**2 * v + torch.roll(v, 1, -1)


class WrongCubeVjp(Cube):
    def vjp(self, x, w):
        return 3 * x**2 * w + torch.roll(w, -1, -1)  # no conjugate: wrong for complex images only


class WrongCubeGaussNewton(Cube):
    def gauss_newton(self, x, middle=None):
        return super().gauss_newton(x)  # forgets what comes between


def test_nonlinear_operators():
    assert check_operator(Cube()).passed
    wrong = {
        WrongCubeJvp: "jvp_by_differences",
        WrongCubeVjp: "vjp_is_adjoint_of_jvp",
        WrongCubeGaussNewton: "gauss_newton",
    }
    for cls, law in wrong.items():
        with pytest.raises(AssertionError, match=law):
            check_operator(cls(), only=(law,))


def test_point_of_an_operator_that_is_not_defined_everywhere():
    class Log(Operator):
        def __init__(self):
            super().__init__((3,), (3,))
            self.domain_field = "real"

        def apply(self, x):
            return x.log()

    check_operator(Log(), at=torch.tensor([1.0, 2.0, 0.5]), skip=("pickling",))
    with pytest.raises(AssertionError, match="jvp_by_differences"):
        check_operator(Log(), only=("jvp_by_differences",))


def test_names_of_laws():
    with pytest.raises(ValueError, match="there is no law 'adjiont' here; the laws are linearity, adjoint"):
        check_operator(Shift(), only=("adjiont",))
    with pytest.raises(TypeError, match=r"check_operator expects an operator of recon.operators, got int"):
        check_operator(3)


def test_report_is_a_table():
    report = check_operator(WrongAdjoint(), only=("adjoint", "linearity", "svd"), collect=True)
    assert [r.outcome for r in report.results] == ["passed", "failed", "not applicable"]
    text = str(report)
    assert text.splitlines()[0] == "WrongAdjoint(3×4 -> 3×4)"
    assert "adjoint    FAILED" in text
    with pytest.raises(AssertionError, match=r"WrongAdjoint.* breaks 1 of 3 laws"):
        report.raise_failures()
