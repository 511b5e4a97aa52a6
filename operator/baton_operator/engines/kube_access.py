"""
The way to an engine that is a set of Kubernetes objects: the cluster Baton runs in, or the one of a kubeconfig.

Neither ever uses the operator's own identity: an Engine's author is not trusted with it. In the own cluster Baton asks
for a short-lived token of a ServiceAccount of the Engine's namespace (``spec.auth.serviceAccount``); elsewhere the
kubeconfig brings its own. A kubeconfig may start programs and read files of whoever loads it, so of its fields only
those are taken that are harmless and whole in themselves; any other is refused by name.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from baton_operator.engines.access import Destination, TlsFiles
from baton_operator.engines.credentials import Credential, Redactor, SecretSource
from baton_operator.engines.errors import PermanentError

#: The key of a kubeconfig's Secret where ``kubeconfigSecretRef`` names none.
KUBECONFIG_KEY = "kubeconfig"
#: Characters of a kubeconfig that are read: one with certificates has about ten thousand.
_LONGEST = 128 * 1024

_FIXES = {
    "exec": "a plug-in would run inside Baton: put a token or a client certificate into the kubeconfig",
    "auth-provider": "a plug-in would run inside Baton: put a token or a client certificate into the kubeconfig",
    "tokenFile": "it would name a file of Baton's own: write the token itself, as `token`",
    "client-certificate": "it would name a file of Baton's own: use client-certificate-data",
    "client-key": "it would name a file of Baton's own: use client-key-data",
    "certificate-authority": "it would name a file of Baton's own: use certificate-authority-data",
    "insecure-skip-tls-verify": "the server is always verified: use certificate-authority-data",
    "proxy-url": "Baton reaches engines directly: remove it",
    "tls-server-name": "the server's certificate must fit the host in `server`: remove it",
    "username": "use a token or a client certificate",
    "password": "use a token or a client certificate",
}
_CLUSTER_FIELDS = frozenset({"server", "certificate-authority-data", "disable-compression", "extensions"})
_USER_FIELDS = frozenset({"token", "client-certificate-data", "client-key-data", "extensions"})


@dataclass(frozen=True, slots=True)
class Cluster:
    """
    The API server that Baton itself works with.

    Attributes:
        server: Its address.
        authority: PEM text of the authority that signed its certificate; None for the system's own.
    """

    server: str
    authority: str | None = field(default=None, repr=False)


class InClusterAccess:
    """
    ``spec.kubernetes.inCluster``: Baton's own cluster, as a ServiceAccount of the Engine's namespace.

    Raises:
        PermanentError: The spec names no ServiceAccount, or nobody said where the cluster is.
    """

    def __init__(
        self, cluster: Cluster | None, *, namespace: str, spec: Mapping[str, Any], secrets: SecretSource
    ) -> None:
        auth = spec.get("auth")
        if not auth or list(auth) != ["serviceAccount"]:
            raise PermanentError(
                "spec.kubernetes.inCluster needs spec.auth.serviceAccount: name a ServiceAccount of the Engine's "
                "namespace, which Baton then acts as"
            )
        if cluster is None:
            raise PermanentError("spec.kubernetes.inCluster: Baton does not run with a cluster here")
        self.redactor = Redactor()
        self._base = cluster.server.rstrip("/")
        self._tls = TlsFiles(authority=cluster.authority)
        self._credential = Credential(secrets, namespace, auth, self.redactor)

    async def destination(self) -> Destination:
        """Ask for the ServiceAccount's token."""
        return Destination(self._base, await self._credential.headers(), self._tls)

    def refused(self) -> None:
        """Take in that the credential was refused."""
        self._credential.refused()


