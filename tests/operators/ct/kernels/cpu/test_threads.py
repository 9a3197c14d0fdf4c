"""The thread pool of the kernels."""

import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from recon.operators import ParallelBeam, RayTransform, Volume
from recon.operators.ct.kernels.cpu.threads import for_each, split


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


OPERATOR = RayTransform(Volume((24, 24)), ParallelBeam([0.2 * a for a in range(16)], 35))
IMAGE = torch.rand(24, 24, generator=torch.Generator().manual_seed(0))


def project(_=None):
    torch.set_num_threads(2)
    return OPERATOR(IMAGE)


@pytest.mark.usefixtures("two_threads")
def test_every_task_runs_once_on_more_than_one_thread():
    barrier, seen, names = threading.Barrier(2, timeout=20), [], set()

    def task(n):
        if n < 2:
            barrier.wait()  # passes only if two threads are at work
        seen.append(n)
        names.add(threading.get_ident())

    for_each(50, task)
    assert sorted(seen) == list(range(50))
    assert len(names) == 2


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("bad", [0, 1, 49])
def test_an_error_in_any_task_is_raised(bad):
    def task(n):
        if n == bad:
            raise ArithmeticError(f"task {n}")

    with pytest.raises(ArithmeticError, match=f"^task {bad}$"):
        for_each(50, task)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("count", "multiple"), [(1, 1), (7, 8), (64, 8), (65, 8), (100, 1)])
def test_split_covers_the_range_in_multiples(count, multiple):
    pieces = split(count, multiple)
    assert [n for first, last in pieces for n in range(first, last)] == list(range(count))
    assert all((last - first) % multiple == 0 for first, last in pieces[:-1])
    assert len(pieces) <= 8


@pytest.mark.usefixtures("two_threads")
def test_calls_from_many_threads_agree():
    expected = project()
    with ThreadPoolExecutor(6) as pool:
        assert all(torch.equal(result, expected) for result in pool.map(project, range(60)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("two_threads")
def test_forked_workers_project_after_their_parent_has():
    expected = project()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.map_async(project, range(4)).get(timeout=60)
    assert all(torch.equal(result, expected) for result in results)


@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
def test_spawned_workers_project():
    expected = project()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert torch.equal(pool.map_async(project, range(1)).get(timeout=120)[0], expected)


def test_numba_is_imported_only_when_a_kernel_runs_and_the_compiler_not_at_all():
    program = (
        "import sys, torch, recon.operators as r\n"
        "A = r.RayTransform(r.Volume((4, 4)), r.ParallelBeam([0.0], 5))\n"
        "r.FilteredBackprojection(A)\n"
        "assert 'numba' not in sys.modules\n"
        "A.adjoint(A(torch.ones(4, 4, requires_grad=True))).sum().backward()\n"
        "assert 'numba' in sys.modules\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
