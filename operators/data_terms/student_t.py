"""Student's t as a robust data term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.student_t import StudentT
from recon.operators.tensors import positive_weight


class StudentTFidelity(DataTerm):
    """f(z) = ½(ν + 1) Σ log(1 + |z − y|²/νs²), of complex residuals their magnitudes: see :class:`StudentT`.

    Not convex. :class:`StudentTNoise` is the noise whose likelihood this is.

    Parameters
    ----------
    scale
        s > 0, in units of the data.
    dof
        ν > 0: few degrees of freedom forgive more.
    """

    names = ("student_t",)

    def __init__(self, scale: float, dof: float = 4.0) -> None:
        self.scale = float(positive_weight(scale, "StudentTFidelity expects scale > 0"))
        self.dof = float(positive_weight(dof, "StudentTFidelity expects dof > 0"))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return StudentT(shape, self.scale, self.dof, data)

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(0.5, 3.0)
