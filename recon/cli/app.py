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
config = typer.Typer(help="Look at jobs without running them.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config, name="config")

JobFile = Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The job.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one key, such as solver.stop.max_iter=50; repeatable."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Reconstruct every item of a job.

    Items that are done already are skipped. Exit code 0: all done; 1: some items failed; 2: the job is wrong;
    130: interrupted.
    """
    from recon.cli.reconstruct import reconstruct_command

    return reconstruct_command(job, overrides or [], out, quiet=quiet, as_json=as_json, debug=debug)


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
def config_check(job: JobFile, overrides: Set = None, debug: Debug = False) -> int:
    """Check a job without running it or importing torch."""
    from recon.cli.config import check_command

    return check_command(job, overrides or [])


@config.command("show")
@guarded
def config_show(job: JobFile, overrides: Set = None, as_json: AsJson = False, debug: Debug = False) -> int:
    """Print a job with its bases, overrides and all defaults filled in."""
    from recon.cli.config import show_command

    return show_command(job, overrides or [], as_json=as_json)


@config.command("schema")
@guarded
def config_schema(debug: Debug = False) -> int:
    """Print the JSON schema of jobs, for editors."""
    from recon.cli.config import schema_command

    return schema_command()


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
