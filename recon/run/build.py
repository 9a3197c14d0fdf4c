"""Objects from their checked descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from torch import nn

from recon.config.errors import ConfigError, Mark
from recon.config.stopping import RULES
from recon.config.values import ArraySpec, ComponentSpec, StopSpec, Value
from recon.files import DataError, Item
from recon.operators.operator import Operator, Shape
from recon.run.arrays import tensor_of
from recon.run.geometry import complete
from recon.run.imports import Imported, adapt
from recon.run.loading import load
from recon.signatures import ClassInfo, find_class

OPERATOR = "recon.operators.operator.Operator"
SIGNAL_MODEL = "recon.operators.mri.signals.signal_model.SignalModel"


@dataclass(frozen=True)
class Surroundings:
    """What descriptions may draw on beyond themselves.

    Attributes
    ----------
    item
        The measurement at hand, None where the object serves all of them.
    data_shape
        Shape of its data as the operator sees them.
    image_shape
        Shape of the images, once the operator is known.
    operator
        The operator itself, for data terms that take parameters from it.
    shapes
        Whether operators get the shape that their descriptions leave out.
    """

    item: Item | None = None
    data_shape: Shape | None = None
    image_shape: Shape | None = None
    operator: Operator | None = None
    shapes: bool = True


def build(value: Value, around: Surroundings) -> Any:
    """The object that a description stands for.

    Raises
    ------
    ConfigError
        If a constructor refuses its parameters, at the parameter that it complains about.
    DataError
        If the item lacks an array.
    """
    if isinstance(value, ComponentSpec):
        return _component(value, around)
    if isinstance(value, Imported):
        return _imported(value, around)
    if isinstance(value, ArraySpec):
        return tensor_of(value, around.item)
    if isinstance(value, StopSpec):
        return stopping_rule(value)
    if isinstance(value, Mapping):
        return {key: build(entry, around) for key, entry in value.items()}
    if isinstance(value, list):
        return [build(entry, around) for entry in value]
    return value


def _component(spec: ComponentSpec, around: Surroundings) -> Any:
    cls = load(spec.path)
    spec = complete(spec, around.item, around.data_shape, around.image_shape)
    params = {name: build(value, _inside(value, around)) for name, value in spec.params.items()}
    params = {name: _path(spec, name, value) if isinstance(value, Path) else value for name, value in params.items()}
    try:
        info = find_class(spec.path)
        if info is not None and around.shapes and _wants_shape(info, params):
            params["shape"] = _image_shape(cls, params, around)
        if around.operator is not None and info is not None and takes_from_operator(info):
            given = {name: value for name, value in params.items() if value is not None}
            params = {**params, **cls.from_operator(around.operator), **given}
        return _evaluating(cls(**params))
    except (ConfigError, DataError):
        raise
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        raise refused(spec.label, spec.mark, spec.marks, error) from error


def _inside(value: Value, around: Surroundings) -> Surroundings:
    """What a parameter may draw on: the shape of a signal model in an operator is that of the scan, not of the data."""
    info = find_class(value.path) if isinstance(value, ComponentSpec) else None
    return replace(around, shapes=False) if info is not None and info.derives(SIGNAL_MODEL) else around


def _imported(value: Imported, around: Surroundings) -> Any:
    spec = value.spec
    params = {name: build(entry, around) for name, entry in value.params.items()}
    try:
        made = _evaluating(value.target(**params)) if value.made else value.target
        return adapt(made, value, around.data_shape)
    except ConfigError:
        raise
    except Exception as error:
        marks = {key: node.mark for key, node in spec.params.entries.items()}
        raise refused(spec.label, spec.mark, marks, error) from error


def _evaluating(made: Any) -> Any:
    """A network that has just been made, switched from training to evaluation; anything else as it is."""
    return made.eval() if isinstance(made, nn.Module) else made


def takes_from_operator(info: ClassInfo) -> bool:
    """Whether parameters that a job leaves out are those of the operator: the class says how (``from_operator``)."""
    return info.method("from_operator") is not None


def _wants_shape(info: ClassInfo, params: Mapping[str, Any]) -> bool:
    """Whether an operator takes the shape of its images, which the job leaves out and the data tell."""
    if not info.derives(OPERATOR) or "shape" not in info.parameters:
        return False
    return "shape" not in params or (params["shape"] is None and info.method("domain_shape_for") is not None)


def _image_shape(cls: Any, params: Mapping[str, Any], around: Surroundings) -> Shape:
    if around.image_shape is not None:
        return around.image_shape
    shape: Shape = cls.domain_shape_for(around.data_shape, **params)
    return shape


def _path(spec: ComponentSpec, name: str, value: Path) -> Path | str:
    """A path as the constructor wants it: text where its annotation says so."""
    info = find_class(spec.path)
    parameter = None if info is None else info.parameters.get(name)
    return value if parameter is not None and "Path" in parameter.text else str(value)


def refused(label: str, mark: Mark, marks: Mapping[str, Mark], error: Exception) -> ConfigError:
    """The error of a constructor, placed at the parameter that its sentence names."""
    sentence = " ".join(str(error).split())
    named = next((name for name in marks if re.search(rf"\b{re.escape(name)}\b", sentence)), None)
    return ConfigError(marks.get(named or "", mark), sentence or f"{label} failed with {type(error).__name__}.")


def stopping_rule(spec: StopSpec) -> Any:
    """The rules joined by ``|``."""
    from recon.solvers import stopping

    rules = [getattr(stopping, RULES[key])(limit) for key, limit in spec.limits.items()]
    return reduce(lambda a, b: a | b, rules)
