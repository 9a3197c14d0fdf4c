"""What every solver returns: the images, and why each of them is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from torch import Tensor


class Reason(StrEnum):
    """Why an item stopped; :attr:`sentence` says it in full."""

    CONVERGED = "converged"
    MAX_ITER = "max_iter"
    TIME_LIMIT = "time_limit"
    COMPLETED = "completed"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"

    @property
    def sentence(self) -> str:
        """The reason as a sentence."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.CONVERGED: "The stopping tolerance was reached.",
    Reason.MAX_ITER: "The iteration limit was reached before the stopping tolerance.",
    Reason.TIME_LIMIT: "The time limit was reached before the stopping tolerance.",
    Reason.COMPLETED: "The method ran through its whole schedule.",
    Reason.DIVERGED: "The iterates became non-finite or grew without bound; the last good iterate is kept.",
    Reason.INTERRUPTED: "The run was interrupted; the latest iterate is kept.",
}


@dataclass(frozen=True)
class Result:
    """Reconstructions with their history.

    Attributes
    ----------
    image
        ``(*batch, *shape)``.
    reasons
        One :class:`Reason` per item, the batch flattened in row-major order.
    iterations
        Iterations each item ran, ``batch``.
    history
        Measurements, each ``(records, *batch)``; NaN after an item has stopped or where it was not measured.
        ``"iteration"`` and ``"seconds"`` are ``(records,)``.
    components
        Parts of the images that the prior tells apart, such as ``"low_rank"`` and ``"sparse"`` of
        :class:`recon.priors.LowRankPlusSparse`, each like ``image``; none for most priors.
    """

    image: Tensor
    reasons: tuple[Reason, ...]
    iterations: Tensor
    history: Mapping[str, Tensor]
    components: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)

    @property
    def reason(self) -> Reason:
        """The reason of the only item; for batches the gravest: diverged, interrupted, a limit, else converged."""
        order = (
            Reason.DIVERGED,
            Reason.INTERRUPTED,
            Reason.TIME_LIMIT,
            Reason.MAX_ITER,
            Reason.COMPLETED,
            Reason.CONVERGED,
        )
        return next((r for r in order if r in self.reasons), Reason.COMPLETED)

    def last(self, key: str) -> Tensor:
        """The last recorded value of a measurement, per item."""
        if key not in self.history:
            raise KeyError(f"{key!r} was not measured; measured were {', '.join(sorted(self.history))}.")
        values = self.history[key]
        out = values[0]
        for row in values[1:]:
            out = row.where(~row.isnan(), out)
        return out

    def __repr__(self) -> str:
        most = int(self.iterations.max()) if self.iterations.numel() else 0
        return f"Result(image={tuple(self.image.shape)}, reason={self.reason.value}, iterations={most})"