class KubeconfigAccess:
    """``spec.kubernetes.kubeconfigSecretRef``: the cluster and identity of a kubeconfig, read at each request."""

    def __init__(self, reference: Mapping[str, str], *, namespace: str, secrets: SecretSource) -> None:
        self.redactor = Redactor()
        self._namespace, self._secrets = namespace, secrets
        self._name, self._key = reference["name"], reference.get("key", KUBECONFIG_KEY)

    async def destination(self) -> Destination:
        """
        Read the kubeconfig's current context.

        Raises:
            SecretNotFoundError: There is no such Secret, or no such key.
            PermanentError: It is no kubeconfig that can be used; names field and fix.
        """
        text = await self._secrets.read(self._namespace, "Secret", self._name, self._key)
        try:
            destination, secret = read_kubeconfig(text)
        except PermanentError as error:
            raise PermanentError(f"Secret {self._namespace}/{self._name}, key {self._key}: {error}") from None
        self.redactor.remember(*secret)
        return destination

    def refused(self) -> None:
        """Keep nothing: the kubeconfig is read at each request anyway."""


def read_kubeconfig(text: str) -> tuple[Destination, tuple[str, ...]]:
    """
    Read the current context of a kubeconfig, strictly.

    Returns:
        Where it leads, and the secrets in it.

    Raises:
        PermanentError: It holds something that is not taken, or lacks something; names field and fix, and no value.
    """
    document = _document(text)
    context = _named(document, "contexts", "context", _text(document, "current-context", "current-context"))
    cluster = _named(document, "clusters", "cluster", _text(context, "cluster", "contexts[].context.cluster"))
    user = _named(document, "users", "user", _text(context, "user", "contexts[].context.user"))
    _only(cluster, _CLUSTER_FIELDS, "clusters[].cluster")
    _only(user, _USER_FIELDS, "users[].user")
    certificate = _decoded(user, "client-certificate-data", "users[].user")
    key = _decoded(user, "client-key-data", "users[].user")
    if (certificate is None) != (key is None):
        raise PermanentError("users[].user needs client-certificate-data and client-key-data, or neither")
    token = _text(user, "token", "users[].user.token").strip() if "token" in user else None
    if (token is None) == (certificate is None):
        raise PermanentError("users[].user needs exactly one of token and client-certificate-data: keep one")
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise PermanentError("users[].user.token is empty or has characters that no HTTP header can carry")
    authority = _decoded(cluster, "certificate-authority-data", "clusters[].cluster")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    destination = Destination(_server(cluster), headers, TlsFiles(authority, certificate, key))
    return destination, tuple(secret for secret in (token, key) if secret)


def _document(text: str) -> Mapping[str, Any]:
    if len(text) > _LONGEST:
        raise PermanentError(f"the kubeconfig has more than {_LONGEST} characters")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise PermanentError("the value is not YAML: write a kubeconfig there") from None  # its text is a secret
    if not isinstance(document, dict):
        raise PermanentError("the value is no kubeconfig: it needs clusters, users, contexts and current-context")
    return document


def _named(document: Mapping[str, Any], entries: str, kind: str, name: str) -> Mapping[str, Any]:
    listed = document.get(entries)
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(kind), dict):
            found: Mapping[str, Any] = entry[kind]
            return found
    raise PermanentError(f"{entries} has no {kind} that current-context leads to: add it")


def _text(entry: Mapping[str, Any], key: str, field_name: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise PermanentError(f"{field_name} is missing or no text: set it")
    return value


def _only(entry: Mapping[str, Any], taken: frozenset[str], where: str) -> None:
    for key in entry:
        if key not in taken and (entry[key] or key not in _FIXES):
            fix = _FIXES.get(str(key), "Baton does not know it: remove it")
            raise PermanentError(f"{where}.{str(key)[:60]} is not taken: {fix}")


def _decoded(entry: Mapping[str, Any], key: str, where: str) -> str | None:
    if key not in entry:
        return None
    try:
        return base64.b64decode(_text(entry, key, f"{where}.{key}"), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise PermanentError(f"{where}.{key} is not base64 of a PEM text") from None


def _server(cluster: Mapping[str, Any]) -> str:
    server = _text(cluster, "server", "clusters[].cluster.server")
    try:
        parts = urlsplit(server)
        fits = parts.scheme == "https" and parts.hostname and not (parts.username or parts.query or parts.fragment)
        fits = fits and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise PermanentError("clusters[].cluster.server needs scheme https, a host, and no user or query")
    return server.rstrip("/")
