"""A credential that an engine repeats in all that it says: it is in no log, row, object, Event or metric of ours."""

from __future__ import annotations

import http.client
import json

import pytest
from baton_spine.own_argo import OwnArgo
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage, shown
from psycopg import sql

from baton_operator.engines.conformance import Fault
from baton_operator.local.api_server import ApiServer

CANARY = "canary-5f1e7a-of-the-engine"
ECHO = json.dumps({"code": 3, "message": f"you sent Authorization: Bearer {CANARY}, and {CANARY}"})
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
def live(stage: Stage, own_argo: OwnArgo, api_server: ApiServer) -> Stage:
    """An Engine whose credential is the canary."""
    made = own_argo.on(stage)
    own_argo.fake.state.settings.token = CANARY
    secret = {"metadata": {"name": "bot"}, "stringData": {"token": CANARY}}
    api_server.request("POST", f"/api/v1/namespaces/{made.namespace}/secrets", secret)
    made.engine_argo(auth={"bearer": {"secretRef": {"name": "bot"}}})
    made.nap()
    return made


def stored(stage: Stage) -> str:
    """Give every row of every table, as text."""
    found = []
    for (table,) in stage.rows(TABLES):
        query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)).as_string()
        found += [f"{table}: {row}" for (row,) in stage.rows(query)]
    return "\n".join(found)


def objects(stage: Stage) -> str:
    """Give our custom resources, and the Events about them, as the API server has them."""
    paths = [stage.path(kind) for kind in ("Engine", "Automation", "Run")]
    paths.append(f"/apis/events.k8s.io/v1/namespaces/{stage.namespace}/events")
    return json.dumps([stage.server.request("GET", path)["items"] for path in paths])


def metrics(operator: OperatorProcess) -> str:
    """Scrape."""
    connection = http.client.HTTPConnection("127.0.0.1", operator.port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_an_engine_that_repeats_its_credential_is_not_quoted(live: Stage, own_argo: OwnArgo) -> None:
    """It refuses one Run, loses its words about another one, spoils polls, and takes the credential no more."""
    operator = live.operator(BATON_REQUEST_DEADLINE="1", BATON_LOG_LEVEL="DEBUG").wait_ready()
    faults = own_argo.fake.faults
    live.spoil("answer", method="POST", times=1, status=400, body=ECHO)
    live.run("refused")
    assert shown(live.ended("refused")["refused"])[0] == "Failed"
    live.spoil("work-then-answer", method="POST", times=1, status=500, body=ECHO)
    faults.add(Fault("answer", method="GET", times=3, status=500, body=ECHO))
    live.run("unsure")
    assert shown(live.ended("unsure")["unsure"]) == ("Succeeded", "Succeeded")
    faults.add(Fault("answer", status=401, body=ECHO))
    live.patch("Engine", "argo", {"limits": {"burst": 99}})
    live.until(lambda: live.condition("Engine", "argo", "Authenticated")[0] == "False", 60, what="the refusal")
    told = {
        "the log": operator.log.read_text(),
        "the database": stored(live),
        "the objects": objects(live),
        "the metrics": metrics(operator),
    }
    assert "you sent" in told["the database"]
    assert "you sent" in told["the objects"]
    assert {where: [line for line in text.splitlines() if CANARY in line][:1] for where, text in told.items()} == {
        where: [] for where in told
    }
