from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from recon.config.errors import ConfigError, Mark
from recon.config.values import ArraySpec
from recon.files import DataError, Item
from recon.run.arrays import digest, read_array, tensor_of

HERE = Mark("job.yaml", 1, 2)


def test_every_source_of_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.arange(6.0).reshape(2, 3), b=np.ones(2))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["deep/w"] = np.arange(4.0)
    Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).save(tmp_path / "w.png")
    item = Item("x", "x.npy", torch.zeros(2), aux={"w": torch.tensor([7.0])})

    def numbers(source: str, value: object = None, **where: object) -> list[float]:
        spec = ArraySpec(HERE, "w", source, value, **where)  # type: ignore[arg-type]
        return tensor_of(spec, item).tolist()  # type: ignore[no-any-return]

    assert numbers("numbers", [[1, 2], [3, 4]]) == [[1, 2], [3, 4]]
    assert numbers("span", (0.0, 1.0, 4)) == [0, 0.25, 0.5, 0.75]
    assert numbers("item") == [7]
    assert numbers("file", tmp_path / "w.npz", key="a", index=1) == [3, 4, 5]
    assert numbers("file", tmp_path / "w.npz", key="a", index=(1, 2)) == 5
    assert numbers("file", tmp_path / "w.h5", key="deep/w") == [0, 1, 2, 3]
    assert numbers("file", tmp_path / "w.png") == [[0, 1]]


def test_what_is_not_there_is_said_where_it_was_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", alpha=np.ones(2))
    with pytest.raises(ConfigError, match=r"^job.yaml:1:2: .*has no 'alhpa'.*did you mean 'alpha'\?$"):
        tensor_of(ArraySpec(HERE, "w", "file", tmp_path / "w.npz", key="alhpa"), None)
    with pytest.raises(DataError, match=r"x\.npy has no 'w'"):
        tensor_of(ArraySpec(HERE, "w", "item"), Item("x", "x.npy", torch.zeros(2)))


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    import os

    path = tmp_path / "w.npy"
    np.save(path, np.ones(2))
    assert read_array(path).tolist() == [1, 1]
    np.save(path, np.zeros(2))
    os.utime(path, ns=(1, 1))
    assert read_array(path).tolist() == [0, 0]


def test_digests_tell_values_types_and_shapes_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    things = [
        torch.zeros(4),
        torch.ones(4),
        torch.zeros(2, 2),
        torch.zeros(4, dtype=torch.float64),
        torch.zeros(4, dtype=torch.complex64),
        tmp_path / "a",
        tmp_path / "b",
        "text",
    ]
    assert len({digest(thing) for thing in things}) == len(things)
    assert digest(torch.ones(2, 3).mT) == digest(torch.ones(3, 2))
