"""Errors of commands as one sentence and an exit code."""

from __future__ import annotations

import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import typer

Params = ParamSpec("Params")


def guarded(command: Callable[Params, int]) -> Callable[Params, None]:
    """A command whose errors and warnings are printed as a sentence on stderr, tracebacks only under ``--debug``.

    Exit codes: the command's own, 2 for a wrong job or a missing component, 130 for an interrupt, 1 for anything else.
    """

    @functools.wraps(command)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> None:
        from recon.config.errors import ConfigError

        try:
            with _plain_warnings():
                code = command(*args, **kwargs)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            code = 130
        except ConfigError as error:
            _show(str(error), kwargs)
            code = 2
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:  # the reader of our output, such as head, has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except Exception as error:
            sentence = " ".join(str(error).split()) or "no message"
            _show(f"{type(error).__name__}: {sentence} (--debug shows where.)", kwargs)
            code = 1
        raise typer.Exit(code)

    run.__annotations__["return"] = None
    return run


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings without the line of code that they come from, which is none of the user's."""
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"Warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _show(sentence: str, options: object) -> None:
    if isinstance(options, dict) and options.get("debug"):
        traceback.print_exc()
    print(sentence, file=sys.stderr)
    if isinstance(options, dict) and options.get("as_json"):
        import json

        print(json.dumps({"error": sentence}, ensure_ascii=False))
