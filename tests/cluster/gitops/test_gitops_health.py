"""What Argo CD, Flux and `kubectl wait` read from Baton's objects, in every state that these can be in."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cel
import pytest
import yaml
from baton_spine.stage import Stage
from lupa import lua51

from baton_operator.local.binaries import kubectl

Object = dict[str, Any]
INTEGRATIONS = Path(__file__).parents[3] / "integrations"
NOWHERE = "http://127.0.0.1:1"

#: For each object: what Argo CD shows, which of Flux's three expressions holds, and what the words tell.
RUNS = {
    "good": ("Healthy", "current", "Succeeded"),
    "bad": ("Degraded", "failed", "Failed"),
    "long": ("Progressing", "inProgress", "Running"),
    "refused": ("Degraded", "failed", "InvalidParameters"),
    "stopped": ("Healthy", "current", "Cancelled"),
    "paused": ("Suspended", "inProgress", "Suspended"),
    "waiting": ("Progressing", "inProgress", "Queued"),
}
AUTOMATIONS = {
    "nap": ("Healthy", "current", "Valid"),
    "resting": ("Suspended", "current", "Suspended"),
    "untargeted": ("Degraded", "inProgress", "TargetNotFound"),
    "wrong": ("Degraded", "failed", "InvalidSchema"),
}
ENGINES = {
    "argo": ("Healthy", "current", "ProbeSucceeded"),
    "away": ("Degraded", "inProgress", "ProbeFailed"),
    "odd": ("Degraded", "failed", "InvalidSpec"),
}
ALL = [
    (kind, name) for kind, named in (("Run", RUNS), ("Automation", AUTOMATIONS), ("Engine", ENGINES)) for name in named
]


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage]) -> Stage:
    """One object in each state, as an operator left it."""
    stage = new_stage()
    stage.engine_argo()
    stage.create("Engine", "away", {"type": "Argo", "url": NOWHERE})
    stage.create("Engine", "odd", {"type": "Nonsense", "url": NOWHERE})
    stage.nap(parametersSchema={"type": "object", "required": ["secs"]})
    stage.nap("resting", suspend=True)
    stage.nap("nap-away", "away")
    stage.nap("wrong", parametersSchema={"type": "nothing"})
    stage.create(
        "Automation", "untargeted", {"engineRef": {"name": "argo"}, "target": {"argo": {"workflowTemplate": "no"}}}
    )
    stage.run("good")
    stage.run("bad", fail="yes")
    stage.run("long", secs="10m")
    stage.create("Run", "refused", {"automationRef": {"name": "nap"}, "parameters": {}})
    stage.run("stopped", secs="10m")
    stage.run("paused", spec={"state": "Suspended"})
    stage.run("waiting", "nap-away")
    stage.operator().wait_ready()
    stage.phase("stopped", "Running")
    stage.patch("Run", "stopped", {"state": "Cancelled"})
    for kind, name in ALL:
        wanted = (RUNS | AUTOMATIONS | ENGINES)[name][2]
        stage.until(
            lambda kind=kind, name=name, wanted=wanted: wanted in _reasons(stage.get(kind, name)),
            what=f"{name}: {wanted}",
        )
    return stage


def _reasons(found: Object) -> set[str]:
    return {each["reason"] for each in found.get("status", {}).get("conditions", ())}


@pytest.fixture(scope="module")
def argo_cd() -> Callable[[Object], tuple[str, str]]:
    """Gives what Argo CD shows of an object; it runs such scripts in Lua 5.1, with the object as `obj`."""
    settings = yaml.safe_load((INTEGRATIONS / "argo-cd" / "argocd-cm.yaml").read_text())
    customizations = yaml.safe_load(settings["data"]["resource.customizations"])
    script = customizations["baton.dev/*"]["health.lua"]

    def health(found: Object) -> tuple[str, str]:
        lua = lua51.LuaRuntime(unpack_returned_tuples=True)
        lua.globals().obj = lua.table_from(found, recursive=True)
        shown = lua.execute(script)
        return shown["status"], shown["message"]

    return health


@pytest.fixture(scope="module")
def flux() -> Callable[[Object], list[str]]:
    """Gives which of the three expressions of an object's kind hold; each sees the object's own fields."""
    document = yaml.safe_load((INTEGRATIONS / "flux" / "kustomization.yaml").read_text())
    checks: dict[str, Mapping[str, str]] = {each["kind"]: each for each in document["spec"]["healthCheckExprs"]}

    def holding(found: Object) -> list[str]:
        expressions = checks[found["kind"]]
        fields = {"status": {}, **found}
        return [each for each in ("inProgress", "failed", "current") if cel.evaluate(expressions[each], fields) is True]

    return holding


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_argo_cd_and_flux_tell_each_state(
    live: Stage,
    argo_cd: Callable[[Object], tuple[str, str]],
    flux: Callable[[Object], list[str]],
    kind: Any,
    name: str,
) -> None:
    """Argo CD shows the health and Baton's own words; exactly one of Flux's expressions holds."""
    found = live.get(kind, name)
    health, expression, words = (RUNS | AUTOMATIONS | ENGINES)[name]
    shown, message = argo_cd(found)
    assert (shown, flux(found)) == (health, [expression]), found["status"]
    assert message.startswith(f"{words}: ")


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_what_baton_has_not_seen_yet_is_in_progress(
    live: Stage,
    argo_cd: Callable[[Object], tuple[str, str]],
    flux: Callable[[Object], list[str]],
    kind: Any,
    name: str,
) -> None:
    """A new object, and one whose latest change was not taken up: what it showed before is no answer."""
    found = live.get(kind, name)
    unseen = {field: value for field, value in found.items() if field != "status"}
    changed = copy.deepcopy(found)
    changed["metadata"]["generation"] += 1
    for each in (unseen, changed):
        assert (argo_cd(each)[0], flux(each)) == ("Progressing", ["inProgress"])


@pytest.mark.parametrize(
    ("what", "condition"),
    [
        ("run/good", "Completed"),
        ("run/good", "Succeeded"),
        ("run/good", "Recorded"),
        ("run/bad", "Completed"),
        ("run/bad", "Succeeded=false"),
        ("run/bad", "Stalled"),
        ("run/stopped", "Completed"),
        ("run/refused", "Accepted=false"),
        ("run/long", "Reconciling"),
        ("automation/nap", "Ready"),
        ("automation/wrong", "Stalled"),
        ("automation/untargeted", "TargetResolved=false"),
        ("engine/argo", "Ready"),
        ("engine/odd", "Stalled"),
    ],
)
def test_kubectl_waits_for_conditions(live: Stage, what: str, condition: str) -> None:
    """The real one, as a pipeline calls it."""
    done = _wait(live, what, f"--for=condition={condition}", "--timeout=10s")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{what.replace('/', '.baton.dev/')} condition met\n"


def test_kubectl_does_not_take_a_running_run_for_an_ended_one(live: Stage) -> None:
    """It waits as long as it was told to."""
    done = _wait(live, "run/long", "--for=condition=Completed", "--timeout=1s")
    assert done.returncode == 1
    assert "timed out" in done.stderr


def _wait(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    command = [kubectl(), "--kubeconfig", stage.server.path, "-n", stage.namespace, "wait", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
