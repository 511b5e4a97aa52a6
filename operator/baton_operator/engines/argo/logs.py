"""
Logs of a workflow: its pods' lines, or its nodes' messages where it has no pod.

The endpoint begins anew at each call and writes one JSON object a line, ``{"result": {"podName", "content"}}``; the
cursor therefore counts lines that were handed on.
"""

import msgspec

from baton_operator.engines.argo.server import ArgoServer
from baton_operator.engines.argo.workflow import Workflow, status_of
from baton_operator.engines.options import LogPage

#: Bytes of log that are read at most.
LOG_LIMIT = 4 * 1024 * 1024


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    content: str = ""
    pod_name: str = ""


class _Entry(msgspec.Struct, frozen=True):
    result: _Line | None = None


async def read_logs(api: ArgoServer, namespace: str, workflow: Workflow, cursor: str | None) -> LogPage:
    """Return the lines after *cursor*, which is a number of lines; anything else means from the beginning."""
    if any(node.type == "Pod" for node in workflow.nodes):
        answer = await api.log(namespace, workflow.metadata.name, LOG_LIMIT)
        lines = _lines(answer.body)
    else:
        lines = _messages(workflow)
    begin = int(cursor) if cursor is not None and cursor.isascii() and cursor.isdigit() else 0
    fresh = [api.http.clean(line, 4000) for line in lines[begin:]]
    more = not status_of(workflow)[0].is_finished
    return LogPage(text="".join(f"{line}\n" for line in fresh), cursor=str(begin + len(fresh)), more=more)


def _lines(body: bytes) -> list[str]:
    """Read the endpoint's lines; one that is cut or no such JSON is left out."""
    lines = []
    for raw in body.splitlines():
        try:
            entry = msgspec.json.decode(raw, type=_Entry)
        except (ValueError, RecursionError):
            continue
        if entry.result is not None:
            lines.append(f"{entry.result.pod_name}: {entry.result.content}")
    return lines


def _messages(workflow: Workflow) -> list[str]:
    """Write one line a node that says something or has ended, in the order of their beginnings."""
    begun = [node for node in workflow.nodes if node.started_at is not None and (node.message or node.finished_at)]
    begun.sort(key=lambda node: (node.started_at, node.id))
    return [
        f"{node.started_at:%Y-%m-%dT%H:%M:%SZ} {node.display_name or node.name} {node.phase} {node.message}".rstrip()
        for node in begun
    ]
