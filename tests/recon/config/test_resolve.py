from collections.abc import Callable
from pathlib import Path

import pytest

from recon.config.errors import ConfigError
from recon.config.resolve import JobSpec, load_job
from recon.config.show import to_yaml
from recon.config.values import ArraySpec, ComponentSpec, ImportSpec, StopSpec

JOB = """\
recon: 1
input: {name: numpy, path: x.npy}
operator: identity
prior: {name: tv, lam: 1e-2, isotropic: no}
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., JobSpec]:
    """``load(text, *overrides)`` checks a job in a folder with x.npy."""
    monkeypatch.chdir(tmp_path)
    Path("x.npy").touch()

    def _load(text: str = JOB, *overrides: str, out: Path | None = None) -> JobSpec:
        Path("job.yaml").write_text(text)
        return load_job(Path("job.yaml"), overrides, out)

    return _load


Load = Callable[..., JobSpec]


def test_defaults_are_filled_in(load: Load) -> None:
    plain = load().plain()
    assert plain["prior"] == {
        "name": "total_variation",
        "lam": 0.01,
        "isotropic": False,
        "weights": None,
        "axes": None,
        "boundary": "neumann",
        "axis_weights": None,
        "spacing": 1.0,
    }
    assert plain["solver"]["name"] == "auto"
    assert (plain["device"], plain["batch_size"], plain["seed"], plain["dtype"]) == ("auto", 1, 0, "float32")


def test_what_is_shown_is_a_job_that_means_the_same(load: Load) -> None:
    text = JOB + "solver: {name: pdhg, stop: {gap: 1e-4}}\noutput: {formats: [tiff32]}\n"
    job = load(text, "prior.weights=[[1, 2]]")
    again = load(to_yaml(job.plain()))
    assert again.plain() == job.plain()
    assert to_yaml(again.plain()) == to_yaml(job.plain())


def test_paths_belong_to_the_file_they_are_written_in(load: Load, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "y.npy").touch()
    Path("shared/input.yaml").write_text("input: {name: numpy, path: y.npy}\n")
    text = JOB.replace("input: {name: numpy, path: x.npy}", "base: shared/input.yaml")
    assert load(text).input.params["path"] == Path("shared/y.npy")
    assert load(text, "input.path=x.npy").input.params["path"] == Path("x.npy")


def test_the_output_folder(load: Load) -> None:
    assert load().folder == Path("out/job")
    assert load(JOB + "output: {path: results}\n").folder == Path("results")
    assert load(JOB, out=Path("else")).folder == Path("else")


def test_rules_that_the_job_does_not_name_stay_the_solvers(load: Load) -> None:
    text = JOB + "solver: {name: pdhg, stop: {gap: 1e-4}}\n"
    stop = load(text).solver.params["stop"]
    assert isinstance(stop, StopSpec)
    assert stop.limits == {"max_iter": 500, "gap": 1e-4}
    assert load(text, "solver.stop.max_iter=null").solver.params["stop"].limits == {"gap": 1e-4}
    assert load(text, "solver.stop.max_iter=7").solver.params["stop"].limits == {"max_iter": 7, "gap": 1e-4}


def test_arrays_are_described_not_read(load: Load) -> None:
    def weights(text: str) -> ArraySpec:
        spec = load(JOB, f"prior.weights={text}").prior.params["weights"]
        assert isinstance(spec, ArraySpec)
        return spec

    assert weights("[[1, 2], [3, 4]]").value == [[1, 2], [3, 4]]
    assert weights("2").value == 2
    assert weights("from-file").source == "item"
    assert weights("x.npy").value == Path("x.npy")
    spec = weights("{file: x.npy, key: w, index: [1, 2]}")
    assert (spec.key, spec.index) == ("w", (1, 2))
    assert weights("{start: 0, stop: 180, count: 60}").value == (0.0, 180.0, 60)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{start: 0, stop: x, count: 2}", "prior 'tv' expects numbers for start, stop and count of 'weights'."),
        ("{start: 0, stop: 1, count: 0}", "prior 'tv' expects a count of at least 1 for 'weights', got 0."),
        ("{file: x.npy, index: a}", "prior 'tv' expects whole numbers for 'index' of 'weights', got 'a'."),
        ("{file: 3}", "prior 'tv' expects 'weights' to name a file, as {file: psf.npy, key: data}."),
        ("[[1, x]]", "prior 'tv' expects numbers in the array 'weights', got 'x'."),
        ("word", "prior 'tv' expects an array (numbers, a file or from-file) for 'weights', got 'word'."),
    ],
)
def test_bad_arrays(load: Load, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(JOB, f"prior.weights={value}")
    assert str(error.value) == f"--set prior.weights={value}: {message}"


def test_several_priors_are_a_list(load: Load) -> None:
    priors = load(JOB.replace("prior: {", "prior: [nonneg, {").replace("no}", "no}]")).priors
    assert [prior.name for prior in priors if isinstance(prior, ComponentSpec)] == ["non_negative", "total_variation"]


def test_the_seed_of_the_job_is_the_samplers_unless_it_has_its_own(load: Load) -> None:
    text = JOB.replace("{name: tv, lam: 1e-2, isotropic: no}", "gaussian") + "solver: dps\nseed: 5\n"
    assert load(text).solver.params["seed"] == 5
    assert load(text, "solver.seed=3").solver.params["seed"] == 3


def test_a_class_in_a_file_is_checked_like_ours_and_not_imported(load: Load) -> None:
    Path("mine.py").write_text(
        "from recon.priors import TotalVariation\nraise SystemExit\n"
        "class Mine(TotalVariation):\n    def __init__(self, lam: float, rows: int = 3): ...\n"
    )
    text = JOB.replace("{name: tv, lam: 1e-2, isotropic: no}", "{name: mine.py:Mine, lam: 2}") + "solver: pdhg\n"
    prior = load(text).prior
    assert isinstance(prior, ComponentSpec)
    assert prior.params == {"lam": 2.0, "rows": 3}
    with pytest.raises(ConfigError, match=r"job.yaml:4:9: prior 'mine.py:Mine' needs 'lam': .*-sure' or a number."):
        load(text.replace("lam: 2", "rows: 2").replace("prior: {", "prior:  {"))
    with pytest.raises(ConfigError, match=r"prior 'mine.py:Mine' takes no 'row'; did you mean 'rows'\?"):
        load(text, "prior.row=2")


def test_other_packages_are_left_for_later(load: Load) -> None:
    prior = load(JOB + "solver: pnp_admm\n", "prior={name: deepinv.models.DRUNet, anything: 3}").prior
    assert isinstance(prior, ImportSpec)
    assert prior.plain() == {"name": "deepinv.models.DRUNet", "anything": 3}


def test_a_volume_needs_no_name_and_angles_may_be_spelled_out(load: Load) -> None:
    text = JOB.replace(
        "identity",
        "{name: ray_transform, volume: {shape: [4, 4]}, geometry: "
        "{name: parallel_beam, angles: {start: 0, stop: 180, count: 6}, angle_unit: deg}}",
    )
    plain = load(text).plain()["operator"]
    assert plain["volume"]["shape"] == [4, 4]
    assert "spacing" not in plain["volume"], "the spacing is the bins', which the data say"
    assert plain["geometry"]["angle_unit"] == "deg"
    assert "bins" not in plain["geometry"]


def test_the_unit_of_angles_is_said_once(load: Load) -> None:
    scan = "{name: ray_transform, geometry: {name: parallel_beam, angles: from-file, angle_unit: deg}}"
    text = JOB.replace("identity", scan) + "preprocess: [angles]\n"
    with pytest.raises(ConfigError) as error:
        load(text)
    assert str(error.value) == (
        "job.yaml:3:96: geometry 'parallel_beam': the preprocessing step 'angles' has brought them to radians; "
        "leave 'angle_unit' out."
    )
    load(text.replace(", angle_unit: deg", ""))
