"""The library's responses: what is read of them, and answers that go on, line by line, within limits."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any

from baton_operator.engines.errors import ProtocolDriftError

#: Bytes that one stream may bring altogether; then it is ended as if the engine had ended it.
WHOLE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stream:
    """
    An answer that goes on.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        parts: The body's pieces, as sent.
    """

    status: int
    headers: Mapping[str, str]
    parts: AsyncIterable[bytes]

    async def lines(self, *, idle: float, limit: int) -> AsyncGenerator[bytes, None]:
        """
        Yield each whole line without its end, empty ones too, until the answer ends or has brought `WHOLE` bytes.

        Args:
            idle: Seconds without a byte after which the stream counts as dead.
            limit: Bytes that a line may have.

        Raises:
            TimeoutError: It is dead.
            ProtocolDriftError: A line is longer.
        """
        parts, rest, size = aiter(self.parts), b"", 0
        while size < WHOLE:
            async with asyncio.timeout(idle):
                part = await anext(parts, None)
            if part is None:
                return
            size += len(part)
            *lines, rest = (rest + part).split(b"\n")
            if len(rest) > limit or any(len(line) > limit for line in lines):
                raise ProtocolDriftError(f"the stream has a line of more than {limit} bytes")
            for line in lines:
                yield line.removesuffix(b"\r")


def headers_of(response: Any) -> dict[str, str]:
    """Return a response's headers by lower-case name."""
    return {name.lower(): value for name, value in response.headers.items()}


def refuse_compressed(response: Any) -> None:
    """Refuse to unpack what is compressed although we asked for none. Raises ProtocolDriftError."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise ProtocolDriftError(f"the answer is compressed ({encoding[:20]}), which was not asked for")


async def end_connection(response: Any) -> None:
    """End the connection below *response*, so that the pool finds it dead: what it carries next may be lost too."""
    stream = response.extensions.get("network_stream")
    if stream is not None:
        await stream.aclose()
