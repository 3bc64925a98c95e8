"""Any endpoint that speaks OpenAI's chat completions: asked politely, within time, money and patience. The one home of HTTP here.

    questions -> known answers -> one alone (is the key right, is there such a model?) -> the rest, a few at once -> answers kept

Decisions:
- The key comes from the environment and goes into one header, nowhere else: not into files, messages or the cache's keys. It is not sent
  over plain HTTP to another machine, and no redirect is followed with it.
- What may pass is tried again: no connection, a dropped line, a slow answer, 408, 409, 425, 429, 5xx, an answer that is no JSON, or that the
  model broke off. Waiting doubles each time, with chance in it, or is what Retry-After asks for. What will not pass (no key, no credits, no
  such model) ends the asking at once.
- A single question that is refused (400, 413, 422, 451: a filter, too long) is an answer too: one without a text, which is not kept.
- Money is set aside before a question is sent, at one token a byte, which no tokenizer passes, and a question whose answer got lost on the
  way counts in full, for it may be billed; so the ceiling holds, whatever comes back.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from ringsmith.adapt.answers import Answer, Answers
from ringsmith.adapt.endpoint_settings import KEY, EndpointSettings, read_key
from ringsmith.adapt.spending import Account
from ringsmith.errors import BudgetError, NotAtHand, UsageError
from ringsmith.records import digest

AGAIN = {408, 409, 425, 429}
"""What may pass, as every status from 500 on."""
OF_THIS_QUESTION = {400, 413, 422, 451}
"""What says that one question is refused, where others were answered."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
MOST_PATIENCE = 300.0
"""Seconds that Retry-After may ask for; more means: not today."""
MOST_BYTES = 4_000_000
OVERHEAD_TOKENS = 32
"""Of a message besides its content, at most."""
MOST_TOKENS = 10**9
"""More than this an answer cannot have cost."""
Messages = Sequence[Mapping[str, str]]
Report = Callable[[int, int], None]


class _AgainError(Exception):
    """This try failed and the next may not; `after` is how long the endpoint asks to wait, `lost` whether an answer may be billed that did not arrive."""

    def __init__(self, why: str, after: float | None = None, *, connected: bool = True, lost: bool = False) -> None:
        super().__init__(why)
        self.after, self.connected, self.lost = after, connected, lost


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key must not follow a redirect to another place."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


