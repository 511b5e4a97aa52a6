"""Credentials become headers; secrets become nothing."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

import pytest

from baton_operator.engines.credentials import Credential, Redactor
from baton_operator.engines.errors import PermanentError, SecretNotFoundError

CANARY = 'ca"nary/4711+x'


class Shelf:
    """Secrets by name and key."""

    def __init__(self, values: Mapping[tuple[str, str, str], str]) -> None:
        self.values = values

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return what is there."""
        assert namespace == "team"
        try:
            return self.values[kind, name, key]
        except KeyError:
            raise SecretNotFoundError(f"{kind} {name} has no key {key}") from None


SHELF = Shelf(
    {
        ("Secret", "bot", "token"): "tok-1\n",
        ("Secret", "bot", "other"): "tok-2",
        ("Secret", "bot", "username"): "ada",
        ("Secret", "bot", "password"): "pass:word",
        ("Secret", "bad", "token"): "two words",
        ("Secret", "empty", "token"): "\n",
        ("ServiceAccount", "runner", ""): "jwt-1",
        ("ServiceAccount", "runner", "argo"): "jwt-2",
    }
)


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"bearer": {"secretRef": {"name": "bot"}}}, "Bearer tok-1"),
        ({"bearer": {"secretRef": {"name": "bot", "key": "other"}}}, "Bearer tok-2"),
        ({"serviceAccount": {"name": "runner"}}, "Bearer jwt-1"),
        ({"serviceAccount": {"name": "runner", "audience": "argo"}}, "Bearer jwt-2"),
        ({"basic": {"secretRef": {"name": "bot"}}}, f"Basic {base64.b64encode(b'ada:pass:word').decode()}"),
    ],
)
async def test_a_credential_is_one_header(auth: dict[str, object], header: str) -> None:
    """Each way to prove who we are."""
    redactor = Redactor()
    headers = await Credential(SHELF, "team", auth, redactor).headers()
    assert headers == {"Authorization": header}
    assert header.split()[1] not in redactor.clean(f"x {header.split()[1]} y")


@pytest.mark.parametrize("auth", [None, {}])
async def test_no_credential_is_no_header(auth: dict[str, object] | None) -> None:
    """An Engine without auth sends none."""
    assert await Credential(SHELF, "team", auth, Redactor()).headers() == {}


@pytest.mark.parametrize(
    ("auth", "error"),
    [
        ({"bearer": {"secretRef": {"name": "gone"}}}, SecretNotFoundError),
        ({"bearer": {"secretRef": {"name": "bad"}}}, PermanentError),
        ({"bearer": {"secretRef": {"name": "empty"}}}, PermanentError),
        ({"kerberos": {}}, PermanentError),
    ],
)
async def test_what_is_no_credential_is_said_without_it(auth: dict[str, object], error: type[Exception]) -> None:
    """The message names the object, never the value."""
    with pytest.raises(error) as raised:
        await Credential(SHELF, "team", auth, Redactor()).headers()
    assert "two words" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        f"Illegal header value b'Bearer {CANARY}'",
        f"echo {json.dumps(CANARY)}",
        f"https://host/?token={quote(CANARY, safe='')}",
        f"basic of {base64.b64encode(CANARY.encode()).decode()}",
    ],
)
def test_a_known_secret_is_taken_out_in_every_form(text: str) -> None:
    """As it is, in JSON, in a URL, in base64."""
    redactor = Redactor()
    redactor.remember(CANARY)
    cleaned = redactor.clean(text)
    assert "[redacted]" in cleaned
    assert "nary" not in cleaned
    assert "4711" not in cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer [redacted]"),
        ("at https://ada:secret@host/x", "at https://[redacted]@host/x"),
        ("two\nlines\tand\x1b[31m colour\u202e", "two lines and [31m colour"),
        ("a bearer of bad news", "a bearer of bad news"),
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text: str, cleaned: str) -> None:
    """Also of others; and nothing that moves a terminal's cursor stays."""
    assert Redactor().clean(text) == cleaned


def test_a_text_is_cut_to_its_limit() -> None:
    """With a sign that it was."""
    assert Redactor().clean("x" * 2000, 10) == "xxxxxxxxx…"
