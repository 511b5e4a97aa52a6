"""Bad input is refused soon, with a reason and the field and the fix; nothing is sent, and the others go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from baton_spine.stage import Object, Stage, condition, shown

from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError, ServerFailed

#: Seconds to a refusal on a machine that has nothing else to do are two; these run beside other tests.
SOON = 5.0

BY_BATON = {
    "a parameter that its schema refuses": (
        {"automationRef": {"name": "strict"}, "parameters": {"secs": "soon"}},
        "InvalidParameters",
        "spec.parameters.secs",
    ),
    "a parameter that is missing": (
        {"automationRef": {"name": "strict"}, "parameters": {}},
        "InvalidParameters",
        "secs",
    ),
    "a batch that its schema refuses": (
        {
            "automationRef": {"name": "fleet"},
            "batches": {"inline": [{"name": "one", "payload": {"region": 5}, "items": [{"host": "a"}]}]},
        },
        "InvalidBatches",
        "spec.batches.inline[0].payload.region",
    ),
    "an item that its schema refuses": (
        {"automationRef": {"name": "fleet"}, "batches": {"inline": [{"name": "one", "items": [{"host": 7}]}]}},
        "InvalidBatches",
        "spec.batches.inline[0].items[0].host",
    ),
    "a batch that the Automation has not": (
        {"automationRef": {"name": "fleet"}, "batches": {"names": ["nope"]}},
        "InvalidBatches",
        "spec.batches.names",
    ),
    "an Automation that is not there": (
        {"automationRef": {"name": "nowhere"}},
        "AutomationNotFound",
        "spec.automationRef",
    ),
    "an Engine that is not there": ({"automationRef": {"name": "engineless"}}, "EngineNotFound", "engineRef"),
    "a CEL expression with a macro": ({"automationRef": {"name": "macro"}}, "InvalidArguments", "spec.arguments"),
    "an expression over 2 KiB": ({"automationRef": {"name": "wordy"}}, "InvalidArguments", "spec.arguments"),
    "a text that PostgreSQL cannot keep": (
        {"automationRef": {"name": "strict"}, "parameters": {"secs": "1s", "note": "a\0b"}},
        "InvalidParameters",
        "spec.parameters.note",
    ),
    "an Engine of a namespace that does not allow this one": (
        {"automationRef": {"name": "foreign"}},
        "RefNotPermitted",
        "spec.allowedNamespaces",
    ),
    "an Automation that is suspended": (
        {"automationRef": {"name": "suspended"}},
        "AutomationSuspended",
        "spec.suspend",
    ),
}

MANY = [{"name": "all", "items": [{"host": "h"}] * 5001}, {"name": "more", "items": [{"host": "h"}] * 5000}]
BY_THE_API_SERVER: Mapping[str, tuple[str, str, dict[str, Any], str]] = {
    "10,001 items": ("Run", "many", {"automationRef": {"name": "fleet"}, "batches": {"inline": MANY}}, "10,000 items"),
    "a name of 53 characters": ("Run", "n" * 53, {"automationRef": {"name": "strict"}}, "52"),
    "a duration of a day": (
        "Automation",
        "daily",
        {"engineRef": {"name": "argo"}, "target": {"argo": {"workflowTemplate": "nap"}}, "timeouts": {"run": "1d"}},
        "spec.timeouts.run",
    ),
}


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage], api_server: ApiServer) -> Iterator[Stage]:
    """One operator, and Automations that are good and bad."""
    stage = new_stage()
    other = f"{stage.namespace}-other"
    api_server.create_namespace(other)
    stage.engine_argo()
    stage.nap(
        "strict",
        parametersSchema={
            "type": "object",
            "required": ["secs"],
            "properties": {"secs": {"type": "string", "pattern": "^[0-9]+(ms|s)$"}},
        },
        arguments={"secs": "${parameters.secs}"},
    )
    stage.nap(
        "fleet",
        arguments={"secs": "100ms"},
        batchSchema={"type": "object", "properties": {"region": {"type": "string"}}},
        itemSchema={"type": "object", "properties": {"host": {"type": "string"}}},
        dispatch={"per": "Item"},
    )
    stage.nap("engineless", "no-such-engine")
    stage.nap("macro", arguments={"secs": "${[1, 2].all(x, x > 0)}"})
    stage.nap("wordy", arguments={"secs": "${'" + "x" * 2100 + "'}"})
    foreign = {"type": "Argo", "url": stage.argo_url}
    path = f"/apis/baton.dev/v1alpha1/namespaces/{other}/engines"
    body = {"apiVersion": "baton.dev/v1alpha1", "kind": "Engine", "metadata": {"name": "theirs"}, "spec": foreign}
    api_server.request("POST", path, body)
    stage.nap("foreign", engineRef={"name": "theirs", "namespace": other})
    stage.nap("suspended", suspend=True)
    stage.operator(BATON_NAMESPACES=f"{stage.namespace},{other}").wait_ready()
    stage.run("warm-up", "strict", secs="100ms")
    stage.ended("warm-up")
    yield stage
    api_server.delete_namespace(other)


def test_each_bad_run_of_a_batch_is_refused_and_the_good_ones_go_on(live: Stage) -> None:
    before = len(live.accepted())
    good = [f"good-{number}" for number in range(5)]
    made = {}
    for number, (spec, _, _) in enumerate(BY_BATON.values()):
        live.create("Run", f"bad-{number}", spec)
        made[f"bad-{number}"] = time.monotonic()
    for name in good:
        live.run(name, "strict", secs="100ms")
    took, ends = _refusals(live, made)
    for number, (spec, reason, field) in enumerate(BY_BATON.values()):
        status, got, message = condition(ends[f"bad-{number}"], "Accepted")
        assert (status, got) == ("False", reason), (spec, message)
        assert field in message
        assert condition(ends[f"bad-{number}"], "Completed")[0] == "True"
        assert ends[f"bad-{number}"]["phase"] == "Failed"
    assert max(took.values()) < SOON, took
    assert {shown(status) for status in live.ended(*good).values()} == {("Succeeded", "Succeeded")}
    assert len(live.accepted()) - before == len(good)
    live.check()


def _refusals(live: Stage, made: Mapping[str, float]) -> tuple[dict[str, float], dict[str, Object]]:
    took: dict[str, float] = {}

    def all_refused() -> dict[str, Object] | None:
        runs = live.runs()
        for name in made:
            if name not in took and condition(runs[name], "Accepted")[0] == "False":
                took[name] = time.monotonic() - made[name]
        return runs if took.keys() == made.keys() else None

    return took, live.until(all_refused, what="a refusal of each")


@pytest.mark.parametrize("case", BY_THE_API_SERVER)
def test_the_api_server_refuses_it_with_the_field_and_the_limit(case: str, live: Stage) -> None:
    kind, name, spec, hint = BY_THE_API_SERVER[case]
    with pytest.raises(ApiError) as refusal:
        live.create(kind, name, spec)  # type: ignore[arg-type]
    assert refusal.value.status == 422
    assert hint in str(refusal.value)


def test_kubectl_refuses_a_field_that_does_not_exist(live: Stage) -> None:
    manifest = {
        "apiVersion": "baton.dev/v1alpha1",
        "kind": "Run",
        "metadata": {"name": "typo"},
        "spec": {"automationRef": {"name": "strict"}, "parametres": {}},
    }
    with pytest.raises(ServerFailed, match="parametres"):
        live.server.kubectl("apply", "--namespace", live.namespace, "--filename=-", stdin=json.dumps(manifest))


def test_an_unknown_template_is_said_and_its_run_fails_with_the_engines_words(live: Stage) -> None:
    live.nap("no-template", target={"argo": {"workflowTemplate": "nope"}}, arguments={"secs": "1s"})
    live.until(
        lambda: condition(live.get("Automation", "no-template").get("status", {}), "Ready")[1] == "TargetNotFound"
    )
    assert "nope" in condition(live.get("Automation", "no-template")["status"], "Ready")[2]
    live.run("targetless", "no-template")
    status = live.ended("targetless")["targetless"]
    assert shown(status) == ("Failed", "EngineRejected")
    assert 'workflowtemplates.argoproj.io "nope" not found' in condition(status, "Succeeded")[2]
    live.check()
