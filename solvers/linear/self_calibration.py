"""Images and unknown gains of the sensors, from a linear system for both."""

from __future__ import annotations

from math import prod
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator

Method = Literal["least-squares", "spectral"]

LARGEST = 8192
"""Unknowns, pixels and gains together, up to which the system's matrix is formed."""


class Calibration(NamedTuple):
    """The image ``(*batch, *domain_shape)``, the gains d ``(*batch, *sensors)``, and ‖y/d − Ax‖/‖Ax‖ per item."""

    image: Tensor
    gains: Tensor
    misfit: Tensor


def self_calibrate(
    operator: LinearOperator, data: Tensor, exposures: int = 1, method: Method = "least-squares"
) -> Calibration:
    """x and d from y = d ⊙ (A x), where the gains d of the sensors are as unknown as the image.

    The question is bilinear, but linear in x and s = 1/d: diag(y)s − A x = 0. Of the solutions (s, x), which may be
    multiplied by any number, that with mean(s) = 1 is given:

    * ``"least-squares"``: argmin ‖diag(y)s − A x‖² + |Σs − m|²;
    * ``"spectral"``: the right singular vector of (diag(y), −A) for its least singular value, both blocks scaled to the
      same mean square, so that no gain is preferred.

    Without noise both are exact wherever the system determines (s, x) up to that number. The matrix is formed: a
    method for up to 8192 unknowns.

    Parameters
    ----------
    operator
        A, with ``range_shape`` (*exposures, *sensors).
    data
        y, ``(*batch, *range_shape)``.
    exposures
        How many leading dimensions of the range run over exposures, which share the gains: other masks, other times.
        With none of them there are as many gains as data, too many.

    Errors: ValueError for too few data, sensors that measured nothing, or more unknowns than that.

    Source: Ling and Strohmer, SIAM J. Imaging Sci. 11 (2018) 252, equations 2.7 and 2.12.
    """
    if not isinstance(operator, LinearOperator):
        raise TypeError(f"self_calibrate expects a linear operator, got {type(operator).__name__}.")
    if method not in get_args(Method):
        raise ValueError(f"self_calibrate expects the method 'least-squares' or 'spectral', got {method!r}.")
    if not 1 <= exposures <= len(operator.range_shape):
        raise ValueError(
            f"self_calibrate expects exposures between 1 and {len(operator.range_shape)}, got {exposures!r}."
        )
    operator.check(data, operator.range_shape, operator.range_field)
    shape, sensors = operator.domain_shape, operator.range_shape[exposures:]
    n, m, times = prod(shape), prod(sensors), prod(operator.range_shape[:exposures])
    if times * m < m + n - 1:
        raise ValueError(
            f"self_calibrate needs as many data as unknowns: {m} gains and {n} pixels, but {times * m} data."
        )
    if m + n > LARGEST:
        raise ValueError(f"self_calibrate forms a matrix and takes up to {LARGEST} unknowns, got {m + n}.")
    batch = data.shape[: data.ndim - len(operator.range_shape)]
    y = data.reshape(-1, times, m)
    if bool((y == 0).all(1).any()):
        raise ValueError("self_calibrate expects data from every sensor, got one with zeros only.")

    real = operator.domain_field == "real"
    eye = torch.eye(n, dtype=data.real.dtype if real else data.dtype, device=data.device).reshape(n, *shape)
    columns = operator(eye).reshape(n, times * m).T.to(data.dtype)
    weight = _size(y.flatten(1)) / _size(columns.flatten()[None])  # both blocks alike
    gains_part = torch.diag_embed(y).flatten(1, 2)
    matrix = torch.cat([gains_part, -weight[:, None, None] * columns.expand(len(y), -1, -1)], -1)
    z = (
        _least(matrix, m)
        if method == "least-squares"
        else torch.linalg.svd(matrix, full_matrices=False).Vh[:, -1].conj()
    )
    z = z / z[:, :m].mean(1, keepdim=True)
    s, x = z[:, :m], weight[:, None] * z[:, m:]
    clean = x @ columns.T
    residual = (y * s[:, None]).flatten(1) - clean
    misfit = residual.norm(dim=1) / clean.norm(dim=1)
    return Calibration(x.reshape(*batch, *shape), (1 / s).reshape(*batch, *sensors), misfit.reshape(batch))


def _size(rows: Tensor) -> Tensor:
    return rows.abs().square().mean(1).sqrt()


def _least(matrix: Tensor, count: int) -> Tensor:
    """argmin ‖matrix z‖² + |Σ z[:count] − count|², the last in the units of the first."""
    scale = _size(matrix.flatten(1))[:, None]
    row = torch.zeros_like(matrix[:, 0])
    row[:, :count] = scale
    target = matrix.new_zeros(*matrix.shape[:2])
    whole = torch.cat([matrix, row[:, None]], 1)
    wanted = torch.cat([target, (count * scale).to(matrix.dtype)], 1)
    solution: Tensor = torch.linalg.lstsq(whole, wanted[..., None]).solution
    return solution[..., 0]
