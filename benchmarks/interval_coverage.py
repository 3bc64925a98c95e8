"""How often the 95 % interval of a metric of labels holds the truth: samples are drawn of made-up classifiers whose true figure is known.

Each classifier has K classes, alike in size or by Zipf's law, of which it tells each with a chance of its own around `right`; its errors go to three other
classes. Held against each other on the same samples: the interval as it is (`ringsmith.metrics.interval`: the jackknife, of balanced accuracy a closed form), and the
bias-corrected bootstrap that is taken where there is too much to leave out. Misses are told by side: the truth lies below, or above.

    python benchmarks/interval_coverage.py --samples 300 --out coverage.json
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.metrics import parse_metric
from ringsmith.metrics.bootstrap import bootstrap
from ringsmith.metrics.inputs import checked
from ringsmith.metrics.intervals import corrected, interval

Floats = npt.NDArray[np.float64]
CASES = (  # classes, rows, right, by Zipf's law
    (2, 60, 0.9, False), (2, 60, 0.98, False), (2, 150, 0.9, True), (10, 50, 0.8, False), (10, 50, 0.98, False), (10, 100, 0.8, True), (20, 100, 0.85, False),
    (30, 180, 0.8, True), (77, 231, 0.6, False), (77, 231, 0.85, False), (77, 770, 0.85, False), (77, 770, 0.98, False),
)  # fmt: skip
METRICS = ("macro_f1", "balanced_accuracy", "weighted_f1", "mcc")
SPREAD, NEIGHBOURS = 0.08, 3


def made_up(classes: int, right: float, *, zipf: bool, generator: np.random.Generator) -> Floats:
    """A classifier: the share of all rows that are of one class and called another, (K, K)."""
    prior = 1 / np.arange(1, classes + 1) if zipf else np.ones(classes)
    chances = np.clip(right + generator.normal(0, min(SPREAD, (1 - right) / 4), classes), 0.05, 0.998)
    joint = np.diag(chances)
    for number in range(classes):
        others = generator.permutation(np.delete(np.arange(classes), number))[:NEIGHBOURS]
        joint[number, others] = (1 - chances[number]) / len(others)
    return joint * (prior / prior.sum())[:, None]


def truth(name: str, joint: Floats) -> float:
    """The metric of endlessly many rows."""
    hits, actual, claimed = np.diag(joint), joint.sum(1), joint.sum(0)
    f1 = 2 * hits / (actual + claimed)
    if name == "mcc":
        return float((hits.sum() - actual @ claimed) / np.sqrt((1 - actual @ actual) * (1 - claimed @ claimed)))
    return float({"macro_f1": f1.mean(), "weighted_f1": (f1 * actual).sum(), "balanced_accuracy": (hits / actual).mean()}[name])


def sample(joint: Floats, rows: int, generator: np.random.Generator) -> tuple[Any, Any]:
    """Targets and predictions (as probabilities), stratified: each class has its share of the rows, what is left over is drawn."""
    classes, prior = len(joint), joint.sum(1)
    whole = np.floor(prior * rows).astype(int)
    y = np.concatenate([np.repeat(np.arange(classes), whole), generator.choice(classes, rows - whole.sum(), p=prior / prior.sum())])
    borders = np.cumsum(joint / prior[:, None], axis=1)[y]
    return y, np.eye(classes)[(generator.random(rows)[:, None] > borders).sum(1).clip(0, classes - 1)]


def measure(case: tuple[int, int, float, bool], samples: int, resamples: int) -> dict[str, Any]:
    """Coverage, mean length and misses of both intervals, metric by metric."""
    classes, rows, right, zipf = case
    generator = np.random.default_rng([classes, rows])
    joint = made_up(classes, right, zipf=zipf, generator=generator)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {name: defaultdict(list) for name in METRICS}
    for seed in range(samples):
        y, p = sample(joint, rows, generator)
        for name in METRICS:
            metric = parse_metric(name, [str(number) for number in range(classes)])
            drawn = bootstrap(metric, [checked(y, p)], None, seed=seed, resamples=resamples)
            found[name]["interval"].append(interval(metric, y, p))
            found[name]["bootstrap"].append(corrected(drawn.values, drawn.value))
    return {"classes": classes, "rows": rows, "right": right, "zipf": zipf} | {
        name: {way: told(ends, truth(name, joint)) for way, ends in ways.items()} for name, ways in found.items()
    }


def told(ends: list[tuple[float, float]], true: float) -> dict[str, float]:
    """What a list of intervals amounts to."""
    low, high = np.array(ends).T
    below, above = float((true < low).mean()), float((true > high).mean())
    return {"covers": round(1 - below - above, 3), "length": round(float((high - low).mean()), 3), "truth_below": round(below, 3), "truth_above": round(above, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    cases = []
    for case in CASES:
        cases.append(measure(case, chosen.samples, chosen.resamples))
        print(json.dumps(cases[-1]), flush=True)
    if chosen.out:
        chosen.out.write_text(json.dumps({"samples": chosen.samples, "resamples": chosen.resamples, "cases": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
