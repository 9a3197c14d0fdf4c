"""Maps of quantities that unknowns stand for."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from recon.files import DataError, Item
from recon.operators import QuantitativeMRI, SignalModel
from recon.operators.operator import Operator
from recon.reports.map_preview import Map


def maps_of(operator: Operator, unknowns: Tensor, item: Item) -> Mapping[str, Map]:
    """The maps that a signal model has for its unknowns, in original units, by name; none for other operators.

    A factor on the data is one on everything complex, which is magnetisation, and leaves times and frequencies alone.
    """
    if not isinstance(operator, QuantitativeMRI | SignalModel):
        return {}
    found = operator.maps(unknowns)
    return {
        q.name: Map(item.restored(found[q.name]) if q.complex else found[q.name], q.unit, q.complex)
        for q in operator.parameters
    }


def errors_of(maps: Mapping[str, Map], item: Item) -> dict[str, float]:
    """Median relative errors of the maps whose truth the item brings under their name, where that is not zero.

    Raises
    ------
    DataError
        If a truth has another shape than the map.
    """
    errors = {}
    for name, part in maps.items():
        truth = item.aux.get(name)
        if truth is None:
            continue
        if truth.shape != part.values.shape:
            raise DataError(
                f"{item.source} has a true {name} of shape {tuple(truth.shape)}, but the map has "
                f"{tuple(part.values.shape)}."
            )
        inside = truth != 0
        if bool(inside.any()):
            errors[f"{name}_median_error"] = float(((part.values - truth).abs() / truth.abs())[inside].median())
    return errors
