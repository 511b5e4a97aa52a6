"""Canary secrets in every form in which they are seen, and texts that must stay readable."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_operator.redaction import OMITTED, REDACTED, redact_text, redact_value

CANARY = "cAnary.7f3e-Value"
ATTEMPT = "baton-0123456789abcdef0123456789abcdef-a2"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://baton:{CANARY}@db.example/baton?sslmode=require",
        f"postgresql+psycopg://baton:p@ss{CANARY}@db/baton",
        f"https://{CANARY}@git.example/x",
        f"GET http://u:{CANARY}@h/p -> 401",
        f"Authorization: Bearer {CANARY}",
        f"authorization: Basic {CANARY}==",
        f"{{'Authorization': 'Bearer {CANARY}'}}",
        f'{{"authorization": "Bearer {CANARY}", "accept": "*/*"}}',
        f"Proxy-Authorization={CANARY}",
        f"sent with bearer {CANARY}",
        f"host=db user=baton password={CANARY} dbname=baton",
        f"host=db password='{CANARY} more'",
        f'{{"password": "{CANARY}"}}',
        f"client_secret={CANARY}&grant_type=x",
        f"/login?access_token={CANARY}&x=1",
        f"Cookie: JSESSIONID={CANARY}",
        f"Jenkins-Crumb: {CANARY}",
        f"api-key: {CANARY}",
        f"(psycopg.errors.X)\n[SQL: INSERT]\n[parameters: {{'a': ['{CANARY}'], 'b': 2}}]\n(Background)",
    ],
)
def test_a_canary_does_not_pass(text: str):
    """The value is gone, the rest of the sentence is there."""
    shown = redact_text(text)

    assert CANARY not in shown
    assert "Value" not in shown
    assert REDACTED in shown or OMITTED in shown


def test_a_json_web_token_does_not_pass_wherever_it_stands():
    """Service account tokens turn up in errors without any name beside them."""
    signed = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"

    assert redact_text(f"invalid {signed} given") == f"invalid {REDACTED} given"


@pytest.mark.parametrize(
    "text",
    [
        "the Secret jenkins-bot has no key 'password'",
        f"submit of token={ATTEMPT} was lost",
        "https://argo.example/workflows/argo/baton-x?tab=workflow#a@b",
        "mail ops@example.org",
        "Automation fleet: parameters.version: '6' does not match \"^[0-9]+$\"",
        "run.finished",
        "argo/baton-0123/5f0f2c1e-8f6e-4a55-9a6c-2c2d0f5b1f7a",
        "a basic rule of bearings",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str):
    """People must be able to read what went wrong."""
    assert redact_text(text) == text


def test_names_of_secrets_hide_whole_values_at_any_depth():
    """Mappings are judged by their keys, contents of runs are left out whole."""
    value = {
        "engine": "ns/a",
        "auth": {"adminPassword": CANARY, "list": [{"X-Api-Key": CANARY}]},
        "payload": {"a": 1},
        "n": 2,
        "token": ATTEMPT,
    }

    assert redact_value(value) == {
        "engine": "ns/a",
        "auth": {"adminPassword": REDACTED, "list": [{"X-Api-Key": REDACTED}]},
        "payload": OMITTED,
        "n": 2,
        "token": ATTEMPT,
    }


@given(st.text())
def test_redacting_twice_is_redacting_once(text: str):
    """A text that was redacted before is left alone."""
    once = redact_text(text)

    assert redact_text(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "a." * 100_000,
        "a://" * 50_000,
        "x://" + "@" * 200_000,
        "token=" * 40_000,
        "[parameters: " * 20_000,
        '"' * 200_000,
    ],
)
def test_hostile_texts_cost_no_time(text: str):
    """A long message from an engine must not stall the loop."""
    begun = time.perf_counter()
    redact_text(text)

    assert time.perf_counter() - begun < 2.0
