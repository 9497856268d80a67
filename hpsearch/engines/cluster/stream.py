"""Lines of JSON over a pair of file descriptors; neither end ever blocks on the other."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

READ_BYTES = 1 << 18
HIGH_WATER = 1 << 20


class Stream:
    """Sends and receives messages, one JSON object per line.

    Data that cannot be written now wait here: call `flush` when the writer is ready. Messages from
    an iterable are made only as the other end takes them, so a long file is never in memory.

    Args:
        reader: a file descriptor to read from; made non-blocking.
        writer: a file descriptor to write to; made non-blocking.

    Attributes:
        closed: the other end has closed; nothing more is received, and what is sent is dropped.
        noise: the last line received that was not a JSON object, such as a greeting of the shell.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self.reader = reader
        self.writer = writer
        self.closed = False
        self.noise = ""
        self._text = bytearray()
        self._out = bytearray()
        self._waiting: deque[Iterator[Mapping[str, Any]]] = deque()
        for end in (reader, writer):
            os.set_blocking(end, False)

    @property
    def wants_to_write(self) -> bool:
        """Whether data wait for the writer."""
        return bool(self._out or self._waiting) and not self.closed

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message after all earlier ones."""
        self.send_all((message,))

    def send_all(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Sends messages, taken from the iterable when there is room for them."""
        self._waiting.append(iter(messages))
        self.flush()

    def flush(self) -> None:
        """Writes as much as the other end accepts now."""
        while self.wants_to_write:
            self._refill()
            try:
                written = os.write(self.writer, self._out) if self._out else 0
            except BlockingIOError:
                return
            except OSError:
                self.closed = True
                return
            del self._out[:written]

    def receive(self) -> list[dict[str, Any]]:
        """Returns the messages that have come in, without waiting for any."""
        try:
            text = os.read(self.reader, READ_BYTES)
            self.closed |= not text
        except BlockingIOError:
            return []
        except OSError:
            self.closed = True
            return []
        if b"\n" not in text:
            self._text += text
            return []
        *lines, rest = (bytes(self._text) + text).split(b"\n")
        self._text = bytearray(rest)
        return [message for line in lines if (message := self._parsed(line)) is not None]

    def _refill(self) -> None:
        while self._waiting and len(self._out) < HIGH_WATER:
            message = next(self._waiting[0], None)
            if message is None:
                self._waiting.popleft()
            else:
                self._out += json.dumps(message).encode() + b"\n"

    def _parsed(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if isinstance(message, dict):
            return message
        self.noise = line.decode(errors="replace").strip() or self.noise
        return None
