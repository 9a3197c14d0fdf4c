"""Laws of functionals: values, gradients, scaling, and the bounds that certificates rest on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, item_norm, item_sum, per_item
from recon.testing.functional_case import STEP, FunctionalCase
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import distance, norm, normal


def values(case: FunctionalCase) -> str:
    """f(x) is one real number per item, and convex unless it says it is not: f((x + y)/2) ≤ (f(x) + f(y))/2."""
    f, worst = case.f, 0.0
    for dtype in case.dtypes():
        for seed in range(5):
            x, y = case.inside(case.batch, dtype, seed), case.inside(case.batch, dtype, seed + 10)
            fx, fy, middle = f(x), f(y), f((x + y) / 2)
            assert tuple(fx.shape) == case.batch, f"f gave shape {tuple(fx.shape)} on a batch {case.batch}."
            assert not fx.is_complex(), "f gave complex values."
            worst = largest(worst, float(((middle - (fx + fy) / 2) / (1 + fx.abs() + fy.abs())).max()))
    if not f.convex:
        return "not convex"
    return at_most(worst, 1e-12, "f((x + y)/2) − (f(x) + f(y))/2")


def undeclared(case: FunctionalCase) -> str:
    """What a functional may offer raises CapabilityError where it is not declared."""
    f, x = case.f, case.inside(case.batch, case.dtypes()[0])
    calls: dict[str, Callable[[], object]] = {
        "grad": lambda: f.grad(x),
        "prox": lambda: f.prox(x, STEP),
        "conjugate": lambda: f.conjugate(x),
        "majorant": lambda: f.majorant(x, STEP),
        "smooth_split": f.smooth_split,
    }
    strange = sorted(f.capabilities - calls.keys())
    assert not strange, f"declares {strange[0]!r}, which is none of {', '.join(calls)}."
    assert f.convex or "conjugate" not in f.capabilities, "declares a conjugate and is not convex."
    for name, call in calls.items():
        if name in f.capabilities:
            continue
        try:
            call()
        except CapabilityError:
            continue
        raise AssertionError(f"{name} is not declared and yet gives an answer; list it in capabilities.")
    return ", ".join(sorted(f.capabilities)) or "none declared"


def gradient(case: FunctionalCase) -> str:
    """Re⟨grad f(x), d⟩ is the limit of (f(x + hd) − f(x − hd))/2h; automatic differentiation agrees with grad."""
    case.needs("grad")
    f, worst = case.f, 0.0
    for dtype in case.dtypes():
        for seed in range(4):
            x = case.inside(case.batch, dtype, seed)
            d = normal(tuple(x.shape), dtype, seed + 30, case.device)
            h = 1e-6 * norm(x) / norm(d)
            slope, found = (f(x + h * d) - f(x - h * d)) / (2 * h), f.grad(x)
            assert found.shape == x.shape, f"grad gave shape {tuple(found.shape)}, expected {tuple(x.shape)}."
            assert found.dtype == x.dtype, f"grad gave {found.dtype} at a point of {x.dtype}."
            scale = max(float((item_norm(found, f.ndim) * item_norm(d, f.ndim)).max()), 1e-300)
            worst = largest(worst, float((slope - item_dot(found, d, f.ndim)).abs().max()) / scale)
            automatic = f.vjp(x, torch.ones_like(f(x)))
            at_most(distance(automatic, found), 1e-10 * max(norm(found), 1e-300), "‖automatic gradient − grad‖")
    return at_most(worst, 1e-6, "|(f(x + hd) − f(x − hd))/2h − Re⟨grad, d⟩| / ‖grad‖‖d‖")


def lipschitz(case: FunctionalCase) -> str:
    """‖grad f(x) − grad f(y)‖ ≤ L‖x − y‖ with L = lipschitz(); no gradient, no L."""
    f = case.f
    constant = f.lipschitz()
    if constant is None:
        raise NotApplicable("no Lipschitz constant is declared")
    case.needs("grad")
    worst = 0.0
    for dtype in case.dtypes():
        for seed in range(6):
            x, y = case.inside(case.batch, dtype, seed), case.inside(case.batch, dtype, seed + 10)
            change = item_norm(f.grad(x) - f.grad(y), f.ndim)
            allowed = constant * item_norm(x - y, f.ndim)
            worst = largest(worst, float((change / torch.where(allowed == 0, 1, allowed)).max()))
    return at_most(worst, 1 + 1e-9, "‖grad f(x) − grad f(y)‖ / L‖x − y‖")


def second_derivative(case: FunctionalCase) -> str:
    """hessian(x, d) is the limit of (grad f(x + hd) − grad f(x − hd))/2h."""
    case.needs("grad")
    f, worst = case.f, 0.0
    for dtype in case.dtypes():
        for seed in range(2):
            x = case.inside(case.batch, dtype, seed)
            d = normal(tuple(x.shape), dtype, seed + 30, case.device)
            h = 1e-6 * norm(x) / norm(d)
            slope, found = (f.grad(x + h * d) - f.grad(x - h * d)) / (2 * h), f.hessian(x, d)
            assert found.shape == x.shape, f"hessian gave shape {tuple(found.shape)}, expected {tuple(x.shape)}."
            worst = largest(worst, distance(found, slope) / max(norm(slope), 1e-6 * norm(f.grad(x)) / norm(x), 1e-300))
    return at_most(worst, 1e-4, "‖hessian − difference quotient‖ / ‖difference quotient‖")


def curvature(case: FunctionalCase) -> str:
    """grad f(x) − grad f(y) = c (x − y) with c = curvature()."""
    f, worst = case.f, 0.0
    c = f.curvature()
    if c is None:
        raise NotApplicable("no constant curvature is declared")
    for dtype in case.dtypes():
        x, y = case.inside(case.batch, dtype, 0), case.inside(case.batch, dtype, 10)
        found, wanted = f.grad(x) - f.grad(y), per_item(c, x, f.ndim) * (x - y)
        worst = largest(worst, distance(found, wanted) / max(norm(wanted), 1e-300))
    return at_most(worst, 1e-12, "‖grad f(x) − grad f(y) − c(x − y)‖ / ‖c(x − y)‖")


def strong_convexity(case: FunctionalCase) -> str:
    """f((x + y)/2) ≤ (f(x) + f(y))/2 − μ‖x − y‖²/8 with μ = strong_convexity()."""
    f, worst = case.f, 0.0
    mu = torch.as_tensor(f.strong_convexity(), dtype=torch.float64, device=case.device)
    assert bool((mu >= 0).all()), f"strong_convexity gave {float(mu.min())}, expected at least 0."
    if not bool((mu > 0).any()):
        raise NotApplicable("no strong convexity is declared")
    for dtype in case.dtypes():
        for seed in range(5):
            x, y = case.inside(case.batch, dtype, seed), case.inside(case.batch, dtype, seed + 10)
            fx, fy = f(x), f(y)
            allowed = (fx + fy) / 2 - mu * item_norm(x - y, f.ndim).square() / 8
            worst = largest(worst, float(((f((x + y) / 2) - allowed) / (1 + fx.abs() + fy.abs())).max()))
    return at_most(worst, 1e-12, "f((x + y)/2) − (f(x) + f(y))/2 + μ‖x − y‖²/8")


def majorant(case: FunctionalCase) -> str:
    """(w, c) = majorant(x): f(z) ≤ f(x) + ½Σ w(|z − c|² − |x − c|²) at every z, where w is finite."""
    case.needs("majorant")
    f, worst = case.f, 0.0
    for dtype in case.dtypes():
        for seed in range(3):
            x = case.inside(case.batch, dtype, seed)
            w, c = f.majorant(x)
            assert bool((w >= 0).all()), "majorant gave a negative weight."
            assert bool(torch.isfinite(w).all()), "majorant is infinite at a random point."
            for z in _nearby(case, x, seed):
                bound = f(x) + 0.5 * item_sum(w * ((z - c).abs().square() - (x - c).abs().square()), f.ndim)
                worst = largest(worst, float(((f(z) - bound) / (1 + f(x).abs() + f(z).abs())).max()))
            smoothed, _ = f.majorant(x, 0.1)
            assert bool((smoothed <= w * (1 + 1e-12)).all()), "smoothing made a weight larger."
    return at_most(worst, 1e-10, "f(z) above its majorant, relative")


def smooth_split(case: FunctionalCase) -> str:
    """f = s + c with a convex c that has a prox and an s with a Lipschitz gradient."""
    case.needs("smooth_split")
    f, worst = case.f, 0.0
    smooth, convex = f.smooth_split()
    assert convex.convex, "the convex part says that it is not."
    assert "prox" in convex.capabilities, "the convex part has no prox."
    assert smooth.lipschitz() is not None, "the smooth part has no Lipschitz constant."
    parts = FunctionalCase(smooth, case.device, case.at), FunctionalCase(convex, case.device, case.at)
    gradient(parts[0])
    lipschitz(parts[0])
    values(parts[1])
    for dtype in case.dtypes():
        for seed in range(3):
            x = case.inside(case.batch, dtype, seed)
            value = f(x)
            worst = largest(worst, float(((smooth(x) + convex(x) - value) / (1 + value.abs())).abs().max()))
    return at_most(worst, 1e-12, "|s(x) + c(x) − f(x)|, relative")


def _nearby(case: FunctionalCase, x: Tensor, seed: int) -> list[Tensor]:
    f = case.f
    moved = [x + h * normal(tuple(x.shape), x.dtype, seed + 50, case.device) for h in (1e-3, 0.1, 1.0)]
    points = [*moved, case.inside(case.batch, x.dtype, seed + 20), torch.zeros_like(x)]
    inside = [torch.isfinite(f(z)).reshape(*case.batch, *(1,) * f.ndim) for z in points]
    return [torch.where(fine, z, x) for fine, z in zip(inside, points, strict=True)]


def scaling(case: FunctionalCase) -> str:
    """c·f has the value, gradient, prox, conjugate and Lipschitz constant that c times f has."""
    f, c = case.f, 2.5
    g = c * f
    assert isinstance(g, Functional), f"2.5 * f is a {type(g).__name__}, expected a functional."
    for dtype in case.dtypes():
        x, y = case.inside(case.batch, dtype), normal((*case.batch, *f.domain_shape), dtype, 3, case.device)
        pairs = [("value", g(x), c * f(x))]
        if "grad" in f.capabilities:
            pairs.append(("gradient", g.grad(x), c * f.grad(x)))
        if "prox" in f.capabilities:
            pairs.append(("prox", g.prox(y, STEP), f.prox(y, c * STEP)))
            if f.convex:
                wanted = y - STEP * f.prox(y / STEP, c / STEP)
                pairs.append(("prox_conjugate", g.prox_conjugate(y, STEP), wanted))
        if "conjugate" in f.capabilities:
            dual = f.dual_point(0.1 * y)
            pairs.append(("conjugate", g.conjugate(c * dual), c * f.conjugate(dual)))
        for name, found, wanted in pairs:
            error = distance(found, wanted) / max(norm(wanted) if norm(wanted) < float("inf") else 1.0, 1.0)
            at_most(error, 1e-9, f"relative error of the {name} of 2.5 f")
    constant, scaled = f.lipschitz(), g.lipschitz()
    assert (constant is None) == (scaled is None), f"f has Lipschitz constant {constant}, 2.5 f has {scaled}."
    if constant is not None and scaled is not None:
        error = float(torch.as_tensor(scaled / (c * constant) - 1).abs().max())
        at_most(error, 1e-9, "relative error of the Lipschitz constant of 2.5 f")
    return "value, gradient, prox and conjugate"


def selection(case: FunctionalCase) -> str:
    """select(items) is the functional of those items: all maps agree with the full batch's."""
    items = torch.tensor([0]) if not case.batch else torch.tensor([case.batch[0] - 1, 0])
    if len(case.batch) > 1:
        raise NotApplicable("values per item have more than one batch dimension")
    part = FunctionalCase(case.f.select(items), case.device, case.at)
    rows = max(case.batch[0] if case.batch else 1, 1)
    for whole, chosen in zip(case.directions(), part.directions(), strict=True):
        for dtype in case.dtypes():
            x = case.draw(whole, (rows,), dtype)
            found, wanted = chosen.function(x[items]), whole.function(x)[items]
            error = distance(found, wanted) / max(norm(wanted) if norm(wanted) < float("inf") else 1.0, 1e-300)
            at_most(error, 1e-13, f"relative difference of {whole.name} between an item alone and in its batch")
    return f"items {items.tolist()} of {rows}"


