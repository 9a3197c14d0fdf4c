"""Parameters of a signal model, voxel by voxel."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.signals.signal_model import SignalModel
from recon.operators.tensors import checked_count

_AT_ONCE = 1 << 16
_DAMPING = 1e-3
_SMALLEST = 1e-12


def fit_voxels(
    model: SignalModel,
    series: Tensor,
    start: Tensor | None = None,
    basis: Tensor | None = None,
    tol: float = 1e-5,
    max_iter: int = 50,
) -> Tensor:
    """Unknowns p of the least squares ‖q(p) − x‖² in each voxel, by Levenberg-Marquardt steps: maximum likelihood for
    white noise.

    Parameters
    ----------
    model
        q, of any shape.
    series
        x, complex ``(times, *shape)``, or with a basis its coefficients ``(components, *shape)``.
    start
        Where to start, ``(parameters, *shape)``; by default 0, which suits smooth models of one minimum. Matches of a
        :class:`Dictionary`, as ``model.on(shape).point(**maps)``, are a start that no local minimum is between.
    basis
        Φ, ``(times, components)`` with orthonormal columns: ‖Φᴴq(p) − c‖² is minimised.
    tol
        Voxels end at steps below ``tol``·(1 + ‖p‖).
    max_iter
        Steps tried, accepted or not.

    Returns
    -------
    Tensor
        p, ``(parameters, *shape)``; what lowers the misfit is accepted only.

    Errors: TypeError for what is no signal model or no tensor, ValueError for series and starts of other shapes, real
    ones, or NaN or infinity in them.
    """
    if not isinstance(model, SignalModel) or not isinstance(series, Tensor):
        raise TypeError(
            "fit_voxels expects a signal model, such as T2Decay, and a series as a torch tensor, got "
            f"{type(model).__name__} and {type(series).__name__}."
        )
    checked_count(max_iter, "fit_voxels", "max_iter")
    lone, shape = model.on(()), tuple(series.shape[1:])
    wanted = lone.range_shape[0] if basis is None else basis.shape[1]
    if series.dtype not in (torch.complex64, torch.complex128) or series.ndim < 1 or len(series) != wanted:
        raise ValueError(
            f"fit_voxels expects a complex series of {wanted} images, got {tuple(series.shape)} of "
            f"{str(series.dtype).removeprefix('torch.')}."
        )
    if start is not None and tuple(start.shape) != (lone.domain_shape[0], *shape):
        raise ValueError(
            f"fit_voxels expects start of shape {(lone.domain_shape[0], *shape)}, got {tuple(start.shape)}."
        )
    for name, values in {"series": series, "start": start}.items():
        if values is not None and not bool(torch.isfinite(values).all()):
            raise ValueError(
                f"fit_voxels expects a finite {name}, got NaN or infinity; put zeros where nothing was measured."
            )
    voxels = series.flatten(1).T
    first = voxels.new_zeros(len(voxels), lone.domain_shape[0]) if start is None else start.flatten(1).T.to(voxels)
    phi = None if basis is None else basis.to(voxels).conj()
    pairs = zip(voxels.split(_AT_ONCE), first.split(_AT_ONCE), strict=True)
    fitted = torch.cat([_fit(lone, data, p, phi, tol, max_iter) for data, p in pairs])
    return fitted.T.reshape(-1, *shape)


def _fit(model: SignalModel, data: Tensor, p: Tensor, phi: Tensor | None, tol: float, max_iter: int) -> Tensor:
    damping = torch.full_like(data[:, 0].real, _DAMPING)
    residual = _seen(model(p), phi) - data
    misfit = residual.abs().square().sum(1)
    running = torch.ones_like(misfit, dtype=torch.bool)
    for _ in range(max_iter):
        columns = model.columns(p)
        J = torch.stack([_seen(column, phi) for column in columns], -1)
        gram = (J.mH @ J).real
        force = (J.mH @ residual[..., None]).real
        diagonal = gram.diagonal(dim1=-2, dim2=-1)
        added = damping[:, None] * diagonal + _SMALLEST + 1e-6 * damping[:, None] * diagonal.amax(1, keepdim=True)
        step = torch.linalg.solve(gram + torch.diag_embed(added), -force)[..., 0]
        trial = p + model.packed(step)
        moved = _seen(model(trial), phi) - data
        after = moved.abs().square().sum(1)
        better = running & (after <= misfit)
        p = torch.where(better[:, None], trial, p)
        residual, misfit = torch.where(better[:, None], moved, residual), torch.where(better, after, misfit)
        damping = torch.where(better, damping / 5, damping * 4).clamp(1e-9, 1e9)
        small = torch.linalg.vector_norm(step, dim=1) <= tol * (1 + torch.linalg.vector_norm(p, dim=1))
        running = running & ~small
        if not bool(running.any()):
            break
    return p


def _seen(series: Tensor, phi: Tensor | None) -> Tensor:
    return series if phi is None else series @ phi
