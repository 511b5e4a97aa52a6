"""
The client of the Kubernetes API: one session, total deadlines, errors that say what the caller may do.

It asks once. What may be asked again, and when, is the caller's decision: a loop has rows that say so.
"""

import email.utils
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

import aiohttp
import orjson

from baton_operator.kube.connection import Connection
from baton_operator.kube.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    ReplacedError,
    TooLargeError,
    UnavailableError,
)
from baton_operator.kube.resources import API_VERSION, PLURALS, Kind
from baton_operator.metrics import Metrics

#: Seconds that one request may take altogether.
DEADLINE = 10.0
#: Objects on one page of a list.
PAGE = 500
#: Who wrote a field, as ``managedFields`` shows it.
FIELD_MANAGER = "baton-operator"

BASE = f"/apis/{API_VERSION}"
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"


class KubeClient:
    """
    Everything that Baton asks of the API server, but for the watches, which are kopf's.

    Every request is counted in ``kube_requests``, raises an error of `baton_operator.kube.errors`, and ends within
    its deadline, body included. To be used with ``async with``, or closed.

    Args:
        deadline: Seconds that one request may take altogether.
    """

    def __init__(self, connection: Connection, metrics: Metrics, *, deadline: float = DEADLINE) -> None:
        self._connection = connection
        self._metrics = metrics
        self._timeout = aiohttp.ClientTimeout(total=deadline)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        """
        Read one object.

        Raises:
            NotFoundError: It is not there.
        """
        answer: dict[str, Any] = await self._request("GET", kind, _path(kind, namespace, name))
        return answer

    async def list(
        self, kind: Kind, *, namespace: str | None = None, page: int = PAGE
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """
        Read all objects of a kind, page by page, as they stood at one moment.

        Args:
            namespace: One namespace only, or all.
            page: How many objects a page holds at most.

        Raises:
            ConflictError: The list took so long that the API server forgot its moment (410): begin anew.
        """
        query: dict[str, str] = {"limit": str(page)}
        while True:
            answer = await self._request("GET", kind, f"{_path(kind, namespace)}?{urlencode(query)}", verb="list")
            yield answer["items"]
            if not answer["metadata"].get("continue"):
                return
            query["continue"] = answer["metadata"]["continue"]

    async def replace_status(
        self, kind: Kind, namespace: str, name: str, *, uid: str, status: Mapping[str, Any]
    ) -> None:
        """
        Make *status* the whole status of exactly the object with this *uid*.

        A JSON patch: it tests the uid and replaces all of ``/status``. A merge patch could do neither: it leaves old
        keys, and the API server ignores ``metadata.uid`` in a merge patch of a status (tried on 1.36).

        Raises:
            ReplacedError: Another object has the name now.
            NotFoundError: There is none of the name.
            InvalidError: The schema does not take the status.
        """
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = f"{_path(kind, namespace, name)}/status?fieldManager={FIELD_MANAGER}"
        await self._request("PATCH", kind, path, patch, content_type=_JSON_PATCH)

    async def patch(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> None:
        """
        Merge *body* into one object; its status cannot be reached this way.

        Raises:
            NotFoundError: It is not there.
        """
        path = f"{_path(kind, namespace, name)}?fieldManager={FIELD_MANAGER}"
        await self._request("PATCH", kind, path, body, content_type=_MERGE_PATCH)

    async def set_finalizer(
        self, kind: Kind, namespace: str, name: str, *, uid: str, finalizer: str, wanted: bool
    ) -> None:
        """
        Add *finalizer* to exactly the object with this *uid*, or take it away; nothing happens where it is so already.

        Two requests: the object as it is, and a JSON patch that fails where it has changed meanwhile. What is being
        deleted takes no finalizer any more: nothing happens then, either.

        Raises:
            NotFoundError: There is no such object, or another one has its name.
            ReplacedError: It has changed meanwhile: try again.
        """
        metadata = (await self.get(kind, namespace, name))["metadata"]
        if metadata["uid"] != uid:
            raise NotFoundError(f"{kind} {namespace}/{name}: another object has the name now")
        there: Sequence[str] = metadata.get("finalizers") or ()
        if (finalizer in there) is wanted or (wanted and metadata.get("deletionTimestamp")):
            return
        left = [*there, finalizer] if wanted else [each for each in there if each != finalizer]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "add", "path": "/metadata/finalizers", "value": left},
        ]
        path = f"{_path(kind, namespace, name)}?fieldManager={FIELD_MANAGER}"
        await self._request("PATCH", kind, path, patch, content_type=_JSON_PATCH)

    async def create_event(self, event: Mapping[str, Any]) -> bool:
        """
        Post one Event (``events.k8s.io/v1``); its name makes it post only once.

        Returns:
            Whether it was new.
        """
        namespace = quote(event["metadata"]["namespace"], safe="")
        try:
            await self._request("POST", "Event", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", event)
        except ConflictError:
            return False
        return True

    async def namespace_labels(self, name: str) -> Mapping[str, str]:
        """
        Read a namespace's labels.

        Raises:
            NotFoundError: It is not there.
        """
        answer = await self._request("GET", "Namespace", f"/api/v1/namespaces/{quote(name, safe='')}")
        labels: Mapping[str, str] = answer["metadata"].get("labels") or {}
        return labels

    async def read_object(self, resource: Literal["secrets", "configmaps"], namespace: str, name: str) -> Any:
        """
        Read a Secret or ConfigMap, now; nothing of it is kept or logged.

        Raises:
            NotFoundError: It is not there.
        """
        kind = {"secrets": "Secret", "configmaps": "ConfigMap"}[resource]
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/{resource}/{quote(name, safe='')}"
        return await self._request("GET", kind, path)

    async def request_token(self, namespace: str, name: str, *, audience: str, seconds: int) -> str:
        """
        Ask for a token of a ServiceAccount.

        Args:
            audience: For whom; empty for the API server itself.
            seconds: How long it shall be valid; the API server's least is 600.

        Raises:
            NotFoundError: There is no such ServiceAccount.
            ForbiddenError: Nobody has bound ``baton-engine-token`` to us there.
        """
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}/token"
        spec = {"expirationSeconds": seconds, **({"audiences": [audience]} if audience else {})}
        answer = await self._request("POST", "ServiceAccount", path, {"spec": spec})
        return str(answer["status"]["token"])

    async def serves(self, kinds: Sequence[Kind]) -> bool:
        """Say whether the API server serves all of *kinds*."""
        try:
            answer = await self._request("GET", "APIResourceList", BASE)
        except NotFoundError:
            return False
        return {PLURALS[kind] for kind in kinds} <= {each["name"] for each in answer["resources"]}

    async def _request(
        self,
        method: Literal["GET", "POST", "PATCH"],
        kind: str,
        path: str,
        body: Any = None,
        *,
        verb: str | None = None,
        content_type: str = "application/json",
    ) -> Any:
        code = "none"
        try:
            if self._session is None:
                self._session = self._connection.session()
            async with self._session.request(
                method,
                self._connection.server + path,
                data=None if body is None else orjson.dumps(body),
                headers={"Content-Type": content_type, "Accept": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                code = str(response.status)
                text = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{method} {_plain(path)}: {type(error).__name__}: {error}") from error
        finally:
            verb = verb or {"GET": "get", "POST": "create", "PATCH": "patch"}[method]
            self._metrics.kube_requests.labels(verb=verb, kind=kind, code=code).inc()
        if response.status >= 300:  # noqa: PLR2004 - every answer that is not a success
            raise _failure(response, text, f"{method} {_plain(path)}", content_type)
        # A patch answers with the whole object, which nobody reads.
        return None if method == "PATCH" else orjson.loads(text)


def _path(kind: Kind, namespace: str | None, name: str | None = None) -> str:
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{BASE}{where}/{PLURALS[kind]}" + (f"/{quote(name, safe='')}" if name else "")


def _plain(path: str) -> str:
    return path.partition("?")[0]


def _failure(response: aiohttp.ClientResponse, text: bytes, what: str, content_type: str) -> KubeError:
    """Tell what an answer means for the caller."""
    status = response.status
    details, said = _said(text)
    message = f"{what}: {status} {said[:500]}"
    if "request is too large" in said or status == 413:  # noqa: PLR2004 - etcd's limit comes as a 500 (K9)
        return TooLargeError(message, status=status)
    match status:
        case 401 | 403:
            return ForbiddenError(message, status=status)
        case 404:
            return NotFoundError(message, status=status)
        case 409 | 410:
            return ConflictError(message, status=status)
        case 422 if content_type == _JSON_PATCH and not details.get("causes"):
            return ReplacedError(message, status=status)  # a failed `test` names no field
        case 429 | 500 | 502 | 503 | 504:
            after = _retry_after(response.headers.get("Retry-After")) or details.get("retryAfterSeconds")
            return UnavailableError(message, status=status, retry_after=float(after) if after else None)
        case _:
            return InvalidError(message, status=status)


def _said(text: bytes) -> tuple[dict[str, Any], str]:
    try:
        answer = orjson.loads(text)
        return answer.get("details") or {}, str(answer.get("message", ""))
    except (orjson.JSONDecodeError, AttributeError):
        return {}, text[:500].decode(errors="replace")


def _retry_after(header: str | None) -> float | None:
    """Read seconds, or an HTTP date."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
