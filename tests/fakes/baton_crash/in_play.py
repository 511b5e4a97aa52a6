"""Engines that the crash proof plays with: how work is described for each, and what its own books say."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from baton_fakes.airflow import FakeAirflow
from baton_fakes.airflow_dags import NAP
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_security import ADMIN_TOKEN
from baton_spine.stage import QUICK, Stage
from baton_spine.theatre import Theatre

from baton_operator.engines.conformance import Fault, serving_in_thread
from baton_operator.invariants import LedgerEntry

Address = tuple[str, int]


class InPlay(Protocol):
    """
    One kind of engine, shared by all stages: what is in a stage's namespace there is the stage's own.

    Attributes:
        type: As an Engine's spec names it.
        address: Host and port of the fake.
    """

    type: str
    address: Address

    def engine(self, stage: Stage, url: str) -> None:
        """Make the Engine ``engine`` at *url*, quick to look and to poll, and what it needs there and here."""

    def work(self, stage: Stage, *, ms: str, fail: str) -> dict[str, Any]:
        """
        Give target and arguments of work.

        Args:
            ms: A CEL expression of the milliseconds it takes.
            fail: A CEL expression of ``yes``, if it fails then, or ``no``.
        """

    def rejecting(self, stage: Stage) -> dict[str, Any]:
        """Give a target of which the engine refuses every submit, and can tell that nothing of it is there."""

    def lose_answer(self, stage: Stage) -> None:
        """Have the next submit of this stage done, and its answer lost."""

    def books(self, stage: Stage) -> Sequence[LedgerEntry]:
        """Give what the engine has accepted of this stage, by its own books."""


class ArgoInPlay:
    """The fake Argo that every stage has."""

    type = "Argo"

    def __init__(self, address: Address) -> None:
        self.address = address

    def engine(self, stage: Stage, url: str) -> None:
        """Make the Engine and the template."""
        stage.engine_argo("engine", url=url)

    def work(self, stage: Stage, *, ms: str, fail: str) -> dict[str, Any]:
        """Give the template ``nap``."""
        arguments = {"secs": f"${{string({ms})}}ms", "fail": f"${{{fail}}}"}
        return {"target": {"argo": {"workflowTemplate": "nap"}}, "arguments": arguments}

    def rejecting(self, stage: Stage) -> dict[str, Any]:
        """Give a template that nobody made."""
        return {"target": {"argo": {"workflowTemplate": "nowhere"}}}

    def lose_answer(self, stage: Stage) -> None:
        """Cut the connection behind the work."""
        stage.spoil("work-then-drop", method="POST", times=1)

    def books(self, stage: Stage) -> Sequence[LedgerEntry]:
        """Read the fake's ledger."""
        return stage.ledger()


class JenkinsInPlay:
    """A fake Jenkins with a folder for each stage; what nobody can tell is sent again when it is safe."""

    type = "Jenkins"

    def __init__(self, fake: FakeJenkins, address: Address) -> None:
        self.fake = fake
        self.address = address

    def engine(self, stage: Stage, url: str) -> None:
        """Make the jobs in the stage's folder, the Secret, and the Engine."""
        self.fake.state.add_job(f"{stage.namespace}/nap")
        self.fake.state.add_job(f"{stage.namespace}/closed", disabled=True)
        write_secret(stage, {"username": "admin", "password": ADMIN_TOKEN})
        submission = {**QUICK["submission"], "onAmbiguous": "Resend"}
        stage.create("Engine", "engine", {**reached(self.type, url), "submission": submission})

    def work(self, stage: Stage, *, ms: str, fail: str) -> dict[str, Any]:
        """Give the job ``nap``."""
        arguments = {"SECS": f"${{string(double({ms}) / 1000.0)}}", "CODE": f"${{{fail} == 'yes' ? '1' : '0'}}"}
        return {"target": {"jenkins": {"job": [stage.namespace, "nap"]}}, "arguments": arguments}

    def rejecting(self, stage: Stage) -> dict[str, Any]:
        """Give a job that is disabled; one that is gone may have taken its builds with it, so a person would decide."""
        return {"target": {"jenkins": {"job": [stage.namespace, "closed"]}}}

    def lose_answer(self, stage: Stage) -> None:
        """Cut the connection behind the work."""
        self.fake.faults.add(Fault("work-then-drop", method="POST", path=f"/{stage.namespace}/.*build", times=1))

    def books(self, stage: Stage) -> Sequence[LedgerEntry]:
        """Read which builds began: a build is what must not be there twice."""
        with self.fake.state.lock:
            self.fake.state.settle()
        return [self._entry(each) for each in self.fake.state.ledger.entries() if self._is_of(stage, each)]

    def _is_of(self, stage: Stage, entry: Mapping[str, Any]) -> bool:
        return bool(entry["kind"] == "begun" and entry["job"].startswith(f"{stage.namespace}/"))

    def _entry(self, entry: Mapping[str, Any]) -> LedgerEntry:
        job, number = entry["job"], entry["number"]
        build = self.fake.state.job(job).builds.get(number)  # gone after a kill of the server
        begun = self.fake.state.shown_time(entry["begun"])
        building = build is not None and build.at(self.fake.state.now()).building
        return LedgerEntry(entry["token"], f"{job}#{number}/{entry['queue_id']}/{begun}", finished=not building)


