"""W3C trace context: taken from whoever asked for a Run, or made, so that every Run is part of some trace."""

import hashlib
import re
from dataclasses import dataclass

#: The bytes of a span id and of a trace id as hexadecimal digits.
_SPAN, _TRACE = 16, 32
_SAMPLED = 0x01

_FORM = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class TraceParent:
    """
    A place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits.
        parent_id: 16 hexadecimal digits: the span below which what follows belongs.
        is_sampled: Whether whoever began the trace records it.
    """

    trace_id: str
    parent_id: str
    is_sampled: bool

    @classmethod
    def parse(cls, text: str | None) -> "TraceParent | None":
        """
        Read a ``traceparent``; None where there is none or it is invalid.

        Later versions than 00 may hold more behind a further hyphen, which is left out (W3C Trace Context, 3.2.4).
        """
        found = _FORM.match(text or "")
        if not text or not found or found["version"] == "ff":
            return None
        rest = text[found.end() :]
        if rest and (found["version"] == "00" or not rest.startswith("-")):
            return None
        if not int(found["trace"], 16) or not int(found["parent"], 16):
            return None
        return cls(found["trace"], found["parent"], bool(int(found["flags"], 16) & _SAMPLED))

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.parent_id}-{'01' if self.is_sampled else '00'}"


def trace_context(given: str | None, uid: str) -> str:
    """
    Say which trace a Run belongs to: the one that was *given*, or one made of its *uid* where that is not valid.

    The made one is the same whenever it is made, also after the database was lost, and names the Run's own span as
    the parent: what an engine does appears below the Run.
    """
    return str(TraceParent.parse(given) or TraceParent(_digits("trace", uid, _TRACE), run_span_id(uid), True))


def run_span_id(uid: str) -> str:
    """Name the span of the Run with this uid."""
    return _digits("run", uid, _SPAN)


def row_span_id(key: object) -> str:
    """Name the span of a batch, an item or an attempt by its row's id."""
    return _digits("row", str(key), _SPAN)


def _digits(kind: str, key: str, count: int) -> str:
    """Make *count* hexadecimal digits, the same each time; all zeros, which no id may be, do not happen."""
    return hashlib.sha256(f"baton/{kind}/{key}".encode()).hexdigest()[:count]
