"""From 4 rows a class to all of them: which recipe leads where, and whether choosing by the validation rows finds it.

    python benchmarks/envelope.py --data ../shared/data [--only banking77 clinc150] [--sizes 4 8 16 32 64 all] [--seeds 0] [--folds N] [--work DIR] [--out envelope.json]

For every size so many rows of each class are drawn from the published training rows and given to `ringsmith compare`, which splits them as it sees
fit, chooses by its validation rows and reports on the published test rows. The *envelope* is the test score of what it chose at each size. It is
held against the test score of every single recipe at that size:
    regret      points that the best of them lies above what was chosen, with the standard error of that difference on the test rows
    expected    the same on average over 2,000 redraws of the validation rows: what the choice costs, less of the luck of this one draw
    advised     regret of what `compare` recommends, which is the cheapest of those that are as good as the best
The *crossover* is the size from which on a recipe leads that did not lead before. With several seeds all figures are means over them.
``--work`` keeps the comparisons there: a run that was stopped goes on where it was. ``--out`` is rewritten after every size, and a picture beside it.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
from sets import Rows, banking77, clinc150

from ringsmith.report.charts import chart_of, fit, render_svg
from ringsmith.report.files import read_study

SETS = {"banking77": banking77, "clinc150": clinc150}
REDRAWS = 2_000
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Answers:
    """Which rows a candidate answered rightly.

    Attributes:
        name: of the candidate.
        valid: (n,) validation rows, in one order for all candidates.
        test: (m,) test rows, likewise.
        advised: whether `compare` recommends it.
        seconds: its training took.
    """

    name: str
    valid: Bits
    test: Bits
    advised: bool
    seconds: float


@dataclass(frozen=True)
class Point:
    """What was chosen at one size, and what would have been best; scores are shares, regrets are points. See the head of the file."""

    data: str
    rows_a_class: str
    seed: int
    judged_by: int
    chosen: str
    best: str
    regret: float
    error: float
    expected: float
    advised: float
    valid: dict[str, float]
    test: dict[str, float]
    seconds: dict[str, float]


def draw(rows: Rows, each: int | None, seed: int) -> Rows:
    """`each` rows of every class by chance (all where there are fewer, or for None), in the order of the file."""
    texts, labels = rows
    generator = np.random.default_rng(seed)
    kept: list[int] = []
    for label in sorted(set(labels)):
        mine = [number for number, name in enumerate(labels) if name == label]
        kept += mine if each is None else generator.permutation(mine)[:each].tolist()
    return [texts[number] for number in sorted(kept)], [labels[number] for number in sorted(kept)]


def write(rows: Rows, path: Path) -> Path:
    """One table with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(*rows, strict=True)])
    return path


def compare(train: Rows, test: Rows, place: Path, options: argparse.Namespace, seed: int) -> list[Answers]:
    """What the candidates of one size answered, those that failed left out."""
    place.mkdir(parents=True, exist_ok=True)
    tables = [str(write(train, place / "train.csv")), "--test", str(write(test, place / "test.csv"))]
    how = ["--models", options.model, "--recipes", ",".join(options.recipes), "--metric", "accuracy"]
    how += ["--seed", str(seed), "--threads", str(options.threads), "--offline", "--json", "--no-curve"]
    how += [] if options.folds is None else ["--folds", str(options.folds)]
    subprocess.run([sys.executable, "-m", "ringsmith", "compare", *tables, *how, "--out", str(place / "out")], stdout=subprocess.DEVNULL, check=True)
    return answers(place / "out", [*train[1], *test[1]])


def answers(folder: Path, labels: Sequence[str]) -> list[Answers]:
    """Right and wrong of every candidate that a comparison ranked, from the probabilities it left in its folder; `labels` are those of both tables."""
    study = read_study(folder)
    names, truth = np.array(study.study["task"]["labels"]), np.array(labels)
    found = []
    for row in study.board:
        if row["status"] != "done":
            continue
        with np.load(folder / "predictions" / f"{study.study['keys'][row['candidate']]}.npz", allow_pickle=False) as arrays:
            valid, held = (right(arrays[f"{part}_row"], names[arrays[f"{part}_proba"].argmax(axis=1)], truth) for part in ("valid", "test"))
        assert abs(valid.mean() - row["valid"]) + abs(held.mean() - row["test"]) < 1e-6, "the leaderboard's own figures"
        found.append(Answers(row["candidate"], valid, held, row["recommended"], row["train_seconds"]))
    return found


def right(rows: npt.NDArray[np.int64], guesses: npt.NDArray[np.str_], truth: npt.NDArray[np.str_]) -> Bits:
    """Whether each row was answered rightly, in the order of the rows' numbers."""
    order = np.argsort(rows, kind="stable")
    return np.asarray(guesses[order] == truth[rows[order]])


def point(data: str, each: str, seed: int, found: Sequence[Answers]) -> Point:
    """The figures of one size."""
    chosen, best = max(found, key=lambda one: one.valid.mean()), max(found, key=lambda one: one.test.mean())
    lost = best.test.astype(float) - chosen.test
    advised = next((one for one in found if one.advised), chosen)
    scores: dict[str, Any] = {part: {one.name: round(float(getattr(one, part).mean()), 4) for one in found} for part in ("valid", "test")}
    return Point(
        data=data,
        rows_a_class=each,
        seed=seed,
        judged_by=len(chosen.valid),
        chosen=chosen.name,
        best=best.name,
        regret=points(lost.mean()),
        error=points(lost.std(ddof=1) / len(lost) ** 0.5),
        expected=points(expected_regret(np.stack([one.valid for one in found]), np.array([one.test.mean() for one in found]))),
        advised=points(best.test.mean() - advised.test.mean()),
        seconds={one.name: round(one.seconds, 1) for one in found},
        **scores,
    )


