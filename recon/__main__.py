"""``python -m recon``: the command line."""

from recon.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
