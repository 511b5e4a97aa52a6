"""What every CEL rule of the three kinds accepts and refuses, as specs around its message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A rule's message, and specs on both sides of it."""

    kind: str
    message: str
    accepted: list[Spec]
    refused: list[Spec]


def argo(**spec: Any) -> Spec:
    return {"type": "Argo", "url": "https://argo.example"} | spec


def objects(kubernetes: Spec, **spec: Any) -> Spec:
    return {"type": "Argo", "kubernetes": kubernetes} | spec


def automation(**spec: Any) -> Spec:
    return {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "demo.hello"}}} | spec


def run(**spec: Any) -> Spec:
    return {"automationRef": {"name": "hello"}} | spec


def engine_duration(block: str, field: str, said: str, accepted: list[str], refused: list[str], **beside: str) -> Case:
    return Case(
        "Engine",
        f"spec.{block}.{field} is not a duration from {said} (units ms, s, m, h)",
        [argo(**{block: {field: each, **beside}}) for each in accepted],
        [argo(**{block: {field: each}}) for each in refused],
    )


def timeout(field: str, said: str, accepted: list[str], refused: list[str]) -> Case:
    return Case(
        "Automation",
        f"spec.timeouts.{field} is not a duration from {said}",
        [automation(timeouts={field: each}) for each in accepted],
        [automation(timeouts={field: each}) for each in refused],
    )


def backoff(field: str, message: str, accepted: list[str], refused: list[str], **beside: str) -> Case:
    return Case(
        "Automation",
        f"spec.retry.backoff.{field} {message}",
        [automation(retry={"backoff": {field: each, **beside}}) for each in accepted],
        [automation(retry={"backoff": {field: each}}) for each in refused],
    )


def hook_timeout(hook: str) -> Case:
    return Case(
        "Automation",
        f"spec.hooks.{hook}.timeout is not a duration from 1s to 5m: write for example 30s (units ms, s, m, h)",
        [automation(hooks={hook: {"task": "t", "timeout": each}}) for each in ("1s", "1m30s", "5m")],
        [automation(hooks={hook: {"task": "t", "timeout": each}}) for each in (*NO_DURATION, "999ms", "301s")],
    )


def items(*counts: int) -> list[Spec]:
    return [{"name": f"batch-{index}", "items": [{}] * count} for index, count in enumerate(counts)]


NO_DURATION = ["1d", "P1D", "", "10", "1.5h", "-1s", "1000000s", "99999999999999h"]
SECRET = {"secretRef": {"name": "bot"}}
KUBECONFIG = {"kubeconfigSecretRef": {"name": "there"}}
ALL_AUTHS = {"basic": SECRET, "bearer": SECRET, "serviceAccount": {"name": "bot"}}

