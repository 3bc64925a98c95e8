"""Where an endpoint is and within what bounds it is asked; and the key, which is read from the environment and kept nowhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from ringsmith.adapt.options import hold
from ringsmith.errors import OptionError, UsageError

KEY, OPENAI_KEY, OPENAI = "RINGSMITH_ENDPOINT_KEY", "OPENAI_API_KEY", "api.openai.com"


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """Where to ask, and within what bounds. Saved with a model as it is; a key is no part of it.

    Attributes:
        url: address, up to ``/v1`` or ``/chat/completions``.
        model: the model's name there.
        price_in: dollars for a million tokens of questions, None where it is not known.
        price_out: dollars for a million tokens of answers.
        spend_at_most: dollars, None for no ceiling.
        account: file in which a comparison adds up what it spends, None to count in memory.
        answer_tokens: most tokens of an answer; a model that thinks aloud first needs many.
        timeout_seconds: longest wait for one answer.
        tries: how often a question is sent at most.
        at_once: questions on their way side by side.
    """

    url: str
    model: str
    price_in: float | None = None
    price_out: float | None = None
    spend_at_most: float | None = None
    account: str | None = None
    answer_tokens: int = 64
    timeout_seconds: float = 60.0
    tries: int = 6
    at_once: int = 8

    def __post_init__(self) -> None:
        if not is_address(self.url):
            raise OptionError(f"'url' (--endpoint) must be an address that begins with http:// or https://, without a user or a key in it; got {self.url!r}. Mend it.")
        hold(
            self,
            (
                ("model", lambda name: bool(name.strip()), "the name of a model there (--endpoint-model)"),
                ("price_in", lambda price: price is None or price >= 0, "dollars for a million tokens, 0 or more"),
                ("price_out", lambda price: price is None or price >= 0, "dollars for a million tokens, 0 or more"),
                ("spend_at_most", lambda most: most is None or most > 0, "more than 0 dollars"),
                ("answer_tokens", lambda count: count >= 1, "at least 1"),
                ("tries", lambda count: count >= 1, "at least 1"),
                ("at_once", lambda count: 1 <= count <= 256, "from 1 to 256"),
                ("timeout_seconds", lambda seconds: seconds > 0, "more than 0"),
            ),
        )
        if self.spend_at_most is not None and not self.priced:
            raise OptionError("'spend_at_most' needs the prices of tokens to count with; got none. Give --price-in and --price-out (dollars for a million tokens).")

    @property
    def priced(self) -> bool:
        """Whether both prices are known."""
        return self.price_in is not None and self.price_out is not None

    @property
    def address(self) -> str:
        """Where questions are posted."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/")
        if path.endswith("/chat/completions"):
            return self.url
        return parts._replace(path=f"{path or '/v1'}/chat/completions").geturl()

    def dollars(self, tokens_in: float, tokens_out: float) -> float:
        """What so many tokens cost; 0 where prices are not known."""
        return (tokens_in * (self.price_in or 0.0) + tokens_out * (self.price_out or 0.0)) / 1e6


def is_address(url: str) -> bool:
    """Whether `url` is an address that can be asked, with no user or password in it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


def read_key(url: str) -> str | None:
    """The key for this address from the environment: RINGSMITH_ENDPOINT_KEY, or OPENAI_API_KEY for OpenAI itself; None where there is none.

    Raises:
        UsageError: it would cross a network in the open, or cannot stand in a header.
    """
    parts = urlsplit(url)
    key = os.environ.get(KEY) or (os.environ.get(OPENAI_KEY) if parts.hostname == OPENAI else None)
    if key is None:
        return None
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise UsageError(f"{KEY}: a key is plain characters in one line; this one holds others. Set it again.")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise UsageError(f"--endpoint: a key is sent over https:// only; got {url}, which everybody on the way can read. Use https://, or unset {KEY} if none is needed.")
    return key
