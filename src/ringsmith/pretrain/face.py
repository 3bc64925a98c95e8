"""Pre-training as `import ringsmith` and the command line call it: every objective, here or on a cluster. Loads torch when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ringsmith._cluster import check_place
from ringsmith._rules import check_kind
from ringsmith.adapt.folder import check_place as check_folder
from ringsmith.backbones import require_transformers
from ringsmith.errors import OptionError
from ringsmith.pretrain.documents import Corpus
from ringsmith.pretrain.objective import check_objective
from ringsmith.pretrain.options import TRANSLATES, PretrainOptions
from ringsmith.records import Report, silent

if TYPE_CHECKING:
    from ringsmith.pretrain.training import Pretrained
    from ringsmith.pretrain.translation import Translation

__all__ = ["PretrainOptions", "pretrain"]


def pretrain(
    corpus: str | Path | Iterable[str] | Iterable[Sequence[str]],
    options: PretrainOptions,
    *,
    target: str | Path | None = None,
    on: Literal["local", "ray"] = "local",
    workers: int | None = None,
    report: Report = silent,
    say: Callable[[str, str], None] | None = None,
) -> Pretrained | Translation:
    """Pre-train a transformer on plain text, or (objective ``"seq2seq"``) one that translates on pairs of texts.

    Args:
        corpus: a text file (also packed), a folder of them, a table, ``"-"`` for standard input, or an iterable of strings, each a document. For
            ``"seq2seq"`` a table of two columns, a file of lines with `target` beside it, or an iterable of pairs (a text, its translation).
        options: what is learnt, how large the model is, for how long, and where it is written. What can be chosen of an objective beside stands in
            `objective_options`; for ``"seq2seq"`` that is all of `pretrain.translation_options.TranslationOptions`.
        target: for ``"seq2seq"`` the file with the translations of `corpus`, line by line; None where it holds both sides.
        on: ``"local"``, or ``"ray"`` for the workers of the Ray cluster at ``$RAY_ADDRESS`` (without it Ray is started on this machine), which take the
            steps together. The corpus and the model's folder then lie on a disk that all machines see.
        workers: how many of them; None for one for each GPU, or one on each machine.
        report: is told how far it is.
        say: is told what was found, a label and a sentence; None for nobody.

    Returns:
        The folder (``.folder``), which plain transformers loads, and what is worth knowing of it (``.facts``; of a translation a mapping).

    Raises:
        RingsmithError: the corpus, the options, a model, the machine or the cluster: one sentence says what and what to do.

    Examples:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp())
        >>> pairs = [(f"{colour} {thing}", f"{thing} {colour}") for colour in ("red", "blue", "green") for thing in ("ring", "king", "sea", "tree", "stone")]
        >>> tiny = {"layers": 1, "hidden": 16, "vocabulary": 68, "length": 16, "steps": 2, "threads": 1, "precision": "float32"}
        >>> made = pretrain(pairs, PretrainOptions(out=place / "turned", objective="seq2seq", objective_options={"warm_up": 1}, **tiny))
        >>> made.facts["pairs"], made.folder.name
        ({'train': 12, 'valid': 3}, 'turned')
    """
    check_kind(options, PretrainOptions)
    require_transformers("pre-training")
    _check(options.objective, target, on, workers)
    check_folder(options.out)
    if options.objective != TRANSLATES:
        Corpus(corpus, options.reading).look()  # type: ignore[arg-type]  # one that is not there, or is no text, is told before torch is loaded
    from ringsmith.pretrain.training import pretrain as here
    from ringsmith.pretrain.training import quiet

    if options.objective == TRANSLATES:
        return _translation(corpus, target, options, report, say or quiet)
    if on == "local":
        return here(corpus, options, report=report, say=say or quiet)  # type: ignore[arg-type]
    from ringsmith.pretrain.spread import pretrain_on_ray

    return pretrain_on_ray(corpus, options, workers=workers, report=report, say=say or quiet)  # type: ignore[arg-type]


def _check(objective: str, target: str | Path | None, on: str, workers: int | None) -> None:
    """Refuse what has no meaning together.

    Raises:
        OptionError: an option of another objective or place. UnknownName: another place.
    """
    check_objective(objective)
    check_place(on)
    if target is not None and objective != TRANSLATES:
        raise OptionError(f"'target' is for the objective {TRANSLATES}, which learns from pairs of texts; got {objective}. Leave it out, or ask for {TRANSLATES}.")
    if on == "ray" and objective == TRANSLATES:
        raise OptionError(f"'on' must be local with the objective {TRANSLATES}; got ray. Leave it out.")
    if workers is not None and on != "ray":
        raise OptionError(f"'workers' is for on='ray' (--on ray) only; got {workers}. Leave it out, or start several processes: torchrun --nproc-per-node {workers}.")
    if workers is not None and workers < 1:
        raise OptionError(f"'workers' must be at least 1; got {workers}. Leave it out for one for each GPU, or one on each machine.")


def _translation(
    corpus: str | Path | Iterable[str] | Iterable[Sequence[str]], target: str | Path | None, options: PretrainOptions, report: Report, say: Callable[[str, str], None]
) -> Translation:
    from ringsmith.pretrain.translation import pretrain_translation
    from ringsmith.pretrain.translation_options import translation_options

    return pretrain_translation(corpus, target, options.out, translation_options(options), report=report, say=say)