CASES = [
    Case(
        "Engine",
        "spec.url is missing: set the engine's address, for example https://argo.example, or spec.kubernetes for an "
        "engine of Kubernetes objects; only type Embedded has neither",
        [argo(), {"type": "Embedded"}, {"type": "Acme", "url": "http://acme"}],
        [{"type": "Argo"}, {"type": "Acme"}],
    ),
    Case(
        "Engine",
        "spec.url, spec.kubernetes, spec.auth and spec.tls do not apply to type Embedded, which runs tasks inside "
        "Baton: remove them",
        [{"type": "Embedded"}, argo(auth={"basic": SECRET}, tls={})],
        [
            {"type": "Embedded", "url": "https://x"},
            {"type": "Embedded", "kubernetes": KUBECONFIG},
            {"type": "Embedded", "auth": {"basic": SECRET}},
            {"type": "Embedded", "tls": {}},
        ],
    ),
    Case(
        "Engine",
        "spec.url and spec.kubernetes exclude each other: keep the one that leads to the engine",
        [objects(KUBECONFIG), objects({"inCluster": True}, auth={"serviceAccount": {"name": "baton"}}), argo()],
        [argo(kubernetes=KUBECONFIG)],
    ),
    Case(
        "Engine",
        "spec.kubernetes does not apply to types Airflow and Jenkins, which answer at an address: set spec.url instead",
        [objects(KUBECONFIG), objects(KUBECONFIG, type="Acme")],
        [objects(KUBECONFIG, type="Jenkins"), objects(KUBECONFIG, type="Airflow")],
    ),
    Case(
        "Engine",
        "spec.kubernetes needs exactly one of inCluster and kubeconfigSecretRef: keep one",
        [objects(KUBECONFIG), objects({"kubeconfigSecretRef": {"name": "a", "key": "config"}})],
        [objects({}), objects({"inCluster": True} | KUBECONFIG)],
    ),
    Case(
        "Engine",
        "spec.kubernetes.inCluster needs spec.auth.serviceAccount: name a ServiceAccount of the Engine's namespace, "
        "because Baton never lends its own identity",
        [objects({"inCluster": True}, auth={"serviceAccount": {"name": "baton"}})],
        [objects({"inCluster": True}), objects({"inCluster": True}, auth={"bearer": SECRET})],
    ),
    Case(
        "Engine",
        "spec.auth does not apply beside spec.kubernetes.kubeconfigSecretRef, since the kubeconfig says who Baton is: "
        "remove it",
        [objects(KUBECONFIG)],
        [objects(KUBECONFIG, auth={"serviceAccount": {"name": "baton"}}), objects(KUBECONFIG, auth={"bearer": SECRET})],
    ),
    Case(
        "Engine",
        "spec.tls does not apply beside spec.kubernetes: write authority and client certificate into the kubeconfig; "
        "those of Baton's own cluster are known",
        [objects(KUBECONFIG)],
        [objects(KUBECONFIG, tls={"caRef": {"configMap": "ca"}})],
    ),
    Case(
        "Engine",
        "spec.url is not an http or https address: write scheme and host, for example https://argo.example:2746",
        [argo(url=url) for url in ("http://a", "https://a.b:2746/base/path", "https://[::1]:2746")],
        [argo(url=url) for url in ("ftp://a", "argo.example", "https:///path", "file:///etc/passwd", "/path")],
    ),
    Case(
        "Engine",
        "spec.url holds a user or password: put it into a Secret and name that in spec.auth",
        [argo(url="https://a.example")],
        [argo(url=url) for url in ("https://user:word@a.example", "https://user@a.example/")],
    ),
    Case(
        "Engine",
        "spec.url has a query or fragment: keep only scheme, host, port and path",
        [argo(url="https://a.example/p")],
        [argo(url=url) for url in ("https://a.example/?token=1", "https://a.example/#x")],
    ),
    Case(
        "Engine",
        "spec.auth needs exactly one of basic, bearer and serviceAccount: keep one",
        [argo(auth={way: given}) for way, given in ALL_AUTHS.items()],
        [argo(auth={}), argo(auth={"basic": SECRET, "bearer": SECRET}), argo(auth=ALL_AUTHS)],
    ),
    Case(
        "Engine",
        "spec.limits.maxInFlightPerNamespace is greater than maxInFlight: lower it, or raise maxInFlight",
        [argo(limits={"maxInFlight": 5, "maxInFlightPerNamespace": 5}), argo(limits={"maxInFlightPerNamespace": 50})],
        [argo(limits={"maxInFlight": 5, "maxInFlightPerNamespace": 6}), argo(limits={"maxInFlightPerNamespace": 51})],
    ),
    Case(
        "Engine",
        "spec.tracking.idleInterval is shorter than interval: raise idleInterval, or lower interval",
        [argo(tracking={"interval": "1m"}), argo(tracking={"interval": "5s", "idleInterval": "5000ms"})],
        [argo(tracking={"interval": "61s"}), argo(tracking={"idleInterval": "9s"})],
    ),
    Case(
        "Engine",
        "spec.submission.memory is not longer than visibilityLag: raise memory",
        [argo(submission={"memory": "31m", "visibilityLag": "30m"})],
        [argo(submission={"memory": "30m", "visibilityLag": "30m"})],
    ),
    engine_duration(
        "tracking",
        "interval",
        "1s to 1h: write for example 10s",
        ["1s", "1000ms", "1m30s", "1h"],
        [*NO_DURATION, "999ms", "0s", "3601s"],
        idleInterval="1h",
    ),
    engine_duration(
        "tracking", "idleInterval", "1s to 1h: write for example 1m30s", ["1h", "10s"], [*NO_DURATION, "999ms", "61m"]
    ),
    Case(
        "Engine",
        'spec.circuitBreaker.failureRatio is not a number over 0, up to 1: write for example "0.5"',
        [argo(circuitBreaker={"failureRatio": ratio}) for ratio in ("0.5", "1", "1.0", "0.001")],
        [argo(circuitBreaker={"failureRatio": ratio}) for ratio in ("0", "0.0", "1.01", "50%", "-0.5", ".5", "")],
    ),
    engine_duration(
        "circuitBreaker",
        "window",
        "10s to 1h: write for example 1m30s",
        ["10s", "90s", "1h"],
        [*NO_DURATION, "9s", "61m"],
    ),
    engine_duration(
        "circuitBreaker", "openFor", "1s to 1h: write for example 30s", ["1s", "1h"], [*NO_DURATION, "999ms", "61m"]
    ),
    engine_duration(
        "submission", "visibilityLag", "0s to 1h: write for example 30s", ["0s", "1h"], [*NO_DURATION, "1h1ms"]
    ),
    engine_duration(
        "submission", "memory", "1m to 8760h: write for example 36h", ["1m", "8760h"], [*NO_DURATION, "59s", "8761h"]
    ),
    Case(
        "Automation",
        "spec.target needs exactly one of its fields: keep the one that fits the Engine's type",
        [
            automation(),
            automation(target={"argo": {"workflowTemplate": "x"}}),
            automation(target={"custom": {"job": "nap", "of": [{"any": "shape"}]}}),
            automation(target={"airflow": {"dag": "sales.daily_load-2"}}),
            automation(target={"jenkins": {"job": ["team", "two words", "feature/x"], "unstable": "Succeeded"}}),
        ],
        [
            automation(target={}),
            automation(target={"embedded": {"task": "t"}, "argo": {"workflowTemplate": "x"}}),
            automation(target={"custom": {"job": "nap"}, "embedded": {"task": "t"}}),
            automation(target={"airflow": {"dag": "d"}, "argo": {"workflowTemplate": "x"}}),
            automation(target={"jenkins": {"job": ["nap"]}, "embedded": {"task": "t"}}),
        ],
    ),
    Case(
        "Automation",
        "spec.target.argo needs exactly one of workflowTemplate and clusterWorkflowTemplate: keep one",
        [automation(target={"argo": {"clusterWorkflowTemplate": "x", "namespace": "n", "entrypoint": "e"}})],
        [
            automation(target={"argo": {}}),
            automation(target={"argo": {"workflowTemplate": "x", "clusterWorkflowTemplate": "x"}}),
        ],
    ),
    Case(
        "Automation",
        "spec.target.jenkins.job has a name of nothing but dots and blanks, or with a control character: write the "
        "names as Jenkins shows them",
        [
            automation(target={"jenkins": {"job": ["a", name]}})
            for name in ("b", "žluť", ".b", "..b", "b c", "f/x", "%")
        ],
        [automation(target={"jenkins": {"job": [name, "a"]}}) for name in (".", "..", " ", " ..", "a\nb", "a\x7f")],
    ),
    Case(
        "Automation",
        "spec.batches holds more than 10,000 items: spread them over several Automations, or let Runs bring their own",
        [
            automation(batches=items(10_000)),
            automation(batches=items(9_999, 1, 0)),
            automation(batches=[{"name": "a"}]),
        ],
        [automation(batches=items(9_999, 2))],
    ),
    Case(
        "Automation",
        'spec.dispatch.maxFailures is neither a number from 0 to 10000 nor a percentage: write for example 3 or "5%"',
        [automation(dispatch={"maxFailures": each}) for each in (0, 3, 10_000, "0%", "5%", "99%", "100%")],
        [automation(dispatch={"maxFailures": each}) for each in (-1, 10_001, "5", "101%", "05%", "many", "")],
    ),
    Case(
        "Automation",
        "spec.arguments has a name that no engine takes: use letters, digits, '_', '-' and '.', a letter or '_' first, "
        "at most 128 characters",
        [automation(arguments={"a": "", "_B.c-9": "${item.host}", "x" * 128: "x" * 4096}), automation(arguments={})],
        [automation(arguments={each: "x"}) for each in ("", "a=b", "1a", "a b", "ä", "x" * 129)],
    ),
    backoff(
        "initial",
        "is not a duration from 0s to 24h: write for example 30s (units ms, s, m, h)",
        ["0s", "24h"],
        [*NO_DURATION, "25h"],
        max="24h",
    ),
    backoff(
        "max",
        "is not a duration from 0s to 24h: write for example 30m (units ms, s, m, h)",
        ["30s", "24h"],
        [*NO_DURATION, "24h1s"],
    ),
    backoff("max", "is shorter than initial: raise max, or lower initial", ["30s"], ["29s"]),
    backoff(
        "factor",
        'is not a number from 1 to 10: write for example "1.5"',
        ["1", "1.5", "10.0"],
        ["0.9", "10.1", "", "two", "-2", "1e1"],
    ),
    timeout(
        "queued",
        "1s to 8760h: write for example 1h (units ms, s, m, h), or leave it out for none",
        ["1s", "8760h"],
        [*NO_DURATION, "0s", "8761h"],
    ),
    timeout(
        "run",
        "1s to 8760h: write for example 1h30m (units ms, s, m, h), or leave it out for none",
        ["1s", "8760h"],
        [*NO_DURATION, "0s", "8761h"],
    ),
    timeout(
        "cancel", "1s to 24h: write for example 5m (units ms, s, m, h)", ["1s", "24h"], [*NO_DURATION, "0s", "25h"]
    ),
    hook_timeout("onStart"),
    hook_timeout("onTransition"),
    hook_timeout("onFinish"),
    Case(
        "Run",
        "spec.action is missing beside spec.parentRunRef: say what the Run is to its parent, for example retry, "
        "correct or approve",
        [run(parentRunRef={"name": "first"}, action="correct"), run(action="create"), run()],
        [run(parentRunRef={"name": "first"})],
    ),
    Case(
        "Run",
        "spec.batches needs exactly one of names and inline: keep one",
        [run(batches={"names": ["a"]}), run(batches={"inline": [{"name": "a"}]}), run()],
        [run(batches={}), run(batches={"names": ["a"], "inline": [{"name": "a"}]})],
    ),
    Case(
        "Run",
        "spec.batches.inline holds more than 10,000 items: spread them over several Runs",
        [run(batches={"inline": items(5_000, 5_000)})],
        [run(batches={"inline": items(5_000, 5_001)})],
    ),
]
