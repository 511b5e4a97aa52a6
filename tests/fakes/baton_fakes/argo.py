"""
A fake argo-server, written from what 4.0.2 answered; the API server's view of the same objects is there, too.

Workflows end by themselves after the parameter ``secs`` (of the submit or the template), badly if ``fail`` is ``yes``.
Beside Argo's API and the controls that all fakes have (`baton_fakes.controls`) there are ``/_templates/NAMESPACE`` and
``/_end/NAMESPACE/NAME/PHASE`` (POST).

    python -m baton_fakes.argo --port 2746 --ledger /tmp/ledger.jsonl
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from baton_fakes import argo_kube
from baton_fakes.argo_fields import clean, clean_workflow, selector
from baton_fakes.argo_kube import KubeEndpoints
from baton_fakes.argo_state import VERBS, ArgoState, RefusalError
from baton_fakes.argo_streams import ServerEvents
from baton_fakes.controls import Controls, Handler, route_of

from baton_operator.engines.conformance import Ledger

_VERSION = {
    "version": "v0.0.0+unknown",
    "buildDate": "1970-01-01T00:00:00Z",
    "gitCommit": "",
    "gitTag": "",
    "gitTreeState": "",
    "goVersion": "go1.26.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_HEADERS = {"Content-Type": "application/json", "Grpc-Metadata-Content-Type": "application/grpc"}
_FAQ = "token not valid. see https://argo-workflows.readthedocs.io/en/latest/faq/"
#: gRPC's codes and the statuses that its gateway makes of them.
_STATUS = {3: 400, 5: 404, 6: 409, 7: 403, 12: 501, 13: 500, 14: 503, 16: 401}


class FakeArgo:
    """
    The server's state and endpoints; `app` makes an aiohttp application of it.

    Args:
        namespaces: In which the template ``nap`` exists.
        ledger: Where accepted submits are written down.
    """

    def __init__(self, namespaces: Iterable[str] = ("argo",), ledger: Ledger | None = None) -> None:
        self.state = ArgoState(namespaces, ledger)
        self._controls = Controls(self.state, self._work, route_of)
        self.faults, self.requests = self._controls.faults, self._controls.requests

    def app(self) -> web.Application:
        """Return the application; each call makes a new one over the same state."""
        app = self._controls.app()
        one, many = "/api/v1/workflows/{namespace}/{name}", "/api/v1/workflows/{namespace}"
        app.add_routes(
            [
                web.get("/api/v1/version", _version),
                web.post(many + "/submit", self._submit),
                web.get(many, self._list),
                web.get(one, self._get),
                web.get(one + "/log", self._log),
                web.delete(one, self._delete),
                *[web.put(f"{one}/{verb}", self._put(verb)) for verb in VERBS],
                web.get("/api/v1/workflow-templates/{namespace}/{name}", self._template),
                web.get("/api/v1/cluster-workflow-templates/{name}", self._cluster_template),
                web.get("/api/v1/cluster-workflow-templates", self._cluster_templates),
                web.get("/api/v1/workflow-events/{namespace}", ServerEvents(self.state).stream),
                *KubeEndpoints(self.state).routes(),
                web.post("/_templates/{namespace}", self._put_template),
                web.post("/_end/{namespace}/{name}/{phase}", self._end_by_hand),
                web.route("*", "/api/{tail:.*}", _not_implemented),
                web.get("/{tail:.*}", _user_interface),
            ]
        )
        return app

    async def _work(self, handler: Handler, request: web.Request) -> web.StreamResponse:
        try:
            self._authorize(request)
            return await handler(request)
        except RefusalError as refusal:
            if request.path == "/version" or request.path.startswith("/apis/"):
                return argo_kube.refusal(refusal)
            return _json({"code": refusal.code, "message": str(refusal)}, _STATUS[refusal.code])

    def _authorize(self, request: web.Request) -> None:
        """Behave as auth mode ``client``: without a token nothing is shown, a wrong one is seen when it is used."""
        if not self.state.settings.token:
            return
        given = request.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            raise RefusalError(16, _FAQ)
        if given != f"Bearer {self.state.settings.token}" and request.path != "/api/v1/version":
            raise RefusalError(16, "Unauthorized")

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        namespace = request.match_info["namespace"]
        body = _body(await request.read())
        options = body.get("submitOptions") or {}
        template, cluster = self.state.resource(namespace, body)
        workflow = self.state.make(namespace, template, cluster, _pairs(options.get("parameters") or []), options)
        if not (options.get("serverDryRun") or options.get("dryRun")):
            self.state.insert(workflow)
        document = workflow.document(workflow.created, template=template, whole=True)
        if options.get("serverDryRun"):
            del document["metadata"]["resourceVersion"]
        return _json(document)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        namespace, query = request.match_info["namespace"], request.query
        moment = time.time() - self.state.settings.list_lag
        try:
            wanted = selector(query.get("listOptions.labelSelector", ""))
        except ValueError as error:
            raise RefusalError(3, str(error)) from error
        limit, offset = int(query.get("listOptions.limit") or 0), _offset(query.get("listOptions.continue", ""))
        counted = "ext.showRemainingItemCount=true" in query.get("listOptions.fieldSelector", "")
        found = [
            workflow
            for workflow in self.state.seen(namespace, moment)
            if wanted(workflow.labels_at(workflow.at(moment)))
        ]
        page = found[offset : offset + limit] if limit else found[offset:]
        metadata: dict[str, Any] = {"resourceVersion": str(self.state.version)}
        remaining = len(found) - offset - len(page)
        if counted and remaining > 0:
            metadata |= {"continue": str(offset + len(page)), "remainingItemCount": remaining}
        fields = query.get("fields", "")
        whole = not fields or "items.status.nodes" in fields
        item_fields = ",".join(f.removeprefix("items.") for f in fields.split(",") if f.startswith("items."))
        items = [
            clean_workflow(
                workflow.document(moment, template=self.state.template_of(workflow), whole=whole), item_fields
            )
            for workflow in page
            if not fields or item_fields
        ]
        top = {"metadata": clean(metadata, ",".join(f.removeprefix("metadata.") for f in fields.split(",")))}
        return _json({**(top if fields else {"metadata": metadata}), "items": items or None})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        workflow = self.state.find(request.match_info["namespace"], request.match_info["name"])
        document = workflow.document(time.time(), template=self.state.template_of(workflow), whole=True)
        return _json(clean_workflow(document, request.query.get("fields", "")))

    async def _log(self, request: web.Request) -> web.StreamResponse:
        """Answer one line of JSON for each line of log; a workflow without pods has none."""
        workflow = self.state.find(request.match_info["namespace"], request.match_info["name"])
        lines = [f"line {number} of {workflow.name}" for number in (1, 2)] if workflow.has_pods else []
        entries = [{"result": {"content": line, "podName": f"{workflow.name}-pod"}} for line in lines]
        return web.Response(
            body=b"".join(orjson.dumps(entry) + b"\n" for entry in entries), content_type="application/json"
        )

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        workflow = self.state.find(request.match_info["namespace"], request.match_info["name"])
        self.state.delete(workflow)
        return _json({})

    def _put(self, verb: str) -> Handler:
        act = VERBS[verb]

        async def put(request: web.Request) -> web.StreamResponse:
            _body(await request.read())
            workflow = self.state.find(request.match_info["namespace"], request.match_info["name"])
            shown = act(self.state, workflow, time.time()) or workflow
            self.state.touch(workflow)
            return _json(shown.document(time.time(), template=self.state.template_of(workflow), whole=True))

        return put

    async def _template(self, request: web.Request) -> web.StreamResponse:
        key = (request.match_info["namespace"], request.match_info["name"])
        if key not in self.state.templates:
            raise RefusalError(5, f'workflowtemplates.argoproj.io "{key[1]}" not found')
        return _json(self.state.templates[key])

    async def _cluster_template(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self.state.cluster_templates:
            raise RefusalError(5, f'clusterworkflowtemplates.argoproj.io "{name}" not found')
        return _json(self.state.cluster_templates[name])

    async def _cluster_templates(self, request: web.Request) -> web.StreamResponse:
        items = list(self.state.cluster_templates.values()) or None
        return _json({"metadata": {"resourceVersion": str(self.state.version)}, "items": items})

    async def _put_template(self, request: web.Request) -> web.StreamResponse:
        self.state.add_template(request.match_info["namespace"], _body(await request.read()))
        return _json({})

    async def _end_by_hand(self, request: web.Request) -> web.StreamResponse:
        self.state.end(**request.match_info)
        return _json({})


async def _version(request: web.Request) -> web.StreamResponse:
    return _json(_VERSION)


async def _not_implemented(request: web.Request) -> web.StreamResponse:
    raise RefusalError(12, "Not Implemented")


async def _user_interface(request: web.Request) -> web.StreamResponse:
    """Answer any other path with the web page, as the server does: 200."""
    return web.Response(text="<!doctype html><title>Argo</title>", content_type="text/html")


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), headers=_HEADERS)


def _body(raw: bytes) -> dict[str, Any]:
    """Read a request's body; none is an empty one."""
    try:
        document = orjson.loads(raw or b"{}")
    except ValueError as error:
        raise RefusalError(3, str(error)) from error
    if not isinstance(document, dict):
        raise RefusalError(3, "json: cannot unmarshal into Go value")
    return document


def _pairs(parameters: list[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts."""
    for parameter in parameters:
        if "=" not in parameter:
            raise RefusalError(13, f"expected parameter of the form: NAME=VALUE. Received: {parameter}")
    return dict(parameter.split("=", 1) for parameter in parameters)


def _offset(text: str) -> int:
    if text and not text.isdigit():
        raise RefusalError(3, "listOptions.continue must be int")
    return int(text or 0)


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2746)
    parser.add_argument("--ledger", type=Path, help="also written there, one JSON object a line")
    parser.add_argument("--namespace", action="append", help="with the template nap; may be repeated (default: argo)")
    arguments = parser.parse_args()
    fake = FakeArgo(arguments.namespace or ["argo"], Ledger(arguments.ledger))
    web.run_app(fake.app(), host=arguments.host, port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
