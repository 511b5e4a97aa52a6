"""
TLS before a PostgreSQL that has none, as a server that has it speaks (PostgreSQL's manual, "SSL Session Encryption").

The programs that tests run come without OpenSSL. Whoever does not ask for TLS is sent away, as ``hostssl`` alone would.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from baton_operator.local.certificates import ControlPlaneKeys

#: What a client may ask for before anything else: (length, code).
_WANTS_TLS, _WANTS_GSS = (8, 80877103), (8, 80877104)
#: The certificate names the first and not the second.
NAMED, UNNAMED = "127.0.0.1", "127.0.0.2"


@dataclass
class TlsFront:
    """
    A PostgreSQL behind TLS.

    Attributes:
        authority: The certificate of who signed the server's.
        port: Where it listens, on `NAMED` and on `UNNAMED`.
        encrypted: How many connections went through.
        refused: How many did not ask for TLS.
    """

    authority: Path
    upstream: tuple[str, int]
    context: ssl.SSLContext
    port: int = 0
    encrypted: int = 0
    refused: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def url(self, database_url: str, host: str = NAMED) -> str:
        """Give the URL of a database with this in front of it."""
        parts = urlsplit(database_url)
        login, _, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}@{host}:{self.port}"))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client to its end."""
        self._writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def end(self, listening: Sequence[asyncio.Server]) -> None:
        """Leave no connection open."""
        for server in listening:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(each.wait_closed() for each in self._writers), return_exceptions=True)
        mine = asyncio.current_task()
        await asyncio.gather(*(each for each in asyncio.all_tasks() if each is not mine), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = struct.unpack("!ii", await reader.readexactly(8))
        while asked == _WANTS_GSS:
            writer.write(b"N")
            asked = struct.unpack("!ii", await reader.readexactly(8))
        if asked != _WANTS_TLS:
            self.refused += 1
            return
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(self.context)
        self.encrypted += 1
        behind, to_behind = await asyncio.open_connection(*self.upstream)
        self._writers.append(to_behind)
        await asyncio.gather(_pump(reader, to_behind), _pump(behind, writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    finally:
        target.close()


@contextmanager
def tls_front(database_url: str, folder: Path) -> Iterator[TlsFront]:
    """Put TLS before the server of *database_url*; keys are kept in *folder*."""
    keys = ControlPlaneKeys.kept_in(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.certificate, keys.key)
    parts = urlsplit(database_url)
    front = TlsFront(keys.authority, (parts.hostname or NAMED, parts.port or 5432), context)
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(front.serve, NAMED, 0))
    front.port = listening.sockets[0].getsockname()[1]
    other = loop.run_until_complete(asyncio.start_server(front.serve, UNNAMED, front.port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        asyncio.run_coroutine_threadsafe(front.end([listening, other]), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
