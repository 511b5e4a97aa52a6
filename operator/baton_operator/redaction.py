"""
The one place that takes secrets out of text and values before people or files see them.

It is the last line, not the only one: whoever knows that something is secret does not hand it on in the first place.
What Baton itself puts into texts (tokens of attempts, ids, names) is not secret and stays readable.
"""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
OMITTED = "[omitted]"

_NAMES = (
    r"(?:proxy-)?authorization|cookie|set-cookie|pass(?:word|wd|phrase)?|pwd|secret|client[-_]?secret|private[-_]?key"
    r"|api[-_]?(?:key|token)|(?:access|refresh|id|auth|bearer|bot|session)[-_]?token|token|jenkins-crumb"
)
_SECRET_KEY = re.compile(rf"(?:{_NAMES}|credentials?)$", re.IGNORECASE)
_CONTENT_KEYS = frozenset({"parameters", "payload", "arguments", "headers", "body", "params", "data", "content"})
_OURS = re.compile(r"baton-[0-9a-f]{32}-a\d+\Z")

_USER_INFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,20}://)[^\s/?#@'\"]+(?:@[^\s/?#@'\"]*)*@", re.IGNORECASE)
_SCHEMES = re.compile(
    r"\b(?P<scheme>bearer|basic|digest|negotiate)\s+(?P<value>[A-Za-z0-9._~+/=:-]{6,})", re.IGNORECASE
)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
_SQL_VALUES = re.compile(r"\[parameters: .*")
_ASSIGNED = re.compile(
    rf"(?P<name>\b(?:{_NAMES})['\"]?\s*[=:]\s*)(?P<value>\"[^\"\n]*\"|'[^'\n]*'|(?:(?:bearer|basic|digest)\s+)?[^\s,;&'\"}})\]]+)",
    re.IGNORECASE,
)


def redact_text(text: str) -> str:
    """Give *text* without credentials in URLs, authorization values, JSON web tokens, passwords and SQL values."""
    text = _USER_INFO.sub(rf"\g<scheme>{REDACTED}@", text)
    text = _SQL_VALUES.sub(f"[parameters: {OMITTED}]", text)
    text = _ASSIGNED.sub(_without_value, text)
    text = _SCHEMES.sub(rf"\g<scheme> {REDACTED}", text)
    return _JWT.sub(REDACTED, text)


def redact_value(value: Any) -> Any:
    """Give *value* as plain JSON values without secrets: what stands under a secret's name, and what texts hold."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(key): redact_named(str(key), each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact_value(each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return OMITTED
    return redact_text(str(value))


def redact_named(name: str, value: Any) -> Any:
    """Give *value* as it may be shown under *name*: nothing of secrets, parameters, payloads and headers."""
    if _SECRET_KEY.search(name) and not (isinstance(value, str) and _OURS.match(value)):
        return REDACTED
    if name.lower() in _CONTENT_KEYS:
        return OMITTED
    return redact_value(value)


def _without_value(match: re.Match[str]) -> str:
    value = match["value"].strip("'\"")
    if _OURS.match(value) or value in {REDACTED, OMITTED}:
        return match[0]
    quote = match["value"][0] if match["value"][0] in "'\"" else ""
    return f"{match['name']}{quote}{REDACTED}{quote}"
