"""The command line. Everything heavy is imported inside the commands, so that help and errors come at once."""

from recon.cli.app import main

__all__ = ["main"]