def points(share: float) -> float:
    """A share as points."""
    return round(100 * float(share), 2)


def expected_regret(valid: Bits, test: npt.NDArray[np.float64]) -> float:
    """How far what is chosen lies below the best on average, the validation rows (candidates, n) being drawn again and again.

    >>> expected_regret(np.array([[True] * 9, [False] * 9]), np.array([0.8, 0.9]))
    0.1
    """
    n = valid.shape[1]
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=REDRAWS)
    winners = (drawn @ valid.T).argmax(axis=1)
    return round(float(test.max() - test[winners].mean()), 4)


def means(found: Sequence[Point]) -> dict[str, float]:
    """Candidate -> its mean test score over the seeds of one size."""
    return {name: statistics.mean(one.test[name] for one in found if name in one.test) for name in dict.fromkeys(name for one in found for name in one.test)}


def by_size(found: Sequence[Point], data: str) -> dict[str, list[Point]]:
    """Size -> the points of all seeds."""
    return {each: [one for one in found if (one.data, one.rows_a_class) == (data, each)] for each in dict.fromkeys(one.rows_a_class for one in found if one.data == data)}


def crossovers(found: Sequence[Point], data: str) -> list[str]:
    """Where the lead on the test rows passes to another candidate, a sentence each."""
    told, leader = [], None
    for each, mine in by_size(found, data).items():
        scores = means(mine)
        if (best := max(scores, key=lambda name: scores[name])) != leader:
            told.append(f"{best} leads from {each} rows a class on")
        leader = best
    return told


def table(found: Sequence[Point], data: str) -> str:
    """Candidates by sizes as Markdown: test scores, ``*`` the best, ``+`` what the validation rows chose (with how many of the seeds); then the regrets."""
    sizes = by_size(found, data)
    scores = {each: means(mine) for each, mine in sizes.items()}
    names = dict.fromkeys(name for mine in scores.values() for name in mine)
    lines = [[data, *sizes], ["---", *("--:" for _ in sizes)]]
    lines += [[name, *(cell(name, scores[each], sizes[each]) for each in sizes)] for name in names]
    lines.append(["rows that choose", *(f"{statistics.mean(one.judged_by for one in mine):.0f}" for mine in sizes.values())])
    lines.append(["regret (error)", *(f"{statistics.mean(one.regret for one in mine):.1f} ({statistics.mean(one.error for one in mine):.1f})" for mine in sizes.values())])
    lines += [[name, *(f"{statistics.mean(getattr(one, name) for one in mine):.1f}" for mine in sizes.values())] for name in ("expected", "advised")]
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as a Markdown table whose columns stand below each other: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))] for first, *rest in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def cell(name: str, scores: dict[str, float], mine: Sequence[Point]) -> str:
    """``.712*+``; with several seeds ``.712*+2``."""
    if name not in scores:
        return "-"
    times = sum(one.chosen == name for one in mine)
    chosen = f"+{times if len(mine) > 1 else ''}" if times else ""
    return f"{scores[name]:.3f}".lstrip("0") + ("*" if scores[name] == max(scores.values()) else "") + chosen


def picture(found: Sequence[Point], data: str) -> str:
    """Test score by size as SVG: a line for each candidate, a ring around what the validation rows chose."""
    sizes = by_size(found, data)
    rows = [{"size": each, "test": score, "name": name} for each, mine in sizes.items() for name, score in means(mine).items()]
    rings = [{"size": one.rows_a_class, "test": means(mine)[one.chosen]} for mine in sizes.values() for one in mine]
    x = alt.X("size:O", sort=list(sizes), title=f"{data}: rows a class", axis=alt.Axis(labelAngle=0, grid=False))
    y = alt.Y("test:Q", title="Accuracy on test rows", scale=alt.Scale(zero=False), axis=alt.Axis(gridColor="#ddd"))
    lines = chart_of(rows).mark_line(point=True).encode(x=x, y=y, color=alt.Color("name:N", title=None))
    return render_svg(fit([lines, chart_of(rings).mark_point(size=160, color="black").encode(x=x, y=y)], 640, 320))


def tell(found: Sequence[Point], out: Path | None) -> None:
    """All that is known so far, into the file and the pictures beside it."""
    if out is None:
        return
    names = dict.fromkeys(one.data for one in found)
    told = {"envelope": [asdict(one) for one in found], "crossovers": {name: crossovers(found, name) for name in names}}
    out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    for name in names:
        out.with_name(f"{out.stem}-{name}.svg").write_text(picture(found, name), encoding="utf-8")


def measure(options: argparse.Namespace, work: Path) -> list[Point]:
    """Size by size, set by set, seed by seed."""
    found: list[Point] = []
    for name in options.only:
        train, test = (SETS[name](options.data / name, part) for part in ("train", "test"))
        test = draw(test, options.tests, 0)
        for seed in options.seeds:
            for each in options.sizes:
                mine = draw(train, None if each == "all" else int(each), seed)
                found.append(point(name, each, seed, compare(mine, test, work / f"{name}-{each}-{seed}", options, seed)))
                print(json.dumps(asdict(found[-1])), flush=True)
                tell(found, options.out)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--sizes", nargs="+", default=["4", "8", "16", "32", "64", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--tests", type=int, help="at most so many test rows of each class")
    parser.add_argument("--folds", type=int, help="as of compare: None where the number of rows decides")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--recipes", nargs="+", default=["tfidf", "probe", "head", "prompt", "fewshot", "full"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, help="keep the comparisons here")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, options.work or Path(folder))
    for name in options.only:
        print(f"\n{table(found, name)}\n")
        print("\n".join(crossovers(found, name)))


if __name__ == "__main__":
    main()