class Endpoint:
    """Asks one model of one endpoint.

    Args:
        settings: where and within what bounds.
        answers: where answers are kept, None for the cache folder.
        sleep: waits between tries, None for the clock; tests pass a quicker one.
    """

    def __init__(self, settings: EndpointSettings, *, answers: Answers | None = None, sleep: Callable[[float], object] | None = None) -> None:
        self.settings, self.answers = settings, answers or Answers()
        self._key = read_key(settings.url)
        self._account = Account(Path(settings.account) if settings.account else None, settings.spend_at_most)
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._limits: dict[str, Any] = {"temperature": 0, "max_tokens": settings.answer_tokens}
        self._sleep = sleep
        self._answered = False

    def ask(self, questions: Sequence[Messages], *, deadline: float = float("inf"), report: Report | None = None) -> list[Answer]:
        """The answer to each question, in their order.

        Args:
            questions: conversations, each a list of ``{"role": ..., "content": ...}``; equal ones are asked once.
            deadline: after which nothing is sent any more, by `time.monotonic`; infinity for no limit.
            report: is told the questions answered and the questions in all.

        Raises:
            BudgetError: the time or the money is over; the answers so far are kept.
            UsageError: the endpoint refuses the key, the model or the form of the question.
            NotAtHand: it cannot be reached, or does not answer in any of the tries.
        """
        keys = [self._identity(messages) for messages in questions]
        found = {key: answer for key in set(keys) if (answer := self.answers.get(key)) is not None}
        todo = {key: messages for key, messages in zip(keys, questions, strict=True) if key not in found}
        total, stop = len(found) + len(todo), threading.Event()

        def one(key: str) -> None:
            found[key] = self._one(todo[key], deadline, stop)
            self.answers.put(key, found[key])
            if report is not None:
                report(len(found), total)

        self._answered = self._answered or bool(found)  # by this model, at this address
        waiting = list(todo)
        if waiting:
            one(waiting.pop(0))
        self._side_by_side(one, waiting, stop)
        return [found[key] for key in keys]

    def _side_by_side(self, one: Callable[[str], None], waiting: Sequence[str], stop: threading.Event) -> None:
        """The rest, a few at once; the first fault ends all of it, and what others ask meanwhile goes on."""
        faults: list[BaseException] = []

        def unless_stopped(key: str) -> None:
            if stop.is_set():
                return
            try:
                one(key)
            except BaseException as error:
                faults.append(error)
                stop.set()
                raise

        with ThreadPoolExecutor(self.settings.at_once) as pool:
            try:
                wait([pool.submit(unless_stopped, key) for key in waiting], return_when=FIRST_EXCEPTION)
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
        if faults:
            raise faults[0]

    def _identity(self, messages: Messages) -> str:
        """What tells this question from all others: where it goes, to whom, what it says, how long the answer may be."""
        settings = self.settings
        return digest([settings.address, settings.model, settings.answer_tokens, json.dumps([dict(message) for message in messages])])

    def _one(self, messages: Messages, deadline: float, stop: threading.Event) -> Answer:
        why = ""
        for number in range(self.settings.tries):
            if stop.is_set():
                break
            if time.monotonic() >= deadline:
                raise BudgetError(
                    f"The budget ended before {self.settings.model!r} had answered everything. What was answered is kept: give it more time and run the same command again."
                )
            try:
                return self._paid(messages, deadline)
            except _AgainError as error:
                why = str(error)
                if not error.connected and not self._answered and number:
                    break
                if number + 1 < self.settings.tries:
                    self._wait(number, error, deadline, stop)
        raise NotAtHand(f"The endpoint {self.settings.address} gave no answer: {why}. What was answered before is kept: see to it and run the same command again.")

    def _wait(self, number: int, failed: _AgainError, deadline: float, stop: threading.Event) -> None:
        after = failed.after
        seconds = min(LONGEST_WAIT, FIRST_WAIT * 2**number) * random.uniform(0.5, 1.0) if after is None else after
        if after is not None and after > MOST_PATIENCE:
            raise NotAtHand(f"The endpoint {self.settings.address} asks to wait {after:,.0f} s. What was answered is kept: run the same command again then.")
        if time.monotonic() + seconds > deadline:
            wish = f", and asks to wait {after:,.0f} s" if after else ""
            way_out = "The budget has no time for another try: see to it, or give more time, and run the same command again."
            raise BudgetError(f"The endpoint {self.settings.address} gave no answer: {failed}{wish}. {way_out}")
        (self._sleep or stop.wait)(seconds)

    def _paid(self, messages: Messages, deadline: float) -> Answer:
        """One try, its money set aside first."""
        settings = self.settings
        size = sum(len(message["content"].encode("utf-8", "surrogatepass")) + OVERHEAD_TOKENS for message in messages)
        most = settings.dollars(size, settings.answer_tokens)
        self._account.reserve(most)
        spent: float | None = None
        try:
            answer = self._try(messages, min(settings.timeout_seconds, max(deadline - time.monotonic(), 0.1)))
            if answer.text is not None:
                told = answer.tokens_in is not None and answer.tokens_out is not None
                spent = settings.dollars(answer.tokens_in or 0, answer.tokens_out or 0) if told else most
        except _AgainError as error:
            spent = most if error.lost else None
            raise
        finally:
            self._account.settle(most, spent)
        self._answered = True
        return answer

    def _try(self, messages: Messages, seconds: float) -> Answer:
        """Send it and read what comes back."""
        start = time.perf_counter()
        status, headers, body = self._post({"model": self.settings.model, "messages": [dict(message) for message in messages], **self._limits}, seconds)
        if status in AGAIN or status >= 500:
            raise _AgainError(f"it answered {status} ({self._said(body)})", _retry_after(headers))
        if status != 200:
            if status == 400 and self._adapt(body):
                return self._try(messages, seconds)
            return self._refused(status, body)
        return self._read(body, time.perf_counter() - start)

    def _read(self, body: bytes, seconds: float) -> Answer:
        try:
            content = json.loads(body)
            choice = content["choices"][0]
            text = _text_of(choice["message"].get("content"))
            usage = content.get("usage") or {}
            counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise _AgainError(f"what it sent is no chat completion ({self._said(body)})", lost=True) from error
        if choice.get("finish_reason") == "error":
            raise _AgainError(f"the model broke off ({self._said(body)})", lost=True)
        tokens_in, tokens_out = (count if type(count) is int and 0 <= count <= MOST_TOKENS else None for count in counts)
        return Answer(text, "", tokens_in, tokens_out, seconds, cut=choice.get("finish_reason") == "length")

    def _refused(self, status: int, body: bytes) -> Answer:
        """A question that the endpoint will not answer: an answer without a text where that speaks of this question, else said aloud.

        Raises:
            UsageError: the key, the address or the model is wrong.
            NotAtHand: others were answered, and nothing more is, for want of credits, say.
        """
        said, where = self._said(body), self.settings.address
        if status in (401, 403):
            state = f"the key in {KEY} is refused" if self._key else f"it asks for a key, and {KEY} is not set"
            raise UsageError(f"--endpoint: {where} answered {status} ({said}): {state}. Set {KEY} to a key that may use {self.settings.model!r}.")
        if self._answered and status in OF_THIS_QUESTION:
            return Answer(None, f"{status}: {said}")
        if status == 402 or (self._answered and status not in (404, *range(300, 400))):
            raise NotAtHand(f"The endpoint {where} answered {status} ({said}) and gives no more answers. What was answered is kept: see to it and run the same command again.")
        raise UsageError(f"--endpoint: {where} answered {status} ({said}). Check the address and --endpoint-model {self.settings.model!r}.")

    def _adapt(self, body: bytes) -> bool:
        """Newer models know other limits: leave out or rename what the endpoint complains about; whether there is something to try again."""
        said = body.decode("utf-8", "replace")
        if "max_tokens" in self._limits and "max_completion_tokens" in said:
            self._limits = {**self._limits, "max_completion_tokens": self.settings.answer_tokens}
            del self._limits["max_tokens"]
            return True
        if "temperature" in self._limits and "temperature" in said:
            self._limits = {name: value for name, value in self._limits.items() if name != "temperature"}
            return True
        return False

    def _post(self, content: Mapping[str, Any], seconds: float) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; whatever happens on the line is worth another try."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "ringsmith"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self.settings.address, json.dumps(content).encode(), headers, method="POST")  # noqa: S310 - is_address sees to http(s)
        until = time.monotonic() + seconds
        try:
            with self._response(request, seconds) as response:
                return response.status, dict(response.headers), _read_until(response, until)
        except TimeoutError as error:
            raise _AgainError(f"it took more than {seconds:.0f} s", lost=True) from error
        except urllib.error.URLError as error:
            slow = isinstance(error.reason, TimeoutError)
            raise _AgainError(f"it took more than {seconds:.0f} s" if slow else f"it cannot be reached ({error.reason})", connected=slow) from error
        except (http.client.HTTPException, OSError) as error:
            raise _AgainError(f"the line was dropped ({type(error).__name__})", lost=True) from error

    def _response(self, request: urllib.request.Request, seconds: float) -> Any:
        """What came back, its body still to be read; one with the status of a fault is no different."""
        try:
            return self._opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            return error

    def _said(self, body: bytes) -> str:
        """What an answer says, short, without the key."""
        text = body.decode("utf-8", "replace")
        try:
            content = json.loads(text)
            error = content.get("error", content) if isinstance(content, dict) else content
            text = str(error.get("message", error) if isinstance(error, dict) else error)
        except (ValueError, RecursionError):
            pass
        text = " ".join((text.replace(self._key, "***") if self._key else text).split())
        return (text if len(text) <= 160 else text[:157] + "...") or "nothing"


def _text_of(content: Any) -> str:
    """The text of a message, of whose parts others hold thoughts; nothing where it has none.

    Raises:
        TypeError: it is no content of a message.
    """
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if not isinstance(content, str | None):
        raise TypeError
    return content or ""


def _read_until(response: Any, until: float) -> bytes:
    """The whole body, unless it is too long or drips too slowly."""
    parts, size = [], 0
    while block := response.read1(1 << 16):
        parts.append(block)
        size += len(block)
        if time.monotonic() > until:
            raise TimeoutError
        if size > MOST_BYTES:
            raise http.client.HTTPException("too long")
    return b"".join(parts)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the header says, in either of its forms; None where there is none."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    if value is None:
        return None
    try:
        return max(0.0, float(value))  # 0 for nan, too
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None
