"""The law suite of data terms."""

from __future__ import annotations

import pickle
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals import Functional
from recon.testing.functionals import check_functional
from recon.testing.report import Law, Report, at_most, run_laws
from recon.testing.samples import distance, norm, normal


@dataclass(frozen=True)
class DataTermCase:
    """A data term under test, and one item of data."""

    term: DataTerm
    data: Tensor

    def batch(self, *batch: int) -> Tensor:
        """Data of the given batch, scattered around the item."""
        noise = normal((*batch, *self.data.shape), self.data.dtype, 1, self.data.device)
        return self.data * (1 + 0.2 * noise.abs())

    def fidelity(self, data: Tensor) -> Functional:
        """The functional for data, as a problem would make it."""
        shape = tuple(self.data.shape)
        batch = tuple(data.shape[: data.ndim - len(shape)])
        return self.term.fit(batch, shape).fidelity(data, shape)


def fidelity(case: DataTermCase) -> str:
    """The fidelity obeys the laws of functionals, for one item of data and for a batch."""
    count = 0
    for data in (case.batch(), case.batch(3)):
        count += len(check_functional(case.fidelity(data), at=case.data, device=case.data.device).results)
    return f"{count} laws"


def least_value(case: DataTermCase) -> str:
    """The fidelity is nonnegative, and zero for a measurement that explains the data."""
    data = case.batch(4)
    f = case.fidelity(data)
    at_most(float(-f(case.batch(1).expand_as(data)).min()), 0.0, "fidelity below zero")
    least = f(case.term.most_likely(data))
    return at_most(float(least.abs().max()), 1e-9 * data[0].numel(), "fidelity of the most likely measurement")


def batches(case: DataTermCase) -> str:
    """Items that are flattened or chosen have the values that they have in their batch."""
    shape, worst = tuple(case.data.shape), 0.0
    data, z = case.batch(2, 3), case.batch(1).expand(2, 3, *shape)
    fitted = case.term.fit((2, 3), shape)
    values = fitted.fidelity(data, shape)(z)
    flat = fitted.flatten((2, 3))
    rows, chosen = data.reshape(6, *shape), torch.tensor([4, 1], device=data.device)
    pairs = [(flat.fidelity(rows, shape)(z.reshape(6, *shape)), values.flatten())]
    part = flat.select(chosen).fidelity(rows[chosen], shape)
    pairs.append((part(z.reshape(6, *shape)[chosen]), values.flatten()[chosen]))
    for found, wanted in pairs:
        finite = torch.isfinite(wanted)
        assert bool((torch.isfinite(found) == finite).all()), "an item is finite in one layout of the batch only."
        worst = max(worst, distance(found[finite], wanted[finite]) / max(norm(wanted[finite]), 1e-300))
    return at_most(worst, 1e-12, "relative difference between layouts of the batch")


def pickling(case: DataTermCase) -> str:
    """A pickled term makes the same functional."""
    data, z = case.batch(2), case.batch(1).expand(2, *case.data.shape)
    copied = DataTermCase(pickle.loads(pickle.dumps(case.term)), case.data)
    assert torch.equal(copied.fidelity(data)(z), case.fidelity(data)(z)), "the value differs after pickling."
    return "same value"


DATA_TERM_LAWS: tuple[Law, ...] = (fidelity, least_value, batches, pickling)


def check_data_term(
    term: DataTerm,
    *,
    data: Tensor | None = None,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Check that a data term makes functionals that obey their laws, are least at the data, and follow the batch.

    Parameters
    ----------
    term
        The data term, with parameters shared by all batch items.
    data
        One item of data, in double precision; [0.6, 1.0, 1.7] by default.
    only, skip, collect
        As in :func:`recon.testing.check_operator`.

    Errors: AssertionError with one sentence per broken law, unless ``collect``; TypeError for anything else.
    """
    if not isinstance(term, DataTerm):
        raise TypeError(f"check_data_term expects a data term of recon.operators, got {type(term).__name__}.")
    data = torch.tensor([0.6, 1.0, 1.7], dtype=torch.float64) if data is None else data
    return run_laws(
        type(term).__name__, DATA_TERM_LAWS, DataTermCase(term, data), only=only, skip=skip, collect=collect
    )
