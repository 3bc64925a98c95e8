"""``ringsmith`` and ``python -m ringsmith``: the command line, in which Ctrl-C is one sentence from the first import on."""

import sys


def main() -> None:
    """Import the command line and run it."""
    try:
        from ringsmith.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("ringsmith: Stopped before anything was done.\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
