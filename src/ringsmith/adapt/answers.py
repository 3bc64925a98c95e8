"""Answers of endpoints on disk, so that nothing is asked, or paid, twice: by content, model, address and every setting of the question."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ringsmith._files import written
from ringsmith._paths import cache_folder

SCHEMA = 1


@dataclass(frozen=True)
class Answer:
    """What came back for one question.

    Attributes:
        text: the answer, None where the endpoint refused this question.
        why: the reason of a refusal.
        tokens_in: tokens of the question, None where the endpoint does not tell.
        tokens_out: tokens of the answer.
        seconds: from sending it to the whole answer, tries that failed left out.
        cut: whether it was cut off where it became too long.
    """

    text: str | None
    why: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    cut: bool = False


class Answers:
    """A folder of answers, one file each; a file that is broken counts as none.

    Args:
        folder: where they lie, None for ``answers`` in the cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "answers"

    def get(self, key: str) -> Answer | None:
        """The answer to the question with this key (a SHA-256), None where there is none."""
        try:
            content = json.loads(self._path(key).read_text(encoding="utf-8"))
            answer = Answer(**content["answer"]) if content["schema"] == SCHEMA else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return answer if answer is not None and isinstance(answer.text, str) else None

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer, unless it is a refusal, which may be another one tomorrow; a cache that cannot be written is no fault."""
        if answer.text is None:
            return
        path = self._path(key)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with written(path) as scratch:
                scratch.write_text(json.dumps({"schema": SCHEMA, "answer": asdict(answer)}), encoding="utf-8")

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
