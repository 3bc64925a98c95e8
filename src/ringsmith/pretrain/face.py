"""Pre-training as `import ringsmith` offers it; loads torch when it is called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ringsmith.backbones import require_transformers
from ringsmith.pretrain.options import PretrainOptions
from ringsmith.records import Report, silent

if TYPE_CHECKING:
    from ringsmith.pretrain.training import Pretrained

__all__ = ["PretrainOptions", "pretrain"]


def pretrain(corpus: str | Path | Iterable[str], options: PretrainOptions, *, report: Report = silent) -> Pretrained:
    """Pre-train a transformer on plain text.

    Args:
        corpus: a text file (also packed), a folder of them, a table, ``"-"`` for standard input, or an iterable of strings, each a document.
        options: what is learnt, how large the model is, for how long, and where it is written.
        report: is told how far it is.

    Returns:
        The folder (`Pretrained.folder`), which plain transformers loads, and what is worth knowing of it (`Pretrained.facts`).

    Raises:
        RingsmithError: the corpus, the options, a model or the machine: one sentence says what and what to do.
    """
    require_transformers("pre-training")
    from ringsmith.pretrain.training import pretrain as run

    return run(corpus, options, report=report)
