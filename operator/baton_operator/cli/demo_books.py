"""What an engine itself knows of the demo's Runs: asked of the engine, past Baton, to compare."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from baton_operator.cli.demo_script import DemoEngine
from baton_operator.cli.run_objects import Object, name_of

if TYPE_CHECKING:
    from baton_operator.local.api_server import ApiServer
    from baton_operator.local.stack import Stack

_WORKFLOWS = "/apis/argoproj.io/v1alpha1/workflows"
_RUN_UID = "baton.dev/run-uid"


class Books(NamedTuple):
    """
    An engine's own list.

    Attributes:
        engine: Whose.
        kind: What it calls one of its executions.
        names: Of the executions that belong to the Runs asked for.
    """

    engine: str
    kind: str
    names: list[str]


def books(engine: DemoEngine, stack: "Stack", server: "ApiServer", uids: Collection[str]) -> Books | None:
    """Read the engine's executions for the Runs with *uids*; None where the engine is Baton's own."""
    if engine is DemoEngine.ARGO:
        workflows: list[Object] = server.request("GET", _WORKFLOWS)["items"]
        ours = [each for each in workflows if (each["metadata"].get("labels") or {}).get(_RUN_UID) in uids]
        return Books("Argo", "Workflow", list(map(name_of, ours)))
    if engine is DemoEngine.AIRFLOW:
        from baton_operator.local.airflow import Airflow  # noqa: PLC0415 - only the extra `local` has this room

        runs = Airflow(stack.home, stack.say).dag_runs("baton-")
        ours = [each for each in runs if (each["conf"].get("baton") or {}).get("runUid") in uids]
        return Books("Airflow", "DAG run", [each["dag_run_id"] for each in ours])
    return None
