"""One connection between two processes that prove to each other that they know a secret.

A message is MAGIC, its length, its text (JSON, or bytes) and a code that only who knows the
secret can make (HMAC-SHA256, RFC 2104) over the other side's random number.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import struct
import time
from typing import Any

_MAGIC = b"nnpy1\n"
_NONCE = 32
LONGEST = 16 << 20  # bytes of a message


class Stranger(Exception):
    """What came is no message of a worker."""


class Channel:
    """One connection whose two ends know the secret."""

    def __init__(self, connection: socket.socket, secret: bytes) -> None:
        self.connection, self._secret = connection, secret
        self.mine, self.theirs = secrets.token_bytes(_NONCE), b""
        self._sent = self._received = 0
        self._end: float | None = None

    def limit(self, seconds: float | None) -> None:
        """All that is received from now on must come within this time, not each piece of it."""
        self._end = None if seconds is None else time.monotonic() + seconds

    def greet(self) -> None:
        """Exchange random numbers."""
        self.connection.sendall(_MAGIC + self.mine)
        if self._exactly(len(_MAGIC)) != _MAGIC:
            raise Stranger("not a worker of nnpy")
        self.theirs = self._exactly(_NONCE)

    def send(self, content: bytes) -> None:
        head = struct.pack(">QQ", self._sent, len(content))
        self._sent += 1
        self.connection.sendall(head + self._code(self.theirs + head) + content)
        self.connection.sendall(self._code(self.theirs + head + content))

    def receive(self, longest: int = LONGEST) -> bytes:
        head = self._exactly(16)
        if not hmac.compare_digest(self._exactly(32), self._code(self.mine + head)):
            raise Stranger("another token")
        number, length = struct.unpack(">QQ", head)
        if number != self._received or length > longest:
            raise Stranger(f"message {number} of {length} bytes")
        self._received += 1
        content = self._exactly(length)
        if not hmac.compare_digest(self._exactly(32), self._code(self.mine + head + content)):
            raise Stranger("a message that was changed on its way")
        return content

    def tell(self, message: dict[str, Any]) -> None:
        self.send(json.dumps(message).encode())

    def hear(self) -> dict[str, Any]:
        message = json.loads(self.receive())
        if not isinstance(message, dict):
            raise Stranger("not a message of nnpy")
        return message

    def _code(self, content: bytes) -> bytes:
        return hmac.new(self._secret, content, hashlib.sha256).digest()

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            if self._end is not None:
                left = self._end - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.connection.settimeout(left)
            part = self.connection.recv(min(count, 1 << 20))
            if not part:
                raise Stranger("it hung up")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.close()


BROKEN = (Stranger, OSError, ValueError, RecursionError)