class AirflowInPlay:
    """A fake Airflow with a DAG for each stage."""

    type = "Airflow"

    def __init__(self, fake: FakeAirflow, address: Address) -> None:
        self.fake = fake
        self.address = address

    def engine(self, stage: Stage, url: str) -> None:
        """Make the DAG of the stage's name, the Secret, and the Engine."""
        self.fake.state.declare(msgspec.structs.replace(NAP, dag_id=stage.namespace))
        write_secret(stage, {"username": "admin", "password": "admin"})
        stage.create("Engine", "engine", {**reached(self.type, url)})

    def work(self, stage: Stage, *, ms: str, fail: str) -> dict[str, Any]:
        """Give the stage's DAG."""
        arguments = {"secs": f"${{double({ms}) / 1000.0}}", "fail": f"${{{fail}}}"}
        return {"target": {"airflow": {"dag": stage.namespace}}, "arguments": arguments}

    def rejecting(self, stage: Stage) -> dict[str, Any]:
        """Give a DAG that nobody made."""
        return {"target": {"airflow": {"dag": f"{stage.namespace}-nowhere"}}}

    def lose_answer(self, stage: Stage) -> None:
        """Cut the connection behind the work."""
        self.fake.faults.add(Fault("work-then-drop", method="POST", path=f"/{stage.namespace}/dagRuns$", times=1))

    def books(self, stage: Stage) -> Sequence[LedgerEntry]:
        """Read the fake's ledger."""
        entries = [each for each in self.fake.state.ledger.entries() if each["dag"] == stage.namespace]
        return [
            LedgerEntry(each["name"], f"{each['dag']}/{each['name']}", finished=self._has_ended(stage, each["name"]))
            for each in entries
        ]

    def _has_ended(self, stage: Stage, name: str) -> bool:
        return self.fake.state.find(stage.namespace, name).at(time.time()).end is not None


@contextmanager
def in_play(name: str, stages: Theatre) -> Iterator[InPlay]:
    """Give the engine of a type, as `Engine` spells it."""
    match name:
        case "Argo":
            yield ArgoInPlay(_address(stages.argo_url))
        case "Jenkins":
            jenkins = FakeJenkins(executors=1000)
            with serving_in_thread(jenkins.app()) as url:
                yield JenkinsInPlay(jenkins, _address(url))
        case "Airflow":
            airflow = FakeAirflow()
            with serving_in_thread(airflow.app()) as url:
                yield AirflowInPlay(airflow, _address(url))
        case _:
            raise ValueError(f"no engine in play is called {name}: there are Argo, Jenkins and Airflow")


def _address(url: str) -> Address:
    found = urlsplit(url)
    return str(found.hostname), int(found.port or 0)


def reached(type_: str, url: str) -> dict[str, Any]:
    """Give the spec of an Engine at *url* whose credential is in the Secret ``engine``."""
    return {"type": type_, "url": url, "auth": {"basic": {"secretRef": {"name": "engine"}}}, **QUICK}


def write_secret(stage: Stage, data: Mapping[str, str]) -> None:
    """Make the Secret ``engine``."""
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "engine"}, "data": encoded}
    stage.server.request("POST", f"/api/v1/namespaces/{stage.namespace}/secrets", body)
