"""The command line. Everything heavy is imported inside the commands, so that help and errors come at once."""

import os

# Read when torch is first imported. Threads that spin while they wait hold the cores that other programs, or the very
# threads they wait for, need: on a machine with other work, steps on small images took 30 times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from recon.cli.app import main

__all__ = ["main"]
