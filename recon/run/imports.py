"""Components of other packages: imported, checked, and fitted into our rooms."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from recon.config.components import Components
from recon.config.errors import ConfigError
from recon.config.nodes import Map, plain
from recon.config.values import ComponentSpec, ImportSpec, Value
from recon.operators.operator import Shape
from recon.run.loading import load
from recon.signatures import find_class

OPERATOR = "recon.operators.operator.Operator"


@dataclass(frozen=True)
class Imported:
    """Something of another package, imported.

    Attributes
    ----------
    target
        A class, or a function with parameters, to be called with ``params``; anything else is used as it is.
    shape
        Shape of the images, for operators that do not say it themselves.
    """

    spec: ImportSpec
    target: Any
    params: Mapping[str, Value]
    shape: tuple[int, ...] | None = None

    @property
    def made(self) -> bool:
        """Whether the target makes the object rather than being it."""
        return inspect.isclass(self.target) or bool(self.spec.params.entries)


def import_foreign(value: Value) -> Value:
    """The description with everything foreign in it imported; a :class:`ConfigError` where that fails."""
    if isinstance(value, ImportSpec):
        return _import(value)
    if isinstance(value, ComponentSpec):
        return replace(value, params={name: import_foreign(entry) for name, entry in value.params.items()})
    if isinstance(value, list):
        return [import_foreign(entry) for entry in value]
    return value


def _import(spec: ImportSpec) -> Imported:
    try:
        target = load(spec.path)
    except AttributeError:
        owner, _, name = spec.path.rpartition(".")
        raise ConfigError(spec.mark, f"{owner} has no {name!r}.") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(spec.mark, f"{spec.path!r} cannot be imported: {type(error).__name__}: {reason}") from error
    spec, shape = _with_image_shape(spec, target)
    if not inspect.isclass(target) and not (spec.params.entries and callable(target)):
        if spec.params.entries:
            key = next(iter(spec.params.entries))
            raise ConfigError(spec.params.keys[key], f"{spec.label} takes no {key!r}; it is used as it is.")
        return Imported(spec, target, {}, shape)
    info = find_class(f"{target.__module__}.{target.__qualname__}")
    if info is not None and not info.variadic:
        filled = Components(inside=True).fill(info, spec.path, spec.label, spec.params)
        return Imported(spec, target, filled.params, shape)
    params = plain(spec.params)
    try:
        inspect.signature(target).bind(**params)
    except TypeError as error:
        raise ConfigError(spec.mark, f"{spec.label} cannot be made: {error}.") from None
    except ValueError:
        pass  # classes written in C may have no signature
    return Imported(spec, target, params, shape)


def _with_image_shape(spec: ImportSpec, target: Any) -> tuple[ImportSpec, Shape | None]:
    """Take ``domain_shape`` out of the parameters of a foreign operator that does not know it itself."""
    node = spec.params.entries.get("domain_shape")
    if node is None or OPERATOR not in spec.bases or "domain_shape" in inspect.signature(target).parameters:
        return spec, None
    shape = plain(node)
    if not isinstance(shape, list) or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ConfigError(node.mark, f"{spec.label} expects a list of whole numbers for 'domain_shape'.")
    rest = {key: value for key, value in spec.params.entries.items() if key != "domain_shape"}
    return replace(spec, params=Map(spec.params.mark, rest, spec.params.keys)), tuple(shape)


def adapt(value: Any, source: Imported, data_shape: Shape | None) -> Any:
    """An object of another package as one of ours.

    Networks and other callables become denoisers, and denoisers priors; deepinv's physics and ODL's operators become
    operators, on images of the shape of the data unless ``domain_shape`` says otherwise.
    """
    spec = source.spec
    wanted = tuple(load(base) for base in spec.bases)
    if not wanted:
        return _denoiser(value, source)
    if isinstance(value, wanted):
        return value
    if spec.word == "prior" and callable(value):
        from recon.priors import DenoiserPrior

        return DenoiserPrior(_denoiser(value, source))
    if spec.word == "operator" and _comes_from("deepinv", value):
        from recon.operators.bridges import from_deepinv

        return from_deepinv(value, source.shape or data_shape or ())
    if spec.word == "operator" and _comes_from("odl", value):
        from recon.operators.bridges import from_odl

        return from_odl(value)
    names = " or ".join(cls.__name__ for cls in wanted)
    raise ConfigError(spec.mark, f"{spec.path!r} is no {spec.word}: expected {names}, got {type(value).__name__}.")


def _denoiser(value: Any, source: Imported) -> Any:
    """deepinv's networks brought to D(x, sigma); anything else as it is."""
    if not _comes_from("deepinv", value):
        return value
    from recon.operators.bridges import deepinv_denoiser

    return deepinv_denoiser(value, channels=source.params.get("in_channels") or 1)


def _comes_from(package: str, value: Any) -> bool:
    return any(cls.__module__.partition(".")[0] == package for cls in type(value).__mro__)
