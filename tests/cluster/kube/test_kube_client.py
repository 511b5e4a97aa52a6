"""The client against a real API server."""

import base64
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from baton_operator.engines.conformance import serving
from baton_operator.engines.errors import RetryableError, SecretNotFoundError
from baton_operator.kube import secrets
from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection, FixedToken
from baton_operator.kube.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ReplacedError,
    TooLargeError,
    UnavailableError,
)
from baton_operator.kube.events import Regarding, event
from baton_operator.kube.secrets import FRESH, KEPT, TOKEN_SECONDS, KubeSecretSource
from baton_operator.metrics import Metrics


async def test_a_status_is_replaced_as_a_whole(client: KubeClient, cluster: Any) -> None:
    """Keys that the new document lacks are gone afterwards."""
    uid = cluster.run("one")["metadata"]["uid"]
    await client.replace_status("Run", cluster.namespace, "one", uid=uid, status={"phase": "Queued", "progress": "0/1"})
    await client.replace_status("Run", cluster.namespace, "one", uid=uid, status={"phase": "Running"})
    assert (await client.get("Run", cluster.namespace, "one"))["status"] == {"phase": "Running"}


async def test_a_status_never_lands_on_another_object_of_the_same_name(client: KubeClient, cluster: Any) -> None:
    """A Run that was deleted and made anew is not given its predecessor's status."""
    old = cluster.run("again")["metadata"]["uid"]
    cluster.delete("Run", "again")
    cluster.run("again")
    with pytest.raises(ReplacedError):
        await client.replace_status("Run", cluster.namespace, "again", uid=old, status={"phase": "Failed"})
    assert "status" not in cluster.get("Run", "again")


async def test_what_the_schema_refuses_is_told_from_what_is_gone(client: KubeClient, cluster: Any) -> None:
    """Both are 422 or 404 to HTTP, but mean different things to a loop."""
    uid = cluster.run("wrong")["metadata"]["uid"]
    with pytest.raises(InvalidError) as refused:
        await client.replace_status("Run", cluster.namespace, "wrong", uid=uid, status={"phase": "Dancing"})
    assert "status.phase" in str(refused.value)
    with pytest.raises(NotFoundError):
        await client.replace_status("Run", cluster.namespace, "nobody", uid=uid, status={"phase": "Failed"})


async def test_an_object_over_the_limit_of_etcd_is_too_large_for_good(client: KubeClient, cluster: Any) -> None:
    """The API server says 500 for it, which would otherwise be tried again for ever."""
    cluster.create("Automation", "big", {"engineRef": {"name": "e"}, "target": {"embedded": {"task": "t"}}})
    half = "x" * 900_000
    await client.patch("Automation", cluster.namespace, "big", {"spec": {"parametersSchema": {"default": half}}})
    with pytest.raises(TooLargeError):
        await client.patch("Automation", cluster.namespace, "big", {"spec": {"itemSchema": {"default": half}}})


