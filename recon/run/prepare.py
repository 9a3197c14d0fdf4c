"""The objects that serve all items of a job, and for each item its operator, noise and prior."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from recon.config.resolve import JobSpec
from recon.config.values import ESTIMATE, ArraySpec, ComponentSpec, StopSpec, Value, arrays, plain
from recon.estimate import estimate_kspace_sigma, estimate_sigma
from recon.files import DataError, Item
from recon.operators.data_term import DataTerm
from recon.operators.noise import GaussianNoise, NoiseModel
from recon.operators.operator import Operator, Shape
from recon.priors.prior import Prior
from recon.priors.sum import SumPrior
from recon.run.arrays import digest, tensor_of
from recon.run.build import Surroundings, build, takes_from_operator
from recon.run.errors import ItemError
from recon.run.geometry import complete
from recon.run.imports import Imported, import_foreign
from recon.run.kspace import image_ndim, kspace_radius
from recon.run.plausible import check_maps, sampled_kspace
from recon.run.references import Measured, with_references
from recon.run.weights import Sought, take_out
from recon.signatures import find_class


@dataclass(frozen=True)
class Case:
    """One item, ready to be solved.

    Attributes
    ----------
    data
        ``(rows, *range_shape)`` on the CPU: one row, or one per colour where the operator treats them alike.
    lead
        Shape of the rows, ``()`` or ``(3,)``.
    sought
        Which λ of the prior is to be found, None where all are given.
    sigma
        The estimated noise level, None where the noise was given.
    key
        Equal for items that may share a batch.
    """

    item: Item
    data: Tensor
    lead: Shape
    operator: Operator
    noise: NoiseModel | None
    fidelity: DataTerm | None
    prior: Prior | None
    sought: Sought | None
    sigma: float | None
    key: str


@dataclass
class Workshop:
    """Builds what the items need, and keeps the latest of each for the items that follow.

    Attributes
    ----------
    simulated
        Whether the data were made from the truth, whose shape the images then have.
    """

    job: JobSpec
    dtype: torch.dtype
    device: torch.device = torch.device("cpu")  # noqa: RUF009  (immutable)
    simulated: bool = False
    operator: Value = field(init=False)
    noise: Value = field(init=False)
    fidelity: Value = field(init=False)
    priors: list[Value] = field(init=False)
    estimates: bool = field(init=False)
    sought: Sought | None = field(init=False)
    _kept: dict[str, tuple[str, Any]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.operator = import_foreign(self.job.operator)
        self.noise = import_foreign(self.job.noise)
        self.fidelity = import_foreign(self.job.fidelity)
        self.priors, self.sought = take_out([import_foreign(prior) for prior in self.job.priors])
        self.estimates = isinstance(self.noise, ComponentSpec) and self.noise.params.get("sigma") == ESTIMATE
        for value in (None if self.estimates else self.noise, self.fidelity, *self.priors):
            if _same_for_all(value):
                build(value, Surroundings())

    def case(self, item: Item) -> Case:
        """The item with its operator, noise and prior; ItemError, DataError or ConfigError if they do not fit."""
        data = _cast(item.data, self.dtype)
        shape = self._own(tuple(data.shape), item)
        seen = self._own(tuple(item.truth.shape), item) if self.simulated and item.truth is not None else None
        around = Surroundings(item, shape, seen)
        key, operator = self._once("operator", self.operator, around, Operator)
        around = Surroundings(item, shape, operator.domain_shape)
        keys = [key]
        noise = sigma = fidelity = None
        if self.estimates:
            radius = kspace_radius(operator)
            if radius is not None and data.is_complex():
                sigma = estimate_kspace_sigma(data, radius, item.source)
            else:
                sigma = estimate_sigma(data, item.source)
        elif self.noise is not None:
            key, noise = self._once("noise", self.noise, around, NoiseModel)
            keys.append(key)
        elif self.fidelity is not None:
            key, fidelity = self._once("fidelity", self.fidelity, replace(around, operator=operator), DataTerm, keys)
            keys.append(key)
        rows, lead = _rows(data, operator, item.source)
        check_maps(operator, item.meta, item.source)
        rows = sampled_kspace(operator, rows, item.source)
        own = GaussianNoise(sigma) if sigma is not None else noise
        measured = Measured(operator, rows, lead, own, fidelity, self.device)
        around = replace(around, item=with_references(item, self.priors, measured))
        priors: list[Any] = []
        for number, value in enumerate(self.priors):
            key, prior = self._once(f"prior {number}", value, around, Prior)
            keys.append(key)
            priors.append(prior)
        prior = SumPrior(*priors) if len(priors) > 1 else priors[0] if priors else None
        output = getattr(self.job, "output", None)
        combined = isinstance(output, ComponentSpec) and output.params.get("combine") == "rss"
        shape = (*lead, *operator.domain_shape)
        own = image_ndim(operator)
        _check_truth(item, (*shape[: -1 - own], *shape[-own:]) if combined and len(shape) > own else shape)
        keys += [str(tuple(rows.shape)), str(rows.dtype)]
        return Case(item, rows, lead, operator, noise, fidelity, prior, self.sought, sigma, "|".join(keys))

    def scene(self, item: Item) -> tuple[Operator, NoiseModel]:
        """How an item that is an image itself gets measured."""
        around = Surroundings(item, None, self._own(tuple(item.data.shape), item))
        _, operator = self._once("operator", self.operator, around, Operator)
        _, noise = self._once("noise", self.noise, around, NoiseModel)
        return operator, noise

    def _own(self, shape: Shape, item: Item) -> Shape:
        """The shape of what is reconstructed at once: one colour, unless a prior wants the three together."""
        colours = item.meta.get("color") == "rgb" and len(shape) == 3
        return shape[1:] if colours and not self._takes_colours() else shape

    def _takes_colours(self) -> bool:
        """Whether a prior wants the three colours together."""
        return any(_channels(prior) == 3 for prior in self.priors)

    def _once(
        self, place: str, value: Value, around: Surroundings, kind: Callable[..., Any], rests_on: Sequence[str] = ()
    ) -> tuple[str, Any]:
        """The object of a description, built anew only where that, or what it rests on, differs from the last one."""
        key = "|".join((fingerprint(value, around), *rests_on))
        if self._kept.get(place, ("", None))[0] != key:
            self._kept[place] = (key, build(value, around))
        return self._kept[place]


def _channels(value: Value) -> int | None:
    """The channels of a network in a prior, where it says them."""
    if not isinstance(value, ComponentSpec | Imported):
        return None
    own = value.params.get("channels", value.params.get("in_channels"))
    return own or next((n for entry in value.params.values() if (n := _channels(entry))), None)


def fingerprint(value: Value, around: Surroundings) -> str:
    """Equal for descriptions that make equal objects in their surroundings."""
    content = _content(value, around)
    return json.dumps([content, around.data_shape, around.image_shape], sort_keys=True, default=str)


def _content(value: Value, around: Surroundings) -> Any:
    if isinstance(value, ArraySpec):
        return digest(tensor_of(value, around.item))
    if isinstance(value, ComponentSpec):
        done = complete(value, around.item, around.data_shape, around.image_shape)
        params = {key: _content(entry, around) for key, entry in done.params.items()}
        return {"component": done.path, **params}
    if isinstance(value, Imported):
        return {"imported": plain(value.spec), "params": _content(value.params, around)}
    if isinstance(value, dict):
        return {key: _content(entry, around) for key, entry in value.items()}
    if isinstance(value, list):
        return [_content(entry, around) for entry in value]
    return value.plain() if isinstance(value, StopSpec) else value


def _same_for_all(value: Value) -> bool:
    """Whether an object can be built before any item is known."""
    if value is None or any(spec.source in ("item", "guess", "solve") for spec in arrays(value)):
        return False
    if not isinstance(value, ComponentSpec):
        return True
    info = find_class(value.path)
    alone = info is None or not takes_from_operator(info)
    return alone and not any(isinstance(p, ComponentSpec) for p in value.params.values())


def _cast(data: Tensor, dtype: torch.dtype) -> Tensor:
    return data.to(dtype.to_complex() if data.is_complex() else dtype)


def _rows(data: Tensor, operator: Operator, source: str) -> tuple[Tensor, Shape]:
    """The data with the dimensions that the operator does not take in one."""
    m = len(operator.range_shape)
    if data.ndim < m or tuple(data.shape[data.ndim - m :]) != operator.range_shape:
        raise ItemError(
            f"{source} has data of shape {tuple(data.shape)}, but {operator.name} makes data of shape "
            f"{operator.range_shape}."
        )
    if not bool(torch.isfinite(data.abs()).all()):
        raise DataError(f"{source} is not finite any more after preprocessing.")
    if operator.range_field == "complex" and not data.is_complex():
        raise ItemError(
            f"{source} holds real numbers, but {operator.name} makes complex data; magnitudes or one of the two "
            "parts do not suffice."
        )
    lead = tuple(data.shape[: data.ndim - m])
    return data.reshape(-1, *operator.range_shape), lead


def _check_truth(item: Item, shape: Shape) -> None:
    if item.truth is not None and tuple(item.truth.shape) != shape:
        raise ItemError(
            f"the truth of {item.source} has shape {tuple(item.truth.shape)}, but the reconstruction has {shape}."
        )
