from pathlib import Path

import pytest

from recon.config.compose import compose
from recon.config.errors import ConfigError
from recon.config.nodes import plain


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared").mkdir()
    Path("shared/common.yaml").write_text("device: cpu\nprior: {name: tv, lam: 0.5, axes: [0, 1]}\n")
    Path("shared/fast.yaml").write_text("base: common.yaml\nsolver: {name: pdhg, stop: {max_iter: 9}}\n")
    return tmp_path


def test_the_job_wins_over_its_bases_and_later_bases_over_earlier_ones(folder: Path) -> None:
    Path("job.yaml").write_text(
        "base: [shared/fast.yaml, other.yaml]\nprior: {lam: 0.1}\nsolver: {stop: {gap: 1e-3}}\n"
    )
    Path("other.yaml").write_text("device: cuda\n")
    assert plain(compose(Path("job.yaml"))) == {
        "device": "cuda",
        "prior": {"name": "tv", "lam": 0.1, "axes": [0, 1]},
        "solver": {"name": "pdhg", "stop": {"max_iter": 9, "gap": 1e-3}},
    }


def test_another_component_and_a_list_replace_what_is_below(folder: Path) -> None:
    Path("job.yaml").write_text("base: shared/common.yaml\nprior: {name: box, upper: 2}\n")
    assert plain(compose(Path("job.yaml")))["prior"] == {"name": "box", "upper": 2}
    Path("job.yaml").write_text("base: shared/common.yaml\nprior: {axes: [0]}\n")
    assert plain(compose(Path("job.yaml")))["prior"] == {"name": "tv", "lam": 0.5, "axes": [0]}


def test_places_stay_those_of_the_file_that_says_it(folder: Path) -> None:
    Path("job.yaml").write_text("base: shared/common.yaml\nprior: {lam: 0.1}\n")
    prior = compose(Path("job.yaml")).entries["prior"]
    assert str(prior.entries["axes"].mark) == "shared/common.yaml:2:35"  # type: ignore[union-attr]
    assert str(prior.entries["lam"].mark) == "job.yaml:2:14"  # type: ignore[union-attr]
    assert prior.entries["axes"].mark.folder == Path("shared")  # type: ignore[union-attr]


def test_circles_of_any_length_are_found(folder: Path) -> None:
    Path("a.yaml").write_text("base: b.yaml\n")
    Path("b.yaml").write_text("base: a.yaml\n")
    with pytest.raises(ConfigError) as error:
        compose(Path("a.yaml"))
    assert str(error.value) == "b.yaml:1:7: base goes round in a circle: 'a.yaml' is based on this file."


def test_two_ways_to_one_base_are_no_circle(folder: Path) -> None:
    Path("job.yaml").write_text("base: [shared/fast.yaml, shared/common.yaml]\n")
    assert plain(compose(Path("job.yaml")))["device"] == "cpu"


@pytest.mark.parametrize(
    ("texts", "key", "expected"),
    [
        (["prior.lam=1e-3"], "prior", {"name": "tv", "lam": 1e-3}),
        (["prior.weights.file=w.npy"], "prior", {"name": "tv", "lam": 0.5, "weights": {"file": "w.npy"}}),
        (["operator.shape=[4, 4]"], "operator", {"name": "identity", "shape": [4, 4]}),
        (["solver={name: pdhg}"], "solver", {"name": "pdhg"}),
        (["preprocess.1.factor=2"], "preprocess", ["flat_field", {"name": "scale", "factor": 2}]),
        (["prior=", "device=cuda:1"], "prior", None),
        (["output.path=a=b"], "output", {"path": "a=b"}),
        (["prior.lam=1", "prior.lam=2"], "prior", {"name": "tv", "lam": 2}),
    ],
)
def test_overrides(folder: Path, texts: list[str], key: str, expected: object) -> None:
    Path("job.yaml").write_text(
        "prior: {name: tv, lam: 0.5}\noperator: identity\npreprocess: [flat_field, {name: scale, factor: 1}]\n"
    )
    assert plain(compose(Path("job.yaml"), texts))[key] == expected


def test_an_override_leaves_the_rest_of_the_tree_alone(folder: Path) -> None:
    Path("job.yaml").write_text("prior: {name: tv, lam: 0.5}\ndevice: cpu\n")
    assert plain(compose(Path("job.yaml"), ["prior.lam=2"])) == {"prior": {"name": "tv", "lam": 2}, "device": "cpu"}
