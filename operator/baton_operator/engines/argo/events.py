"""
Streams of what moves in Argo, as hints: server-sent events of argo-server, and watches of the API server.

Nothing is believed of a stream but that something has moved. A stream that is too old to go on ends; its end, its
silence and its nonsense are all the same: whoever listens opens another one, and polls meanwhile as ever.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

from baton_operator.engines.answers import Answer, read_error
from baton_operator.engines.errors import ProtocolDriftError, RetryableError
from baton_operator.engines.http import Call, HttpClient
from baton_operator.engines.streams import Stream

#: Seconds without a byte after which a stream is dead: argo-server says ``:`` every 15 s, a watch a bookmark a minute.
IDLE = 90.0
#: Bytes of one event.
LINE = 256 * 1024

#: What either side says when the moment that a stream was to begin from is forgotten; argo-server makes 400 of them.
_STALE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY})
_PHASE_LABEL = "workflows.argoproj.io/phase"
#: Workflows whose last phase is remembered; beyond that all are forgotten, which costs a hint each.
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Moved:
    """A workflow that an event is about, and the phase it has come to."""

    name: str
    phase: str


class StaleError(Exception):
    """The stream cannot go on from where it was: another one must begin from now."""


class _Meta(msgspec.Struct, frozen=True):
    name: str = ""
    labels: dict[str, str] = {}


class _Status(msgspec.Struct, frozen=True):
    phase: str = ""


class _Seen(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    status: _Status = _Status()


class _Result(msgspec.Struct, frozen=True):
    type: str = ""
    object: _Seen = _Seen()


class _Error(msgspec.Struct, frozen=True):
    http_code: int = 0
    message: str = ""


class _ServerEvent(msgspec.Struct, frozen=True):
    result: _Result | None = None
    error: _Error | None = None


class _Partial(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    code: int = 0
    message: str = ""


class _WatchEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


def read_server_event(line: bytes) -> Moved | None:
    """
    Read one line of argo-server's stream; None where it says nothing.

    Raises:
        StaleError, RetryableError: The server ends the stream with these words.
        ProtocolDriftError: It is no such line.
    """
    if not line.startswith(b"data:"):
        if line and not line.startswith((b":", b"event:", b"id:", b"retry:")):
            raise ProtocolDriftError("a line of the event stream is no event")
        return None
    event = _decoded(line[5:], _ServerEvent)
    if event.error is not None:
        _end(event.error.http_code, event.error.message)
    if event.result is None:
        raise ProtocolDriftError("an event has neither a result nor an error")
    return Moved(event.result.object.metadata.name, f"{event.result.type} {event.result.object.status.phase}")


def read_watch_event(line: bytes) -> Moved | None:
    """
    Read one line of a watch of workflows' metadata; None where it says nothing.

    Raises:
        StaleError, RetryableError: The API server ends the watch with these words.
        ProtocolDriftError: It is no such line.
    """
    if not line:
        return None
    event = _decoded(line, _WatchEvent)
    seen = _decoded(event.object, _Partial)
    if event.type == "ERROR":
        _end(seen.code, seen.message)
    if event.type == "BOOKMARK":
        return None
    return Moved(seen.metadata.name, f"{event.type} {seen.metadata.labels.get(_PHASE_LABEL, '')}")


async def changes(
    http: HttpClient, call: Call, media: str, read: Callable[[bytes], Moved | None]
) -> AsyncGenerator[None, None]:
    """
    Open a stream; yield once it stands, and whenever a workflow has come to another phase, until it ends.

    Args:
        http: The engine's client.
        call: What opens the stream.
        media: The content type that it must have.
        read: Reads one line.

    Raises:
        EngineError: It could not be opened, broke off, fell silent or made no sense.
    """
    async with http.stream(call) as stream:
        if stream.status in _STALE:
            return
        await _require(stream, http, media)
        yield
        phases: dict[str, str] = {}
        try:
            async with aclosing(stream.lines(idle=IDLE, limit=LINE)) as lines:
                async for line in lines:
                    moved = read(line)
                    if moved is None or phases.get(moved.name) == moved.phase:
                        continue
                    if len(phases) >= _REMEMBERED:
                        phases.clear()
                    phases[moved.name] = moved.phase
                    yield
        except StaleError:
            return


async def _require(stream: Stream, http: HttpClient, media: str) -> None:
    """Raise what anything but a stream of the right kind means."""
    given = stream.headers.get("content-type", "").split(";")[0].strip().lower()
    if stream.status == HTTPStatus.OK and given == media:
        return
    text = b""
    async with aclosing(stream.lines(idle=5.0, limit=LINE)) as lines:
        async for line in lines:
            text += line[:500]
            if len(text) > 500:  # noqa: PLR2004 - enough for a message
                break
    answer = Answer(stream.status, stream.headers, text)
    if stream.status == HTTPStatus.OK:
        raise ProtocolDriftError(f"the stream is {given[:40] or 'of no type'}, not {media}")
    raise read_error(answer, http.clean(answer.text(500)) or f"the engine answered {stream.status}")


def _end(code: int, message: str) -> None:
    """Raise what the stream's last words mean."""
    if code in _STALE:
        raise StaleError
    raise RetryableError(f"the stream ended with {code}: {message[:200]}", http_status=code or None)


def _decoded(text: Any, shape: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=shape)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ProtocolDriftError(f"an event of the stream is not the JSON expected: {error}") from error
