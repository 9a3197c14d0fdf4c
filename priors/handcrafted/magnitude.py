"""Priors on the magnitude of complex images."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.operator import Shape
from recon.priors.lifted_magnitude import LiftedMagnitude
from recon.priors.prior import Prior, Term, VariationalPrior
from recon.priors.proximal import Prox


class Magnitude(VariationalPrior):
    """R(x) = λ S(|x|) for a prior S on real images, where phases are arbitrary, such as those of radar reflectivity.

    Total variation of |x| asks for smooth magnitudes where neighbours have unrelated phases, which total variation of
    x itself would count as edges. The prox is p·v/|v| with p = prox of S at |v| among nonnegative images, exact or to
    ``tol`` (see :class:`recon.priors.lifted_magnitude.LiftedMagnitude`). R is not convex, whatever S is; solvers that
    need one prox only take it, such as :class:`recon.solvers.ProximalGradient`.

    Parameters
    ----------
    prior
        S, with an explicit cost; what its weight is multiplies λ.
    lam
        λ > 0.
    tol, max_iter
        Accuracy, relative to ‖v‖²/2τ, and iteration limit of the inner method where S has no prox in closed form.

    Errors: CapabilityError for an S whose prox cannot be restricted to nonnegative images.

    Sources: Güven, Güngör and Çetin, IEEE Trans. Comput. Imaging 2 (2016) 235; Oral and Oktem, Plug-and-play
    reconstruction with 3D deep prior for complex-valued near-field MIMO imaging, IEEE Trans. Radar Syst. 2 (2024).
    """

    def __init__(self, prior: VariationalPrior, lam: float = 1.0, *, tol: float = 1e-6, max_iter: int = 1000) -> None:
        super().__init__(lam)
        if not isinstance(prior, VariationalPrior):
            raise CapabilityError(
                f"Magnitude lifts priors with an explicit cost, got {type(prior).__name__}; a DenoiserPrior acts on "
                "magnitudes with complex_as='magnitude'."
            )
        if not 0 < tol < float("inf") or max_iter < 1:
            raise ValueError(f"Magnitude expects tol > 0 and max_iter >= 1, got {tol!r}, {max_iter!r}.")
        self.prior, self.tol, self.max_iter = prior, float(tol), max_iter

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(LiftedMagnitude(self.prior, shape, self.tol, self.max_iter)),)

    def prox(
        self,
        x: Tensor,
        tau: float | Tensor = 1.0,
        *,
        shape: Shape | None = None,
        tol: float | None = None,
        max_iter: int | None = None,
        start: Prox | None = None,
    ) -> Prox:
        """As of every prior, with the duals and the gap of the inner method."""
        item = tuple(x.shape) if shape is None else shape
        accuracy = self.tol if tol is None else tol
        f = LiftedMagnitude(self.lam * self.prior, item, accuracy, max_iter or self.max_iter)
        found = f.prox_of_magnitude(x.abs(), tau, start)
        return found._replace(x=f.with_phase(found.x, x))

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        from recon.priors.handcrafted.sparsity import Sparsity

        yield cls(Sparsity(0.5), 2.0)
