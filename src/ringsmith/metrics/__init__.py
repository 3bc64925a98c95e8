"""HOW GOOD, AND HOW SURE: numbers in, figures with error bars out. Nothing here knows a model.

inputs        targets and probabilities, checked
counted       metrics of predicted labels      ┐
ranked        metrics of the order of scores   ├─ scores: METRICS, parse_metric, score
losses        metrics of probabilities         ┘
resample      bootstrap resamples as weights of merged rows
smooth        right and wrong versions of rows, so that a perfect score is not certain
bootstrap     a metric, or a difference of one, on many resamples
jackknife     a metric of labels and its standard error, one row or group left out at a time
shares        Wilson's interval of a share, Student's of a figure with an error
intervals     evaluate: a figure with its 95 % interval
significance  two candidates on the same rows: paired bootstrap, McNemar, Holm
ties          which candidates cannot be told apart
calibration   reliability bins
learning      what more rows to learn from would bring
tables        confusion, most confident errors
"""

from ringsmith.metrics.calibration import Bin, Calibration, calibration
from ringsmith.metrics.intervals import evaluate, interval
from ringsmith.metrics.learning import next_gain
from ringsmith.metrics.scores import METRICS, Metric, parse_metric, score, suited
from ringsmith.metrics.shares import wilson, wilson_f1
from ringsmith.metrics.significance import Paired, compare_paired, holm, mcnemar
from ringsmith.metrics.tables import confusion, confusion_by_label, most_confident_errors
from ringsmith.metrics.ties import LEVEL, Tie, TieGroups, can_tell, letter_after, tie_groups

__all__ = [
    "LEVEL",
    "METRICS",
    "Bin",
    "Calibration",
    "Metric",
    "Paired",
    "Tie",
    "TieGroups",
    "calibration",
    "can_tell",
    "compare_paired",
    "confusion",
    "confusion_by_label",
    "evaluate",
    "holm",
    "interval",
    "letter_after",
    "mcnemar",
    "most_confident_errors",
    "next_gain",
    "parse_metric",
    "score",
    "suited",
    "tie_groups",
    "wilson",
    "wilson_f1",
]
