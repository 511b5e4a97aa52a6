"""
Argo's objects as a Kubernetes API server serves them, over the same state and ledger as the fake argo-server.

Written from what kube-apiserver 1.36 answered about Argo 4.0.2's kinds. It takes any Workflow, as the real one does:
what names no template, or lacks a parameter, ends as ``Error`` by the controller's hand.
"""

import base64
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from baton_fakes.argo_fields import selector
from baton_fakes.argo_state import ArgoState, RefusalError
from baton_fakes.argo_streams import movements
from baton_fakes.argo_workflows import FakeWorkflow

_VERSION = "argoproj.io/v1alpha1"
_GROUP = f"/apis/{_VERSION}"
_REASONS = {
    3: (422, "Invalid"),
    9: (400, "BadRequest"),
    5: (404, "NotFound"),
    6: (409, "AlreadyExists"),
    7: (403, "Forbidden"),
    10: (409, "Conflict"),
    16: (401, "Unauthorized"),
}
_PHASES = ("", "Running")
_BOOKMARK = 1.0


class KubeEndpoints:
    """The endpoints of the API server that concern Argo."""

    def __init__(self, state: ArgoState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        many = _GROUP + "/namespaces/{namespace}/workflows"
        one = many + "/{name}"
        return [
            web.get("/version", _version),
            web.post(many, self._create),
            web.get(many, self._list),
            web.get(one, self._get),
            web.patch(one, self._patch),
            web.delete(one, self._delete),
            web.get(_GROUP + "/namespaces/{namespace}/workflowtemplates/{name}", self._template),
            web.get(_GROUP + "/clusterworkflowtemplates/{name}", self._cluster_template),
            web.route("*", "/apis/{tail:.*}", _not_served),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        namespace, body = request.match_info["namespace"], orjson.loads(await request.read())
        metadata, spec = body["metadata"], body["spec"]
        reference = spec["workflowTemplateRef"]
        cluster = bool(reference.get("clusterScope"))
        templates = self._state.cluster_templates if cluster else self._state.templates
        key: Any = reference["name"] if cluster else (namespace, reference["name"])
        template = templates.get(key)
        options = {
            "name": metadata["name"],
            "labels": metadata.get("labels", {}),
            "annotations": metadata.get("annotations", {}),
        }
        parameters = {each["name"]: each["value"] for each in spec.get("arguments", {}).get("parameters", [])}
        unfit = _unfit(template, reference["name"], parameters)
        shape = template if template and not unfit else {"metadata": {"name": reference["name"]}, "spec": {}}
        workflow = self._state.make(namespace, shape, cluster, parameters, options)
        if unfit:
            workflow.forced = (time.time(), "Error", unfit)
        self._state.insert(workflow)
        return _json(self._whole(workflow, workflow.created), 201)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query, namespace, moment = request.query, request.match_info["namespace"], time.time()
        if query.get("watch") in {"1", "true"}:
            return await self._watch(request)
        wanted = selector(query.get("labelSelector", ""))
        found = sorted(self._state.seen(namespace, moment), key=lambda workflow: workflow.name)
        found = [workflow for workflow in found if wanted(workflow.labels_at(workflow.at(moment)))]
        begin = _start_of(query.get("continue", ""))
        rest = [workflow for workflow in found if workflow.name >= begin]
        limit = int(query.get("limit") or 0)
        page = rest[:limit] if limit else rest
        metadata: dict[str, Any] = {"resourceVersion": str(int(moment * 1e6))}
        if len(page) < len(rest):
            metadata["continue"] = base64.b64encode(orjson.dumps({"start": rest[len(page)].name})).decode()
        shape = self._partial if "as=PartialObjectMetadataList" in request.headers.get("Accept", "") else self._whole
        return _json({"kind": "List", "metadata": metadata, "items": [shape(each, moment) for each in page]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        """Write what moves after the given version, which is a moment here, until the time is up."""
        query, settings = request.query, self._state.settings
        since = int(query.get("resourceVersion") or 0) / 1e6
        if since < settings.oldest_version:
            return refusal(RefusalError(0, "too old resource version"), 410, "Expired")
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        moves = movements(
            self._state,
            request.match_info["namespace"],
            selector(query.get("labelSelector", "")),
            since=since,
            seconds=min(float(query.get("timeoutSeconds") or 1800), settings.watch),
        )
        spoken = time.monotonic()
        async for move in moves:
            if move is not None:
                event = {"type": move.type, "object": self._partial(move.workflow, move.moment)}
            elif time.monotonic() - spoken > _BOOKMARK:
                event = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(int(time.time() * 1e6))}}}
            else:
                continue
            await stream.write(orjson.dumps(event) + b"\n")
            spoken = time.monotonic()
        return stream

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return _json(self._whole(self._found(request), time.time()))

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        """Merge a patch; one with a resource version counts only for that version."""
        if request.content_type != "application/merge-patch+json":
            return refusal(RefusalError(0, "the body of the request was in an unknown format"), 415)
        workflow, now = self._found(request), time.time()
        patch = orjson.loads(await request.read())
        metadata, spec = patch.get("metadata", {}), patch.get("spec", {})
        if metadata.get("resourceVersion", _version_of(workflow, now)) != _version_of(workflow, now):
            raise RefusalError(
                10,
                f'Operation cannot be fulfilled on workflows.argoproj.io "{workflow.name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
            )
        workflow.annotations.update(metadata.get("annotations", {}))
        if spec.get("shutdown"):
            workflow.shutdowns.append((now, spec["shutdown"]))
        if spec.get("suspend"):
            self._state.suspend(workflow, now)
        elif "suspend" in spec:
            self._state.resume(workflow, now)
        self._state.touch(workflow)
        return _json(self._whole(workflow, now))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        workflow = self._found(request)
        self._state.delete(workflow)
        details = {"name": workflow.name, "group": "argoproj.io", "kind": "workflows", "uid": workflow.uid}
        return _json({"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details})

    async def _template(self, request: web.Request) -> web.StreamResponse:
        key = (request.match_info["namespace"], request.match_info["name"])
        if key not in self._state.templates:
            raise RefusalError(5, f'workflowtemplates.argoproj.io "{key[1]}" not found')
        return _json({"apiVersion": _VERSION, "kind": "WorkflowTemplate", **self._state.templates[key]})

    async def _cluster_template(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._state.cluster_templates:
            raise RefusalError(5, f'clusterworkflowtemplates.argoproj.io "{name}" not found')
        return _json({"apiVersion": _VERSION, "kind": "ClusterWorkflowTemplate", **self._state.cluster_templates[name]})

    def _found(self, request: web.Request) -> FakeWorkflow:
        return self._state.find(request.match_info["namespace"], request.match_info["name"])

    def _whole(self, workflow: FakeWorkflow, moment: float) -> dict[str, Any]:
        document = workflow.document(moment, template=self._state.template_of(workflow), whole=True)
        document["metadata"]["resourceVersion"] = _version_of(workflow, moment)
        del document["metadata"]["generateName"]
        if not workflow.parameters:
            del document["spec"]["arguments"]
        return {"apiVersion": _VERSION, "kind": "Workflow", **document}

    def _partial(self, workflow: FakeWorkflow, moment: float) -> dict[str, Any]:
        metadata = self._whole(workflow, moment)["metadata"]
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}


def _unfit(template: Mapping[str, Any] | None, name: str, parameters: Mapping[str, str]) -> str:
    """Say why the controller ends a workflow as soon as it sees it; empty if it does not."""
    if template is None:
        return f'workflowtemplates.argoproj.io "{name}" not found'
    declared = template["spec"].get("arguments", {}).get("parameters") or []
    lacking = [each["name"] for each in declared if len(each) == 1 and each["name"] not in parameters]
    return f"invalid spec: spec.arguments.{lacking[0]}.value is required" if lacking else ""


def refusal(error: RefusalError, status: int | None = None, reason: str = "") -> web.Response:
    """Word a refusal as the API server does."""
    code, word = _REASONS.get(error.code, (500, "InternalError"))
    code, word = status or code, reason or word
    document: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized" if word == "Unauthorized" else str(error),
        "reason": word,
        "code": code,
    }
    if match := re.search(r'(\w+)\.argoproj\.io "([^"]*)"', str(error), re.IGNORECASE):
        document["details"] = {"name": match[2], "group": "argoproj.io", "kind": match[1]}
    return _json(document, code)


def _version_of(workflow: FakeWorkflow, moment: float) -> str:
    """Return an object's resource version: it changes with each request and with each phase."""
    phase = workflow.at(moment).phase
    step = _PHASES.index(phase) if phase in _PHASES else len(_PHASES)
    return str(workflow.resource_version * 10 + step)


def _start_of(token: str) -> str:
    try:
        return str(orjson.loads(base64.b64decode(token, validate=True))["start"]) if token else ""
    except (ValueError, KeyError, TypeError) as error:
        raise RefusalError(9, f"invalid continue token: continue key is not valid: {error}") from error


async def _version(request: web.Request) -> web.StreamResponse:
    return _json({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})


async def _not_served(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404, text="404 page not found\n")


def _json(document: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), headers={"Content-Type": "application/json"})
