"""The Hugging Face hub: the only home of `huggingface_hub`, and the only place that reaches for the network.

Decisions:
- Safetensors, JSON and tokenizer files are fetched, nothing else; a repository with pickle weights only is refused before a byte is.
- A branch is resolved to its commit, and that commit is what is recorded. Fetching again only happens when asked for.
- `find_cached` opens no socket, whatever the environment says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ringsmith._optional import try_import
from ringsmith.errors import MachineError, ModelError, NotAtHand, UnknownName

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

FetchPolicy = Literal["never", "if-missing", "always"]
"""When the hub is asked: never, for what is not on this machine yet, or every time (for the newest commit)."""
PATTERNS = ("config.json", "model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "README.md", "LICENSE*", "sentence_bert_config.json")
TOKENIZER_PATTERNS = (
    "tokenizer*.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.spm",
    "spiece.model",
    "sentencepiece*.model",
)
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
PURPOSE = "fetching a model from the hub"


@dataclass(frozen=True)
class Snapshot:
    """A repository's files at one commit, on this machine."""

    folder: Path
    revision: str


def is_hub_name(name: str) -> bool:
    """Whether it could be a repository: ``owner/name``, or ``owner/name@revision``."""
    return HUB_NAME.fullmatch(name) is not None


def find_cached(hub: str, *, revision: str | None = None) -> Snapshot | None:
    """The repository in the hub's own cache on this machine, None where it is missing or incomplete; opens no socket.

    Raises:
        MissingExtra: huggingface_hub is not installed.
    """
    library = try_import("huggingface_hub", purpose=PURPOSE)
    errors = try_import("huggingface_hub.errors", purpose=PURPOSE)
    try:
        folder = library.snapshot_download(hub, revision=revision, local_files_only=True, allow_patterns=[*PATTERNS, *TOKENIZER_PATTERNS], ignore_patterns="*/*")
    except (errors.LocalEntryNotFoundError, errors.HFValidationError, OSError):
        return None
    place = Path(folder)
    return Snapshot(place, place.name) if any(place.glob("model*.safetensors")) else None


def fetch(hub: str, *, revision: str | None = None, about_mb: int | None = None) -> Snapshot:
    """The repository's files at `revision`, downloaded where they are not in the hub's cache yet.

    Args:
        hub: ``owner/name``.
        revision: branch, tag or commit; None for the main branch.
        about_mb: what it weighs, for the sentence when it does not work; None where unknown.

    Raises:
        UnknownName: the hub knows no such repository or revision.
        NotAtHand: the hub cannot be reached, or asks for a login.
        ModelError: the repository holds no safetensors.
        MachineError: the disk is full or may not be written.
    """
    library = try_import("huggingface_hub", purpose=PURPOSE)
    errors = try_import("huggingface_hub.errors", purpose=PURPOSE)
    size = "" if about_mb is None else f" (about {about_mb} MB)"
    try:
        _refuse_pickle(hub, library.HfApi().model_info(hub, revision=revision))
        folder = library.snapshot_download(hub, revision=revision, allow_patterns=[*PATTERNS, *TOKENIZER_PATTERNS], ignore_patterns="*/*")
    except errors.GatedRepoError as error:
        way_out = f"Accept their terms on https://huggingface.co/{hub}, then run 'hf auth login'."
        raise NotAtHand(f"Model {hub!r}: its makers ask for a login before it may be fetched. {way_out}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        at = "" if revision is None else f" at revision {revision!r}"
        raise UnknownName(f"The hub has no public model {hub!r}{at}. Check the spelling, or run 'hf auth login' if it is private.") from error
    except OSError as error:  # the hub's own errors and those of its HTTP client are OSErrors too
        if error.errno is not None and type(error).__module__ == "builtins":
            raise MachineError(f"Model {hub!r}{size} could not be written to the hub's cache: {error}. Make room, or set HF_HOME to another disk.") from error
        raise _unreachable(hub, size, error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "httpcore", "httpcore2", "huggingface_hub", "requests", "hf_xet"):
            raise
        raise _unreachable(hub, size, error) from error
    return Snapshot(Path(folder), Path(folder).name)


def _unreachable(hub: str, size: str, error: Exception) -> NotAtHand:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return NotAtHand(f"Model {hub!r}{size} could not be fetched: {reason}. Mend the connection, name a folder that holds it, or choose a model that is on this machine.")


def _refuse_pickle(hub: str, info: ModelInfo) -> None:
    names = [sibling.rfilename for sibling in info.siblings or [] if "/" not in sibling.rfilename]
    if any(name in ("model.safetensors", "model.safetensors.index.json") for name in names):
        return
    pickles = [name for name in names if name.endswith((".bin", ".pt", ".ckpt"))]
    found = f"only pickle ({', '.join(pickles[:2])}), and opening a pickle can run code" if pickles else "none"
    branch = f"Look for a branch that holds them (https://huggingface.co/{hub}/discussions) and name it as '{hub}@refs/pr/N'"
    raise ModelError(f"Model {hub!r}: weights must be safetensors; got {found}. {branch}, or convert a copy: https://huggingface.co/spaces/safetensors/convert.")
