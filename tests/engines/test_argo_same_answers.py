"""The fake's API server and the real one, asked the same: status, type, kind, reason and what it is about."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import aiohttp
import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_state import NAP

from baton_operator.engines.conformance import serving
from baton_operator.local.api_server import ApiServer

GROUP = "/apis/argoproj.io/v1alpha1"
METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
MERGE = {"Content-Type": "application/merge-patch+json"}


class Asked(NamedTuple):
    """One request; ``{ns}`` and ``{name}`` are the test's namespace and its workflow."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] | None = None


WORKFLOWS = GROUP + "/namespaces/{ns}/workflows"
WORKFLOW = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "{name}", "labels": {"baton.dev/run-uid": "u1"}},
    "spec": {
        "workflowTemplateRef": {"name": "nap"},
        "arguments": {"parameters": [{"name": "secs", "value": "300"}]},
    },
}
BAD_NAME = {**WORKFLOW, "metadata": {"name": "BAD_"}}
LOST = {**WORKFLOW, "metadata": {"name": "{name}-b"}, "spec": {"workflowTemplateRef": {"name": "nope"}}}
STALE = {"metadata": {"resourceVersion": "1"}, "spec": {"shutdown": "Stop"}}
SCRIPT = [
    Asked("GET", WORKFLOWS + "/{name}"),
    Asked("GET", WORKFLOWS + "?limit=1"),
    Asked("POST", WORKFLOWS, WORKFLOW),
    Asked("POST", WORKFLOWS, WORKFLOW),
    Asked("POST", WORKFLOWS, BAD_NAME),
    Asked("POST", WORKFLOWS, LOST),
    Asked("GET", WORKFLOWS + "/{name}"),
    Asked("GET", WORKFLOWS + "?limit=1&labelSelector=baton.dev/run-uid", None, METADATA),
    Asked("GET", WORKFLOWS + "?limit=1&continue=zzz"),
    Asked("PATCH", WORKFLOWS + "/{name}", STALE, MERGE),
    Asked("PATCH", WORKFLOWS + "/{name}-c", STALE, MERGE),
    Asked("PATCH", WORKFLOWS + "/{name}", {"spec": {"shutdown": "Stop"}}, MERGE),
    Asked("GET", GROUP + "/namespaces/{ns}/workflowtemplates/nap"),
    Asked("GET", GROUP + "/namespaces/{ns}/workflowtemplates/nope"),
    Asked("GET", GROUP + "/clusterworkflowtemplates/nope"),
    Asked("GET", "/apis/argoproj.ix/v1alpha1/namespaces/{ns}/workflows"),
    Asked("DELETE", WORKFLOWS + "/{name}"),
    Asked("GET", "/version"),
    Asked("GET", WORKFLOWS, None, {"Authorization": "Bearer nonsense"}),
]


@pytest.fixture
async def sessions(
    argo_server: str, api_server: ApiServer, namespace: str
) -> AsyncIterator[dict[str, aiohttp.ClientSession]]:
    """The real server, as its administrator, and the fake: the same template in both."""
    template = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "spec": NAP["spec"]}
    metadata = {"name": "nap", "namespace": namespace}
    await asyncio.to_thread(api_server.apply_objects, [{**template, "metadata": metadata}])
    fake = FakeArgo([namespace])
    fake.state.settings.token = "the-token"  # noqa: S105 - the fake's
    tls = ssl.create_default_context(cadata=api_server.config.authority)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(fake.app()))
        yield {
            "real": await stack.enter_async_context(
                aiohttp.ClientSession(
                    api_server.config.server,
                    headers={"Authorization": f"Bearer {api_server.config.token}"},
                    connector=aiohttp.TCPConnector(ssl=tls),
                )
            ),
            "fake": await stack.enter_async_context(
                aiohttp.ClientSession(url, headers={"Authorization": "Bearer the-token"})
            ),
        }


async def answers(session: aiohttp.ClientSession, fill: Callable[[str], str]) -> list[Any]:
    """Go through the script and keep what matters of each answer."""
    kept = []
    for asked in SCRIPT:
        body = None if asked.body is None else fill(json.dumps(asked.body))
        headers = {"Content-Type": "application/json", **(asked.headers or {})}
        async with session.request(asked.method, fill(asked.path), data=body, headers=headers) as answer:
            text = await answer.text()
            kept.append((asked.method, asked.path, answer.status, answer.content_type, essence(text)))
    return kept


def essence(text: str) -> Any:
    """Take out of an answer what does not depend on the moment."""
    if not text.startswith("{"):
        return text
    document = json.loads(text)
    if document.get("kind") == "Status":
        details = document.get("details", {})
        return {
            "kind": "Status",
            "status": document["status"],
            "reason": document.get("reason"),
            "about": (details.get("name"), str(details.get("kind", "")).lower()),
        }
    if "items" in document:
        each = [(item.get("kind"), sorted(item.keys() & {"metadata", "spec", "status"})) for item in document["items"]]
        return {"items": each, "version": document["metadata"]["resourceVersion"].isdigit()}
    if "gitVersion" in document:
        return "version"
    metadata = document["metadata"]
    shown = {key: value for key, value in document.get("spec", {}).items() if key != "templates"}
    return {"kind": document.get("kind"), "name": metadata["name"], "uid": len(metadata["uid"]), "spec": shown}


async def test_fake_and_real_answer_alike(sessions: dict[str, aiohttp.ClientSession], namespace: str) -> None:
    """Request by request."""
    name = f"baton-{uuid.uuid4().hex}-a1"

    def fill(text: str) -> str:
        return text.replace("{ns}", namespace).replace("{name}", name)

    real, fake = await answers(sessions["real"], fill), await answers(sessions["fake"], fill)
    assert [pair for pair in zip(fake, real, strict=True) if pair[0] != pair[1]] == []
