"""The law suite of functionals."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.testing.functional_case import FunctionalCase
from recon.testing.functional_laws import FUNCTIONAL_LAWS
from recon.testing.operator_laws import OPERATOR_LAWS, half_precision
from recon.testing.prox_laws import PROX_LAWS
from recon.testing.purity_laws import PURITY_LAWS
from recon.testing.report import Law, Report, run_laws

FUNCTIONAL_SUITE: tuple[Law, ...] = (
    *FUNCTIONAL_LAWS,
    *PROX_LAWS,
    *(law for law in (*OPERATOR_LAWS, *PURITY_LAWS) if law is not half_precision),
)
PER_ITEM_SUITE: tuple[Law, ...] = (*FUNCTIONAL_LAWS, *PROX_LAWS)


def check_functional(
    f: Functional,
    *,
    at: Tensor | None = None,
    device: torch.device | str = "cpu",
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Check every law that a functional obeys, on small random inputs drawn from fixed generators.

    Convexity; the gradient against finite differences and its Lipschitz constant; the prox by its optimality
    inequality, firm nonexpansiveness and the forms of its step; Moreau's identity for prox_conjugate; Fenchel and
    Young's inequality for the conjugate; positive multiples; ``select``; ``level_radius`` and ``lower_bound`` by
    sampling; batches, precision, device, memory, pickling and refusals of every map as for operators (where the
    functional itself does not hold values per batch item).

    Parameters
    ----------
    f
        The functional, on items of a few dozen elements.
    at
        One item where f is finite, if neither normal numbers nor numbers in [0.1, 0.3] nor its prox are.
    device, only, skip, collect
        As in :func:`recon.testing.check_operator`.

    Errors: AssertionError with one sentence per broken law, unless ``collect``; TypeError for anything else.
    """
    if not isinstance(f, Functional):
        raise TypeError(f"check_functional expects a functional of recon.operators, got {type(f).__name__}.")
    case = FunctionalCase(f, torch.device(device), at)
    suite = PER_ITEM_SUITE if case.batch else FUNCTIONAL_SUITE
    return run_laws(repr(f), suite, case, only=only, skip=skip, collect=collect)
