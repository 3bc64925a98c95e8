"""A chat model on this machine that can misbehave in every way that counts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-very-secret-0123456789"


@dataclass
class Script:
    """What the fake does and has seen.

    Attributes:
        answer: the last message's content -> what the model says.
        faults: number of the request (from 0) -> what goes wrong with it.
        usage: whether tokens are told: one for each word.
        finish: why its answers end.
        seen: bodies of all requests.
        headers: headers of all requests.
        most_at_once: most requests that were being answered at the same time.
    """

    answer: Callable[[str], str] = lambda text: text
    faults: Mapping[int, str] = field(default_factory=dict)
    usage: bool = True
    finish: str = "stop"
    pause: float = 0.0
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    now: int = 0
    lock: Any = field(default_factory=threading.Lock)


@contextmanager
def fake_endpoint(script: Script) -> Iterator[str]:
    """The address of a server that follows `script`."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    script: Script

    def do_POST(self) -> None:
        script = self.script
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with script.lock:
            number = len(script.seen)
            script.seen.append(body)
            script.headers.append({**dict(self.headers), "path": self.path})
            script.now += 1
            script.most_at_once = max(script.most_at_once, script.now)
        time.sleep(script.pause)
        with script.lock:
            script.now -= 1
        self._answer(script.faults.get(number, ""), body)

    def _answer(self, fault: str, body: dict[str, Any]) -> None:
        if fault == "drop":
            self.connection.close()
        elif fault == "cut":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"choices": [')
            self.connection.close()
        elif fault == "slow":
            time.sleep(0.6)
            self._send(200, self._said(body))
        elif fault == "stuck":
            self.wfile.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 500\r\n\r\nwait")
            time.sleep(0.6)
        elif fault == "html":
            self._send(200, b"<html>busy</html>")
        elif fault == "empty":
            self._send(200, b"{}")
        elif fault.startswith("{"):
            self._send(400, fault.encode())
        elif fault.startswith("200 "):
            self._send(200, fault.removeprefix("200 ").encode())
        elif fault:
            status, _, wait = fault.partition(" ")
            told = {"error": {"message": f"no, {self.headers.get('Authorization')}"}}
            self._send(int(status), json.dumps(told).encode(), {"Retry-After": wait} if wait else {})
        else:
            self._send(200, self._said(body))

    def _said(self, body: dict[str, Any]) -> bytes:
        text = self.script.answer(body["messages"][-1]["content"])
        words = sum(len(message["content"].split()) for message in body["messages"])
        usage = {"usage": {"prompt_tokens": words, "completion_tokens": len(text.split())}} if self.script.usage else {}
        return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": self.script.finish}], **usage}).encode()

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