def level_radius(case: FunctionalCase) -> str:
    """‖x‖ ≤ level_radius(f(x)) at every x."""
    f, worst = case.f, 0.0
    for dtype in case.dtypes():
        for seed in range(6):
            for scale in (1.0, 1e-3, 30.0):
                x = scale * case.inside(case.batch, dtype, seed)
                level = f(x)
                radius = f.level_radius(level)
                assert radius.shape == level.shape, f"level_radius gave shape {tuple(radius.shape)} for {case.batch}."
                assert not bool(radius.isnan().any()), "level_radius gave NaN."
                excess = torch.where(torch.isinf(level) | torch.isinf(radius), -1.0, item_norm(x, f.ndim) / radius - 1)
                worst = largest(worst, float(excess.max()))
    return at_most(worst, 1e-6, "‖x‖ / level_radius(f(x)) − 1")


def lower_bound(case: FunctionalCase) -> str:
    """lower_bound(r, R) ≤ f(x) + Re⟨x, r⟩ wherever ‖x‖ ≤ R, sampled at random and along a descent."""
    f, worst = case.f, -float("inf")
    for dtype in case.dtypes():
        for seed, scale in enumerate((0.0, 1e-3, 0.3, 3.0)):
            r = scale * normal((*case.batch, *f.domain_shape), dtype, seed, case.device)
            for size in (0.5, 5.0, float("inf")):
                radius = torch.full(case.batch, size, dtype=torch.float64, device=case.device)
                bound = f.lower_bound(r, radius)
                assert not bool(bound.isnan().any()), "lower_bound gave NaN."
                for x in _trials(case, r, radius.clamp(max=50.0)):
                    value = f(x) + item_dot(x, r, f.ndim)
                    excess = (bound - value) / (1 + bound.abs() + value.abs())
                    worst = largest(
                        worst, float(torch.where(torch.isinf(value) | torch.isinf(bound), -1.0, excess).max())
                    )
    return at_most(worst, 1e-7, "lower_bound(r, R) above a value f(x) + Re⟨x, r⟩, relative")


def _trials(case: FunctionalCase, r: Tensor, radius: Tensor) -> list[Tensor]:
    f = case.f

    def into_ball(x: Tensor) -> Tensor:
        size = item_norm(x, f.ndim)
        factor = torch.clamp(radius / torch.where(size == 0, 1, size), max=1.0)
        inside: Tensor = x * per_item(factor, x, f.ndim)
        return inside

    trials = [into_ball(case.inside(case.batch, r.dtype, seed)) for seed in range(3)]
    trials += [torch.zeros_like(r), into_ball(-1e6 * r), into_ball(-r)]
    x = trials[0]
    if "prox" in f.capabilities:
        for _ in range(30):
            x = into_ball(f.prox(x - r, 1.0))
            trials.append(x)
    return trials


FUNCTIONAL_LAWS: tuple[Law, ...] = (
    values,
    undeclared,
    gradient,
    lipschitz,
    second_derivative,
    curvature,
    strong_convexity,
    majorant,
    smooth_split,
    scaling,
    selection,
    level_radius,
    lower_bound,
)
