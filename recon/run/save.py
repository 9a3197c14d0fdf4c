"""What every item leaves: the reconstruction, a sidecar, a preview and a convergence plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor

from recon.config.errors import ConfigError
from recon.config.nodes import display
from recon.config.resolve import JobSpec
from recon.config.values import ComponentSpec, StopSpec
from recon.files import DataError
from recon.files.whole import write_text
from recon.files.writers import LOSSLESS, check_formats, to_json, written
from recon.reports import convergence_plot, map_preview, posterior_picture, preview
from recon.reports.map_preview import Map, map_window, occupied
from recon.run.describe import data_kind, describe, nominal_range
from recon.run.kspace import image_ndim
from recon.run.maps import errors_of, maps_of
from recon.run.posterior import coverage_curve
from recon.run.solve import Solved

TOLERANCES = {"gap": "relative_gap", "change": "change", "residuals": "primal_residual"}


@dataclass(frozen=True)
class Shelf:
    """Where the results of a job go, and how they are described."""

    job: JobSpec
    device: torch.device

    @property
    def folder(self) -> Path:
        """The output folder."""
        return self.job.folder

    def open(self) -> None:
        """Make the folder; a :class:`ConfigError` if results cannot be written there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".{uuid4().hex[:8]}.part"
            probe.touch()
            probe.unlink()
            check_formats(self.job.output.params["formats"])
        except DataError as error:
            raise ConfigError(self.job.output.at("formats"), str(error)) from error
        except OSError as error:
            mark, folder = self.job.output.at("path"), display(self.folder)
            raise ConfigError(mark, f"nothing can be written to the folder {folder!r} ({error.strerror}).") from error

    def sidecar(self, item: str) -> Path:
        """The file that says what became of an item; written last, so that it vouches for all others."""
        return self.folder / f"{item}.json"

    def record(self, item: str) -> dict[str, Any]:
        """What the sidecar says, nothing if there is none that can be read."""
        try:
            found = json.loads(self.sidecar(item).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def done(self, item: str, key: str) -> dict[str, Any] | None:
        """The record of an item that is finished under this fingerprint, all its files being there."""
        record = self.record(item)
        if record.get("key") != key or record.get("status") != "done":
            return None
        return record if all((self.folder / name).is_file() for name in record.get("files", ())) else None

    def fail(self, item: str, source: str, key: str, error: str) -> dict[str, Any]:
        """Leave a sidecar that says why an item failed."""
        record = {"id": item, "status": "failed", "error": error, "source": source, "key": key, "files": []}
        self._replace(item, record, self.record(item).get("files", []))
        return record

    def save(self, solved: Solved, key: str) -> dict[str, Any]:
        """Write everything, the sidecar last, and return what it says.

        Raises
        ------
        DataError
            If something cannot be written.
        """
        item = solved.case.item
        maps = maps_of(solved.case.operator, solved.image, item)
        image = solved.image if maps else self._combined(solved, solved.image)
        guess = None if solved.guess is None else self._combined(solved, solved.guess)
        truth = None if item.truth is None else item.restored(item.truth)
        if truth is not None and self.job.output.params["combine"] != "none":
            truth = truth.abs()
        record = {**describe(self.job, self.device, solved, (image, guess, truth)), "key": key}
        if maps:
            record["maps"] = {name: part.unit for name, part in maps.items()}
            record["metrics"] = {**record["metrics"], **errors_of(maps, item)}
        before = self.record(item.id).get("files", [])
        self.sidecar(item.id).unlink(missing_ok=True)
        images = self._maps(solved, maps, record) if maps else self._images(solved, image, record)
        record["conversions"] = {path.name: note for path, note in images.items() if note}
        files = list(images)
        if self.job.output.params["preview"]:
            picture = self.folder / f"{item.id}.preview.png"
            files.append(
                map_preview(picture, item.restored(item.data), maps, title=item.id)
                if maps
                else self._preview(picture, solved, image, guess, truth)
            )
            files += self._posterior(solved, image, truth)
        if self.job.output.params["convergence"] and len(solved.history["iteration"]) > 1:
            files += self._convergence(solved)
        record["files"] = [path.name for path in files]
        self._replace(item.id, record, before)
        return record

    def _combined(self, solved: Solved, image: Tensor) -> Tensor:
        """The image in original units as it is handed out."""
        image = solved.case.item.restored(image)
        if self.job.output.params["combine"] == "none":
            return image
        own = image_ndim(solved.case.operator)
        if image.ndim <= own:
            raise DataError(
                "combine: rss needs an axis of coils or sets before those of the image, got shape "
                f"{tuple(image.shape)}."
            )
        combined: Tensor = torch.linalg.vector_norm(image, dim=-1 - own)
        return combined

    def _images(self, solved: Solved, image: Tensor, record: Mapping[str, Any]) -> dict[Path, dict[str, Any]]:
        """The reconstruction and, where there are several samples, what they tell, with their notes."""
        item, formats = solved.case.item, self.job.output.params["formats"]
        if image.ndim < 2 and not self.job.output.given("formats"):
            formats = [name for name in formats if name in LOSSLESS]  # a signal is no picture
        names = ("id", "source", "units", "solver", "kind", "reason", "version", "spacing_mm")
        brief = {name: record[name] for name in names if record[name] is not None}
        if item.meta.get("affine") is not None and image.ndim == 3 and image.shape == item.data.shape:
            brief["affine"] = item.meta["affine"]
        stem, window = self.folder / item.id, nominal_range(solved)
        files = written(stem, image, formats, brief, color=_is_colour(solved), window=window)
        for name, values in self._of_samples(solved).items():
            kept = [form for form in formats if form in LOSSLESS] or ["npz"]
            levels = {"levels": list(solved.drawn.levels)} if name == "quantiles" and solved.drawn else {}
            files |= written(f"{stem}.{name}", item.restored(values), kept, {**brief, "holds": name, **levels})
        for name, values in solved.components.items():
            part = item.restored(values)
            files |= written(f"{stem}.{name}", part, formats, {**brief, "holds": name}, color=_is_colour(solved))
        return files

    def _of_samples(self, solved: Solved) -> dict[str, Tensor]:
        """What several samples leave beside their mean."""
        drawn = solved.drawn
        if drawn is None or not drawn.several:
            return {}
        samples = drawn.samples if self.job.output.params["samples"] else None
        found = {"std": drawn.std, "quantiles": drawn.quantiles, "samples": samples}
        return {name: values for name, values in found.items() if values is not None}

    def _posterior(self, solved: Solved, image: Tensor, truth: Tensor | None) -> list[Path]:
        """The picture of the samples, where there are several complete ones of the image's shape."""
        drawn, item = solved.drawn, solved.case.item
        if drawn is None or drawn.std is None or int(drawn.complete.sum()) < 2 or drawn.std.shape != image.shape:
            return []
        known = truth if truth is not None and truth.shape == image.shape else None
        samples = item.restored(drawn.kept)
        picture = posterior_picture(
            self.folder / f"{item.id}.posterior.png",
            samples,
            image,
            item.restored(drawn.std),
            known,
            None if known is None else coverage_curve(samples, known),
            title=item.id,
            units=item.units,
            color=_is_colour(solved),
            window=nominal_range(solved),
            name=f"{type(solved.solver).__name__} ({solved.solver.kind})",
        )
        return [picture]

    def _maps(self, solved: Solved, maps: Mapping[str, Map], record: Mapping[str, Any]) -> dict[Path, dict[str, Any]]:
        """Each map with its name and unit, and the unknowns as they are, with their notes."""
        item, formats = solved.case.item, self.job.output.params["formats"]
        names = ("id", "source", "solver", "kind", "reason", "version")
        brief = {name: record[name] for name in names if record[name] is not None}
        kept = [name for name in formats if name in LOSSLESS] or ["npz"]
        stem, mask = self.folder / item.id, occupied(maps)
        files = written(stem, solved.image, kept, {**brief, "holds": "unknowns"})
        for name, part in maps.items():
            single = [form for form in formats if form in LOSSLESS] if part.values.ndim < 2 else formats
            notes = {**brief, "holds": name, "units": part.unit}
            files |= written(f"{stem}.{name}", part.values, single, notes, window=map_window(part, mask))
        return files

    def _preview(self, path: Path, solved: Solved, image: Tensor, guess: Tensor | None, truth: Tensor | None) -> Path:
        item, window = solved.case.item, nominal_range(solved)
        return preview(
            path,
            item.restored(item.data),
            image if guess is None else guess,
            image,
            truth,
            title=item.id,
            units=item.units,
            color=_is_colour(solved),
            window=window,
            data_range=None if window is None else window[1] - window[0],
            data_kind=data_kind(solved),
            first_name=f"First guess: {solved.guess_name}" if solved.guess_name else "No first guess",
            name=f"Reconstruction: {type(solved.solver).__name__}",
        )

    def _convergence(self, solved: Solved) -> list[Path]:
        solver = self.job.solver
        stop = solver.params.get("stop") if isinstance(solver, ComponentSpec) else None
        limits = stop.limits if isinstance(stop, StopSpec) else {}
        item = solved.case.item.id
        plot = convergence_plot(
            self.folder / f"{item}.convergence.png",
            solved.history,
            title=item,
            note=solved.reason.sentence,
            tolerances={TOLERANCES[key]: limit for key, limit in limits.items() if key in TOLERANCES},
        )
        return [] if plot is None else [plot]

    def _replace(self, item: str, record: Mapping[str, Any], before: list[str]) -> None:
        """Write the sidecar, then remove the files of an earlier run that this one has not replaced."""
        text = json.dumps(json.loads(to_json(record)), indent=2, ensure_ascii=False)
        write_text(self.sidecar(item), text + "\n")
        for name in before:
            if name not in record["files"] and Path(name).name == name:
                (self.folder / name).unlink(missing_ok=True)


def _is_colour(solved: Solved) -> bool:
    return solved.case.item.meta.get("color") == "rgb" and solved.image.ndim == 3
