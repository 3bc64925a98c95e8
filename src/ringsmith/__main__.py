"""``python -m ringsmith``: the command line."""

from ringsmith.cli import main

main()
