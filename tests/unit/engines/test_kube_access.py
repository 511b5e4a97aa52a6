"""Ways to a cluster: what is taken of a kubeconfig, what is refused, and whose identity is used."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from baton_models import new_id
from baton_operator.engines.access import Destination, TlsFiles
from baton_operator.engines.argo.adapter import ArgoAdapter, ArgoServerAdapter, argo_adapter
from baton_operator.engines.base import Capability, EngineSpec
from baton_operator.engines.conformance import loopback, new_request
from baton_operator.engines.errors import PermanentError
from baton_operator.engines.kube_access import Cluster, InClusterAccess, KubeconfigAccess, read_kubeconfig
from baton_operator.engines.options import HintSource, LogReader, NodeLister, Retrier

CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
TOKEN = "canary-token-4711"  # noqa: S105 - looked for in messages
Edit = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], object]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(edit: Edit = lambda *_: None) -> str:
    """Write one with a token, after *edit* has seen document, cluster and user."""
    cluster = {"server": "https://kube.example:6443", "certificate-authority-data": encoded(CA)}
    user: dict[str, Any] = {"token": TOKEN}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "other", "cluster": {"server": "http://x"}}, {"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "ignored"}}],
        "current-context": "here",
    }
    edit(document, cluster, user)
    return yaml.safe_dump(document)


class Shelf:
    """Secrets by name, and what was asked for."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.asked: list[tuple[str, str, str, str]] = []

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return the text."""
        self.asked.append((namespace, kind, name, key))
        return self.text


def test_the_current_context_is_read() -> None:
    """Server, authority and token; other contexts do not matter."""
    destination, secrets = read_kubeconfig(kubeconfig())
    assert destination == Destination(
        "https://kube.example:6443", {"Authorization": f"Bearer {TOKEN}"}, TlsFiles(authority=CA)
    )
    assert secrets == (TOKEN,)
    assert TOKEN not in repr(destination)


def test_a_client_certificate_is_an_identity() -> None:
    """With its key, in place of a token; no header then."""

    def edit(_: Any, __: Any, user: dict[str, Any]) -> None:
        user.clear()
        user.update({"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")})

    destination, secrets = read_kubeconfig(kubeconfig(edit))
    assert (destination.headers, destination.tls) == ({}, TlsFiles(CA, "CERT", "KEY"))
    assert secrets == ("KEY",)


REFUSED: dict[str, Edit] = {
    "exec": lambda _, __, user: user.update(exec={"command": "/bin/sh"}),
    "auth-provider": lambda _, __, user: user.update({"auth-provider": {"name": "gcp"}}),
    "tokenFile": lambda _, __, user: user.update(tokenFile="/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "client-certificate is": lambda _, __, user: user.update({"client-certificate": "/etc/passwd"}),
    "client-key is": lambda _, __, user: user.update({"client-key": "/etc/passwd"}),
    "certificate-authority is": lambda _, cluster, __: cluster.update({"certificate-authority": "/etc/passwd"}),
    "insecure-skip-tls-verify": lambda _, cluster, __: cluster.update({"insecure-skip-tls-verify": True}),
    "proxy-url": lambda _, cluster, __: cluster.update({"proxy-url": "http://evil"}),
    "tls-server-name": lambda _, cluster, __: cluster.update({"tls-server-name": "other"}),
    "username": lambda _, __, user: user.update(username="a"),
    "password": lambda _, __, user: user.update({"password": "b"}),
    "users[].user.as is not taken": lambda _, __, user: user.update({"as": "system:admin"}),
    "users[].user.as-groups": lambda _, __, user: user.update({"as-groups": ["system:masters"]}),
    "scheme https": lambda _, cluster, __: cluster.update(server="http://kube.example"),
    "clusters[].cluster.server needs": lambda _, cluster, __: cluster.update(server="https://u:p@kube.example"),
    "no user or query": lambda _, cluster, __: cluster.update(server="https://kube.example/?a=b"),
    "a host": lambda _, cluster, __: cluster.update(server="https:///path"),
    "server is missing": lambda _, cluster, __: cluster.pop("server"),
    "exactly one of token": lambda _, __, user: user.clear(),
    "and client-key-data, or neither": lambda _, __, user: user.update({"client-key-data": encoded("KEY")}),
    "no HTTP header": lambda _, __, user: user.update({"token": "two words"}),
    "token is missing": lambda _, __, user: user.update(token=7),
    "no base64": lambda _, cluster, __: cluster.update({"certificate-authority-data": "%%%"}),
    "current-context is missing": lambda document, _, __: document.pop("current-context"),
    "contexts has no context": lambda document, _, __: document.update({"current-context": "there"}),
    "clusters has no cluster": lambda document, _, __: document.update(clusters=[]),
    "users has no user": lambda document, _, __: document.update(users="nobody"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_not_harmless_is_refused_by_name(said: str) -> None:
    """The message has the field and what to do, and no value."""
    with pytest.raises(PermanentError) as refusal:
        read_kubeconfig(kubeconfig(REFUSED[said]))
    assert said.replace("no base64", "not base64") in str(refusal.value)
    assert TOKEN not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "\x00", f"{TOKEN}: {{", "!!python/object/apply:os.system [id]", "a" * 200_000]
)
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    """Without repeating what it is."""
    with pytest.raises(PermanentError) as refusal:
        read_kubeconfig(text)
    assert TOKEN not in str(refusal.value)


def test_references_that_multiply_are_not_followed() -> None:
    """A billion laughs are a kilobyte as long as nobody unrolls them."""
    laughs = "\n".join(f"l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 9)}]" for n in range(30))
    with pytest.raises(PermanentError):
        read_kubeconfig(f"l0: &l0 [ha]\n{laughs}\nusers: *l30\nclusters: *l30\ncontexts: *l30\ncurrent-context: a")


async def test_a_kubeconfig_is_read_for_each_request() -> None:
    """From the Engine's namespace; what was read is known to the redactor, and a renewed one counts at once."""
    shelf = Shelf(kubeconfig())
    access = KubeconfigAccess({"name": "there"}, namespace="platform", secrets=shelf)
    assert (await access.destination()).base == "https://kube.example:6443"
    assert TOKEN not in access.redactor.clean(f"it said {TOKEN}")
    shelf.text = kubeconfig(lambda _, __, user: user.update({"token": "another-token"}))
    assert (await access.destination()).headers == {"Authorization": "Bearer another-token"}
    assert shelf.asked == [("platform", "Secret", "there", "kubeconfig")] * 2
    shelf.text = "a: ["
    with pytest.raises(PermanentError, match="Secret platform/there, key kubeconfig: the value is not YAML"):
        await access.destination()


