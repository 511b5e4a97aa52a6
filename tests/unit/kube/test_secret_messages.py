"""What an Engine says of a credential that cannot be read: the object, and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from baton_operator.engines.credentials import SecretKind
from baton_operator.engines.errors import SecretNotFoundError
from baton_operator.kube.client import KubeClient
from baton_operator.kube.connection import Connection
from baton_operator.kube.secrets import KubeSecretSource
from baton_operator.metrics import Metrics


async def forbid(_: web.Request) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "reason": "Forbidden", "message": "not you", "code": 403}
    return web.json_response(body, status=403)


@pytest.fixture
async def forbidding() -> AsyncIterator[KubeSecretSource]:
    """Secrets of an API server whose rules let Baton do nothing."""
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", forbid)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kube = KubeClient(Connection(f"http://127.0.0.1:{runner.addresses[0][1]}"), Metrics())
    yield KubeSecretSource(kube)
    await kube.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("ServiceAccount", "bind the role `baton-engine-token` to Baton's ServiceAccount there: docs/engines/argo.md"),
        ("Secret", "the chart's rbac.secrets names those that it may get: charts/baton/README.md"),
        ("ConfigMap", "the chart's rbac.configMaps names those that it may get: charts/baton/README.md"),
    ],
)
async def test_what_may_not_be_read_names_the_right_that_is_missing(
    forbidding: KubeSecretSource, kind: SecretKind, advice: str
) -> None:
    """Whoever owns the namespace, or the installation, can mend it with this line alone."""
    with pytest.raises(SecretNotFoundError) as refused:
        await forbidding.read("team-a", kind, "runner", "")
    assert str(refused.value) == f"{kind} team-a/runner may not be read by Baton: {advice}"
