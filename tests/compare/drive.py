"""A comparison of fakes in a process of its own, for tests that kill it: ``python drive.py FOLDER RECIPE...``; a number among them is ``search``."""

from __future__ import annotations

import sys
from pathlib import Path

from fake_recipes import PLACES, TUNABLE
from fake_tables import table

from ringsmith.adapt import registry, spaces
from ringsmith.compare.events import Event, RunFinished, RunProgress
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import compare_table


def say(event: Event) -> None:
    """One line when a run is under way, one when it has ended."""
    if isinstance(event, RunProgress) and event.progress.stage == "train":
        sys.stdout.write(f"running {event.candidate}\n")
    if isinstance(event, RunFinished):
        sys.stdout.write(f"{event.result.status} {event.candidate}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for name, place in PLACES.items():
        registry.RECIPES[name] = place
        registry.ENTRIES[name] = registry.Entry(place, ".majority:MajorityOptions", "nothing", "a fake")
    spaces.SPACES |= {"tunable": TUNABLE, "steady": TUNABLE}
    recipes = tuple(word for word in sys.argv[2:] if not word.isdecimal())
    search = sum(int(word) for word in sys.argv[2:] if word.isdecimal())
    compare_table(table(), CompareOptions(data="made.csv", recipes=recipes, search=search, out=Path(sys.argv[1]), threads=1), say)