async def test_a_list_comes_in_pages(client: KubeClient, cluster: Any) -> None:
    """Every object comes once, and no page holds more than was asked for."""
    for number in range(5):
        cluster.run(f"run-{number}")
    pages = [page async for page in client.list("Run", namespace=cluster.namespace, page=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each["metadata"]["name"] for page in pages for each in page] == [f"run-{n}" for n in range(5)]


async def test_the_same_event_is_posted_once(client: KubeClient, cluster: Any) -> None:
    """A repeat is no error, and makes no second object."""
    run = cluster.run("told")
    about = Regarding("Run", cluster.namespace, "told", run["metadata"]["uid"])
    document = event(
        about, reason="Failed", key="", severity="Warning", note="n", at=datetime.now(UTC), instance="test"
    )
    assert [await client.create_event(document), await client.create_event(document)] == [True, False]
    assert [each["reason"] for each in cluster.events() if each["regarding"]["name"] == "told"] == ["Failed"]


async def test_requests_are_counted_by_what_came_of_them(client: KubeClient, cluster: Any, metrics: Metrics) -> None:
    """Writes a Run are a goal, so every request is in the metric."""
    uid = cluster.run("counted")["metadata"]["uid"]
    await client.replace_status("Run", cluster.namespace, "counted", uid=uid, status={"phase": "Queued"})
    with pytest.raises(NotFoundError):
        await client.get("Run", cluster.namespace, "nobody")
    text = metrics.render().decode()
    assert 'baton_kube_requests_total{code="200",kind="Run",verb="patch"} 1.0' in text
    assert 'baton_kube_requests_total{code="404",kind="Run",verb="get"} 1.0' in text


async def test_a_namespace_tells_its_labels(client: KubeClient, cluster: Any) -> None:
    """Engines choose namespaces by label."""
    labels = await client.namespace_labels(cluster.namespace)
    assert labels["kubernetes.io/metadata.name"] == cluster.namespace


async def test_secrets_are_read_as_they_are_now(client: KubeClient, cluster: Any) -> None:
    """A rotated value is the one that is read next; what is missing is named without its value."""
    source, path = KubeSecretSource(client), f"/api/v1/namespaces/{cluster.namespace}/secrets"
    cluster.server.request("POST", path, {"metadata": {"name": "s"}, "data": {"k": base64.b64encode(b"one").decode()}})
    assert await source.read(cluster.namespace, "Secret", "s", "k") == "one"
    cluster.server.request("PATCH", f"{path}/s", {"data": {"k": base64.b64encode(b"two").decode()}})
    assert await source.read(cluster.namespace, "Secret", "s", "k") == "two"
    with pytest.raises(SecretNotFoundError, match="no key 'other'"):
        await source.read(cluster.namespace, "Secret", "s", "other")
    with pytest.raises(SecretNotFoundError, match="is not there"):
        await source.read(cluster.namespace, "ConfigMap", "s", "k")


async def test_a_service_account_gets_a_short_lived_token(client: KubeClient, cluster: Any) -> None:
    """It is asked from the API server, for an audience or for the API server itself."""
    cluster.server.create_service_account(cluster.namespace, "robot")
    token = await KubeSecretSource(client).read(cluster.namespace, "ServiceAccount", "robot", "")
    assert token.count(".") == 2


async def test_a_token_is_kept_until_shortly_before_its_end(client: KubeClient, cluster: Any) -> None:
    """One request for ten minutes of requests; each audience has its own."""
    cluster.server.create_service_account(cluster.namespace, "robot")
    now = [1000.0]
    source = KubeSecretSource(client, clock=lambda: now[0])

    async def read(audience: str = "") -> str:
        return await source.read(cluster.namespace, "ServiceAccount", "robot", audience)

    first = await read()
    now[0] += KEPT - 1
    assert await read() == first
    assert await read("https://engine.example") != first
    now[0] += 1
    assert await read() != first
    assert KEPT + 60 < TOKEN_SECONDS


async def test_a_token_that_was_refused_is_asked_for_anew(client: KubeClient, cluster: Any) -> None:
    """Once, however many requests it was refused to: a new one that is refused too is no reason for a storm."""
    cluster.server.create_service_account(cluster.namespace, "robot")
    now = [1000.0]
    source = KubeSecretSource(client, clock=lambda: now[0])
    source.refused(cluster.namespace, "robot", "")
    tokens = []
    for wait in (0.0, FRESH, 0.0, FRESH):
        now[0] += wait
        source.refused(cluster.namespace, "robot", "")
        tokens.append(await source.read(cluster.namespace, "ServiceAccount", "robot", ""))
    assert tokens[1] == tokens[2]
    assert len(set(tokens)) == 3


async def test_no_more_tokens_are_kept_than_are_bounded(
    client: KubeClient, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "MOST", 2)
    source = KubeSecretSource(client)
    for name in ("a", "b", "c"):
        cluster.server.create_service_account(cluster.namespace, name)
    first = [await source.read(cluster.namespace, "ServiceAccount", name, "") for name in ("a", "b", "c")]
    assert await source.read(cluster.namespace, "ServiceAccount", "c", "") == first[2]
    assert await source.read(cluster.namespace, "ServiceAccount", "a", "") != first[0]


async def test_who_has_no_right_is_told_so(connection: Connection, cluster: Any) -> None:
    """A missing rule is not taken for an object that is not there."""
    cluster.server.create_service_account(cluster.namespace, "nobody")
    token = cluster.server.service_account_token(cluster.namespace, "nobody")
    async with KubeClient(replace(connection, credential=FixedToken(token)), Metrics()) as poor:
        with pytest.raises(ForbiddenError):
            await poor.get("Run", cluster.namespace, "x")


async def test_a_refused_token_is_renewed_once(connection: Connection, cluster: Any, metrics: Metrics) -> None:
    """A token that has run out is read anew, and the request goes through."""
    good = await connection.credential.token()

    class Rotating:
        async def token(self, *, renewed: bool = False) -> str | None:
            return good if renewed else "run-out"

    async with KubeClient(replace(connection, credential=Rotating()), metrics) as client:
        assert await client.serves(["Run", "Engine", "Automation"])


async def test_a_server_that_says_when_is_believed(metrics: Metrics) -> None:
    """429 and 503 carry the time to wait; nothing listening is the same kind of error, without one."""

    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"}, text="storage is (re)initializing")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", busy)
    async with serving(app) as url:
        async with KubeClient(Connection(url), metrics) as client:
            with pytest.raises(UnavailableError) as throttled:
                await client.get("Run", "n", "x")
        assert (throttled.value.status, throttled.value.retry_after) == (429, 7.0)
    async with KubeClient(Connection(url), metrics) as client:
        with pytest.raises(UnavailableError) as away:
            await client.get("Run", "n", "x")
    assert away.value.status is None
    with pytest.raises(RetryableError):
        async with KubeClient(Connection(url), metrics) as client:
            await KubeSecretSource(client).read("n", "Secret", str(uuid.uuid4()), "k")
