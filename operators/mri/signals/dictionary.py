"""Signals of many values of the parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.signals.signal_model import SignalModel

_AT_ONCE = 1 << 24


class Dictionary:
    """Atoms d_a(t), the signals of M₀ = 1 for all combinations a of values of the other parameters.

    For models M₀ d(t; θ) of one magnetisation M₀: T₂ and T₂* decay, inversion and saturation recovery. The dictionary
    gives bases of time courses for :class:`SubspaceMRI`, and matches series to their nearest atoms.

    Parameters
    ----------
    model
        The signal model.
    **values
        Values of each parameter but ``m0``, in their units, ``(n,)``.

    Attributes
    ----------
    atoms
        d, complex128 ``(atoms, times)``.
    quantities
        The values of each parameter in each atom, ``(atoms,)``.

    Errors: ValueError where values are missing, or the model has no ``m0``; TypeError for what is no model.
    """

    def __init__(self, model: SignalModel, **values: Tensor) -> None:
        if not isinstance(model, SignalModel):
            raise TypeError(f"Dictionary expects a signal model, such as T2Decay, got {type(model).__name__}.")
        names = [q.name for q in model.parameters]
        if names[0] != "m0":
            raise ValueError(f"Dictionary expects a model of one magnetisation m0, {model.name} has {names[0]!r}.")
        if set(values) != set(names[1:]):
            raise ValueError(f"Dictionary expects values of {', '.join(names[1:])}, got {', '.join(values) or 'none'}.")
        axes = [torch.as_tensor(values[name]).double().flatten() for name in names[1:]]
        grid = [axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")]
        self.model = model.on(())
        self.quantities = dict(zip(names[1:], grid, strict=True))
        self.atoms = self.model(self.model.point(m0=1.0, **self.quantities).to(torch.complex128))

    def basis(self, components: int) -> Tensor:
        """Φ, ``(times, components)``: the first left singular vectors of the atoms, each of unit norm.

        Real where all atoms are.
        """
        times = self.atoms.shape[1]
        if not 1 <= components <= times:
            raise ValueError(f"Dictionary.basis expects 1 to {times} components, got {components}.")
        left: Tensor = torch.linalg.svd(self._unit().T, full_matrices=False).U
        return left[:, :components]

    def distance(self, basis: Tensor) -> Tensor:
        """‖d_a − ΦΦᴴd_a‖/‖d_a‖ of each atom: what a basis leaves out."""
        unit = self._unit()
        inside = unit.to(basis.dtype) @ basis.conj()
        return (1 - inside.abs().square().sum(1)).clamp(min=0).sqrt()

    def match(self, series: Tensor, basis: Tensor | None = None) -> dict[str, Tensor]:
        """Maps of the atoms nearest to a series ``(times, *shape)``, up to a complex factor, which is ``m0``.

        With a basis Φ, from coefficients ``(components, *shape)``. The grid of values limits how exact maps are;
        :func:`fit_voxels` refines them.
        """
        atoms = self.atoms if basis is None else self.atoms @ basis.conj().to(self.atoms)
        atoms = atoms.to(device=series.device, dtype=series.dtype)
        if len(series) != atoms.shape[1]:
            raise ValueError(f"Dictionary.match expects a series of {atoms.shape[1]}, got {len(series)}.")
        sizes = torch.linalg.vector_norm(atoms, dim=1)
        unit = atoms.conj() / sizes.clamp(min=torch.finfo(sizes.dtype).tiny)[:, None]
        best, found = [], []
        for part in series.flatten(1).split(max(1, _AT_ONCE // len(atoms)), 1):
            products = unit @ part
            index = products.abs().argmax(0)
            best.append(index)
            found.append(products.gather(0, index[None])[0] / sizes[index])
        chosen, shape = torch.cat(best).cpu(), series.shape[1:]
        real = series.real.dtype
        maps = {name: q[chosen].to(real).to(series.device).reshape(shape) for name, q in self.quantities.items()}
        return {"m0": torch.cat(found).reshape(shape), **maps}

    def _unit(self) -> Tensor:
        """The atoms at unit norm, real where all are."""
        sizes = torch.linalg.vector_norm(self.atoms, dim=1, keepdim=True)
        unit = self.atoms / torch.where(sizes > 0, sizes, 1)
        return unit if bool(unit.imag.any()) else unit.real
