"""What a scrape of a working operator finds."""

from __future__ import annotations

import contextlib
import http.client

from baton_spine.stage import Stage
from prometheus_client.parser import text_string_to_metric_families

from baton_operator import VERSION


def scrape(port: int) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Read /metrics: samples by their names."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    families = text_string_to_metric_families(connection.getresponse().read().decode())
    connection.close()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_a_run_is_measured_on_its_way(stage: Stage) -> None:
    operator = stage.operator(BATON_REVISION="4f2c1a9", BATON_REQUEST_DEADLINE="20").wait_ready()
    stage.engine_argo()
    stage.nap()
    stage.run("monday")
    stage.ended("monday")
    found = stage.until(
        lambda: "baton_runs_finished_total" in (now := scrape(operator.port)) and now, what="the count of the Run"
    )
    where = {"namespace": stage.namespace, "automation": "nap", "engine": f"{stage.namespace}/argo"}
    assert found["baton_runs_finished_total"] == [({**where, "outcome": "Succeeded", "reason": "Succeeded"}, 1.0)]
    assert found["baton_submissions_total"] == [({"engine": where["engine"], "outcome": "created"}, 1.0)]
    ((build, _),) = found["baton_build_info"]
    assert (build["version"], build["revision"]) == (VERSION, "4f2c1a9")
    assert build["postgres"].split(".")[0].isdigit()
    assert found["baton_db_wait_seconds_count"][0][1] > 0
    assert found["baton_schema_head"] == [({"chain": "engine"}, 1.0)]


def test_an_operator_whose_database_is_away_says_so_to_prometheus(stage: Stage) -> None:
    """Else nobody could tell a database that is away from an operator that is."""
    operator = stage.operator(BATON_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", BATON_REVISION="4f2c1a9")

    def failed() -> bool:
        with contextlib.suppress(OSError):
            found = scrape(operator.port)
            starts = [value for labels, value in found.get("baton_loop_errors_total", ()) if labels["loop"] == "start"]
            return bool(starts) and found["baton_build_info"][0][0]["revision"] == "4f2c1a9"
        return False

    stage.until(failed, 60, what="a failed start in the metrics")
