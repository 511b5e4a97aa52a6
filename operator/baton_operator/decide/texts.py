"""Text within limits: how status documents stay small, and how they write a duration."""

from datetime import timedelta

import orjson

ELLIPSIS = "…"


def fit(text: str | None, limit: int) -> str:
    """
    Cut *text* so that it takes at most *limit* bytes as JSON, its quotes not counted.

    What UTF-8 cannot hold (a lone surrogate) becomes a question mark.
    """
    clean = (text or "").encode("utf-8", "replace").decode()
    if size(clean) <= limit:
        return clean
    low, high = 0, min(len(clean), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if size(clean[:middle] + ELLIPSIS) <= limit:
            low = middle
        else:
            high = middle - 1
    return clean[:low] + ELLIPSIS if limit >= size(ELLIPSIS) else ""


def size(text: str) -> int:
    """Count the bytes that *text* takes as JSON, its quotes not counted."""
    return len(orjson.dumps(text)) - 2


def duration_text(span: timedelta) -> str:
    """Write a duration as people do: ``2m14s``, ``1h0m5s``; in milliseconds where it is shorter than a second."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return f"{int(seconds * 1000)}ms"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