async def test_baton_lends_its_identity_to_nobody() -> None:
    """In its own cluster it acts as a ServiceAccount of the Engine's namespace, and as nothing else."""
    shelf = Shelf("a-token")
    cluster = Cluster("https://10.0.0.1/", CA)
    auth = {"auth": {"serviceAccount": {"name": "runner"}}}
    access = InClusterAccess(cluster, namespace="platform", spec=auth, secrets=shelf)
    destination = await access.destination()
    assert destination == Destination("https://10.0.0.1", {"Authorization": "Bearer a-token"}, TlsFiles(authority=CA))
    assert shelf.asked == [("platform", "ServiceAccount", "runner", "")]
    bearer = {"bearer": {"secretRef": {"name": "x"}}}
    for spec in ({}, {"auth": bearer}, {"auth": {**auth["auth"], **bearer}}):
        with pytest.raises(PermanentError, match=r"spec\.auth\.serviceAccount"):
            InClusterAccess(cluster, namespace="platform", spec=spec, secrets=shelf)
    with pytest.raises(PermanentError, match="does not run with a cluster"):
        InClusterAccess(None, namespace="platform", spec=auth, secrets=shelf)


def made(**spec: Any) -> ArgoAdapter:
    """Make an adapter in surroundings with a cluster."""
    surroundings = loopback(Shelf(), cluster=Cluster("https://10.0.0.1"))  # type: ignore[arg-type]
    return argo_adapter(EngineSpec(new_id(), "platform", "argo", "Argo", 1, spec), surroundings)


KUBECONFIG = {"kubeconfigSecretRef": {"name": "there"}}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"url": "http://a", "kubernetes": KUBECONFIG},
        {"kubernetes": {}},
        {"kubernetes": {"inCluster": False}},
        {"kubernetes": {"inCluster": True, **KUBECONFIG}},
    ],
)
def test_an_engine_has_one_way(spec: dict[str, Any]) -> None:
    """What the definition of the kind refuses is refused again here."""
    with pytest.raises(PermanentError, match="exactly one of url"):
        made(**spec)


async def test_what_only_the_server_can_is_left_out_without_it() -> None:
    """Logs and retries are argo-server's; steps and hints are there either way."""
    objects, server = made(kubernetes=KUBECONFIG), made(url="http://argo.example")
    assert isinstance(server, ArgoServerAdapter)
    assert (isinstance(objects, LogReader), isinstance(objects, Retrier)) == (False, False)
    assert isinstance(objects, NodeLister)
    assert isinstance(objects, HintSource)
    assert server.capabilities - objects.capabilities == {Capability.LOGS, Capability.RETRY}
    for each in (objects, server):
        await each.close()


async def test_a_kubeconfig_leads_nowhere_that_a_url_may_not() -> None:
    """Loopback, metadata and the operator's own API server are refused by the same check."""
    text = kubeconfig(lambda _, cluster, __: (cluster.clear(), cluster.update(server="https://169.254.169.254")))
    surroundings = loopback(Shelf(text), engine_networks=[])  # type: ignore[arg-type]
    adapter = argo_adapter(
        EngineSpec(new_id(), "platform", "argo", "Argo", 1, {"kubernetes": KUBECONFIG}), surroundings
    )
    with pytest.raises(PermanentError, match=r"169\.254\.169\.254, which Baton does not connect to"):
        await adapter.find(new_request({"workflowTemplate": "nap"}, {}, namespace="platform"))
    await adapter.close()
