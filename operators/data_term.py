"""How data are compared with what an image would give."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from torch import Tensor

from recon.operators.functionals.functional import Functional


class DataTerm(ABC):
    """A data term before there are data: ``fidelity(data, shape)`` is the functional f of z = A(x) that is minimised.

    Parameters given per item or per measurement are laid out for the data by :meth:`fit`, and follow them through
    :meth:`flatten` and :meth:`select`. A class with a class method ``from_operator(operator)`` says by it which
    parameters the operator tells; jobs may leave these out.
    """

    names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        """f as a functional on items of ``shape``, zero at its least value."""

    def most_likely(self, data: Tensor) -> Tensor:
        """A clean measurement that explains ``data`` about as well as any: ``data`` itself unless overridden."""
        return data

    def weighed(self, data: Tensor, shape: Sequence[int]) -> Tensor:
        """Data on items of ``shape`` as an adjoint takes them up: times weights that tell no level of noise."""
        return data

    def fit(self, batch: tuple[int, ...], shape: tuple[int, ...]) -> Self:
        """The same term for data of shape ``(*batch, *shape)``; ValueError unless its parameters fit them."""
        return self

    def select(self, items: Tensor) -> Self:
        """The same term for a subset of a one-dimensional batch."""
        return self

    def flatten(self, batch: tuple[int, ...]) -> Self:
        """The same term with the items of ``batch`` laid out in one dimension."""
        return self

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        """Instances that the law suites check."""
        yield cls()
