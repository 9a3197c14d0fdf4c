"""Workers on this machine or on a cluster, by dask.distributed."""

from __future__ import annotations

import glob
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recon.config.errors import ConfigError
from recon.config.nodes import Map, plain, read_yaml

MISSING = "install recon-imaging[cluster]"
SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
    "htcondor": "HTCondorCluster",
}
"""Name in a cluster file to the class of dask-jobqueue."""
RESTARTS = 3
"""Workers that may die of a task before the task is given up."""


@contextmanager
def workers(count: int | None, where: str | None) -> Iterator[Any]:
    """A dask client with its workers, which are stopped at the end where they were started here.

    Parameters
    ----------
    count
        How many workers; by default as many as there are GPUs, else cores, or as the cluster file says.
    where
        ``local`` or None for processes on this machine; ``tcp://HOST:PORT`` for a scheduler that runs; a YAML file with
        ``name: slurm`` and parameters of dask-jobqueue's cluster, and ``workers``.

    Raises
    ------
    ConfigError
        If a package is missing, the file is wrong, or the scheduler does not answer.
    """
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise ConfigError("--workers", f"dask.distributed is not installed; {MISSING}.") from None
    settings = {
        "distributed.scheduler.allowed-failures": RESTARTS - 1,
        "distributed.worker.daemon": False,
        "distributed.logging.distributed": "critical",
        "logging.distributed": "critical",
    }
    with dask.config.set(settings):
        if where is not None and "://" in where:
            try:
                client = Client(where, timeout=20)
            except (OSError, ValueError) as error:
                raise ConfigError(f"--cluster {where}", f"no scheduler answers there: {error}") from None
            with client:
                yield client
            return
        local = where in (None, "local")
        cluster = _local(count) if local else _jobs(Path(str(where)), count)
        with cluster, Client(cluster) as client:
            yield client


def _local(count: int | None) -> Any:
    from distributed import LocalCluster

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    number = count or len(gpus()) or cores
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, cores // number)))
    return LocalCluster(
        n_workers=number,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # its pages go to any port that is free, for us alone
        silence_logs=50,
        env={"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads},
    )


def _jobs(file: Path, count: int | None) -> Any:
    tree = read_yaml(file)
    content = plain(tree)
    if not isinstance(tree, Map) or content.get("name") not in SYSTEMS:
        raise ConfigError(tree.mark, f"a cluster file has a 'name', one of {', '.join(SYSTEMS)}, and its parameters.")
    try:
        import dask_jobqueue
    except ImportError:
        raise ConfigError(tree.mark, f"dask-jobqueue is not installed; {MISSING}.") from None
    cls = getattr(dask_jobqueue, SYSTEMS[content.pop("name")])
    number = count or content.pop("workers", 1)
    content.pop("workers", None)
    try:
        cluster = cls(**content)
    except (TypeError, ValueError) as error:
        raise ConfigError(tree.mark, f"{cls.__name__} cannot be made: {error}") from None
    cluster.scale(jobs=number)
    return cluster


def gpus() -> list[str]:
    """The GPUs of this machine, by the numbers that CUDA_VISIBLE_DEVICES takes; found without CUDA."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name]
    return sorted(path.removeprefix("/dev/nvidia") for path in glob.glob("/dev/nvidia[0-9]*"))


def prepare(worker: Any) -> None:
    """Leave a local worker one GPU, and Ctrl-C to the command that started it."""
    if isinstance(worker.name, int) and worker.nanny and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    take_gpu(worker)


def take_gpu(worker: Any) -> None:
    """Leave a local worker one GPU, before it looks for any; workers elsewhere have what their job gives them."""
    found = gpus()
    if len(found) > 1 and isinstance(worker.name, int):
        os.environ["CUDA_VISIBLE_DEVICES"] = found[worker.name % len(found)]
