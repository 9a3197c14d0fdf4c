"""The commands and their options."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import recon
from recon.cli.guard import guarded

app = typer.Typer(
    name="recon",
    help="Reconstruct images from measurements: operators, priors and solvers, run from YAML jobs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config = typer.Typer(
    help="Look at jobs and benchmarks without running them.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(config, name="config")
data = typer.Typer(help="Look into files of data.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")

JobFile = Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The job.")]
AnyFile = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The job or the benchmark.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one key, such as solver.stop.max_iter=50; repeatable."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Workers = Annotated[int | None, typer.Option("--workers", metavar="N", min=1, help="Processes that work side by side.")]
Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="WHERE", help="local, slurm.yaml, or tcp://HOST:PORT.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"recon {recon.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
@guarded
def reconstruct(
    job: JobFile,
    overrides: Set = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results.")] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Reconstruct every item of a job.

    Items that are done already are skipped. Exit code 0: all done; 1: some items failed; 2: the job is wrong;
    130: interrupted.
    """
    from recon.cli.reconstruct import reconstruct_command

    return reconstruct_command(
        job,
        overrides or [],
        out,
        quiet=quiet,
        as_json=as_json,
        debug=debug,
        workers=workers,
        cluster=cluster,
    )


@app.command()
@guarded
def bench(
    file: Annotated[Path, typer.Argument(metavar="BENCH.yaml", help="The benchmark.")],
    overrides: Set = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the run.")] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do cells again that failed, timed out or ran out of memory.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the grid and an estimate of the time; write nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Run a benchmark, or go on with one.

    Cells that are done already are skipped. Exit code 0: all cells have a result; 1: some have none; 2: the benchmark
    is wrong; 130: interrupted.
    """
    from recon.cli.bench import BenchOptions, bench_command

    options = BenchOptions(overrides or [], out, workers, cluster, retry_failed, dry_run, quiet, as_json)
    return bench_command(file, options)


@app.command()
@guarded
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a benchmark run, finished or not.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the report; by default the run's.")
    ] = None,
    images: Annotated[int, typer.Option("--images", metavar="N", min=0, help="Images shown of each condition.")] = 2,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Write the report of a benchmark run: one HTML page, and its tables as CSV, Markdown and LaTeX."""
    from recon.cli.report import report_command

    return report_command(run, out, images, quiet=quiet, as_json=as_json)


@app.command()
@guarded
def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a benchmark run.")],
    every: Annotated[float, typer.Option("--every", metavar="SECONDS", min=0.1, help="How often to look.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show how far a benchmark run is, whoever is running it."""
    from recon.cli.watch import watch_command

    return watch_command(run, every=every, once=once, as_json=as_json)


@app.command()
@guarded
def info(
    component: Annotated[str | None, typer.Argument(help="A name such as tv or pdhg; all of them without one.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """List components, or explain one."""
    from recon.cli.info import info_command

    return info_command(component, as_json=as_json)


@app.command()
@guarded
def check(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="Your class or object, or one of ours.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Run the laws on a component.

    FILE.py:NAME is a class with examples(), or an object: an operator, functional, noise model, data term, prior or
    solver. Exit code 1 if a law is broken.
    """
    from recon.cli.check import check_command

    return check_command(target, as_json=as_json)


@config.command("check")
@guarded
def config_check(file: AnyFile, overrides: Set = None, debug: Debug = False) -> int:
    """Check a job or a benchmark without running it or importing torch."""
    from recon.cli.config import check_command

    return check_command(file, overrides or [])


@config.command("show")
@guarded
def config_show(file: AnyFile, overrides: Set = None, as_json: AsJson = False, debug: Debug = False) -> int:
    """Print a job or a benchmark with its bases, sweeps, overrides and all defaults filled in."""
    from recon.cli.config import show_command

    return show_command(file, overrides or [], as_json=as_json)


@config.command("schema")
@guarded
def config_schema(
    bench: Annotated[bool, typer.Option("--bench", help="The schema of benchmarks.")] = False, debug: Debug = False
) -> int:
    """Print the JSON schema of jobs, or of benchmarks, for editors."""
    from recon.cli.config import schema_command

    return schema_command(bench=bench)


@data.command("list")
@guarded
def data_list(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, or patterns in quotes.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Print the files of a folder, or the arrays of a file: format, shapes, types, units.

    Exit code 1 if a file cannot be read.
    """
    from recon.cli.data import list_command

    return list_command(paths, as_json=as_json)


@data.command("show")
@guarded
def data_show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file, or a folder of Zarr or of a DICOM series.")],
    key: Annotated[str | None, typer.Option("--key", metavar="NAME", help="The array to draw.")] = None,
    index: Annotated[
        list[int] | None, typer.Option("--index", metavar="I", help="Place along a leading axis; repeatable.")
    ] = None,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE.png", help="Save the picture too.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Print what is in a file and what it says of it, with a picture.

    Exit code 1 if the file cannot be read.
    """
    from recon.cli.data import show_command

    return show_command(file, key, index or [], save, as_json=as_json)


@app.command()
@guarded
def doctor(as_json: AsJson = False, debug: Debug = False) -> int:
    """Check the installation.

    torch and CUDA, packages, name clashes, and a self-test of forward and adjoint. Exit code 1 if something is wrong.
    """
    from recon.cli.doctor import doctor_command

    return doctor_command(as_json=as_json)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Read when torch is first imported. Its threads otherwise wait in a busy loop, for milliseconds, on cores that
    # other programs and the threads they wait for need: beside other work, small images took 30 times longer.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # Read at torch's first allocation: arrays of more than 2 MiB on huge pages, where the system grants them to those
    # who ask. Large temporaries otherwise cost more in page faults than in arithmetic.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        app(sys.argv[1:] if argv is None else argv, prog_name="recon")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0 if leave.code is None else 1
    return 0
