"""The fake answers every recorded request as the real server did: status, headers that matter, the body's shape."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from baton_fakes.argo import FakeArgo

from baton_operator.engines.conformance import serving

CAPTURE = Path(__file__).parent / "captures" / "argo-4.0.2.jsonl"
#: Seconds of waiting that the recording has before a step, because workflows had to end meanwhile.
PAUSES = {"get": 0.1, "list after": 1.2, "get stopped": 0.2, "get retried": 0.3, "get suspended": 0.1}
#: Written by the API server about itself; the fake keeps no such books.
UNKEPT = {"managedFields", "annotations", "estimatedDuration", "templateScope", "nodeFlag", "progress"}
#: A template has no status.
TEMPLATES = {"template get": {"status"}}
#: Null or a text, by the moment of the recording.
TIMES = {"startedAt", "finishedAt"}


def steps() -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in CAPTURE.read_bytes().splitlines()]


def shape(document: Any) -> Any:
    """Reduce a document to its keys and types; a list to its first entry's."""
    if isinstance(document, Mapping):
        return {key: "time" if key in TIMES else shape(value) for key, value in document.items() if key not in UNKEPT}
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return type(document).__name__


def top_keys(text: str) -> set[str]:
    """Return the keys of a body that the recorder has cut: a list's or a workflow's."""
    return {"metadata", "items"} if '"items":[' in text else {"metadata", "spec", "status"}


async def replay() -> list[tuple[dict[str, Any], int, str, bytes]]:
    fake = FakeArgo()
    seen = []
    async with serving(fake.app()) as url, aiohttp.ClientSession() as session:
        for name in ("baton-a1", "baton-a2", "baton-a3"):  # what the recording's server held before
            body = {"resourceKind": "WorkflowTemplate", "resourceName": "nap"}
            options = {"name": name, "labels": "baton.dev/run-uid=abc", "parameters": ["secs=0", "fail=yes"]}
            await session.post(f"{url}/api/v1/workflows/argo/submit", json={**body, "submitOptions": options})
        for step in steps():
            await asyncio.sleep(PAUSES.get(step["label"], 0.0))
            data = b"{oops" if step["label"] == "bad json" else None
            json = step["request_body"] if data is None else None
            params = {key: str(value) for key, value in (step["params"] or {}).items()}
            async with session.request(
                step["method"], url + step["url"], params=params, json=json, data=data
            ) as answer:
                seen.append((step, answer.status, answer.content_type, await answer.read()))
    return seen


async def test_every_recorded_request_is_answered_as_recorded() -> None:
    """One pass over the recording, in its order, because later steps rest on earlier ones."""
    wrong = []
    for step, status, content_type, body in await replay():
        label = step["label"]
        if (status, content_type) != (step["status"], step["content_type"]):
            wrong.append((label, status, content_type, step["status"]))
            continue
        try:
            recorded = msgspec.json.decode(step["body"])
        except msgspec.DecodeError:  # cut by the recorder
            if msgspec.json.decode(body).keys() != top_keys(step["body"]) - TEMPLATES.get(label, set()):
                wrong.append((label, body.decode()))
            continue
        if "code" in recorded:
            if msgspec.json.decode(body) != recorded and label not in {"bad json", "bad name"}:
                wrong.append((label, body.decode(), step["body"]))
        elif shape(msgspec.json.decode(body)) != shape(recorded):
            wrong.append((label, shape(msgspec.json.decode(body)), shape(recorded)))
    assert wrong == []


@pytest.mark.parametrize("label", ["bad json", "bad name"])
async def test_a_refusal_in_gos_own_words_has_the_same_code(label: str) -> None:
    """Only the wording differs."""
    for step, _, _, body in await replay():
        if step["label"] == label:
            assert msgspec.json.decode(body)["code"] == msgspec.json.decode(step["body"])["code"]
