"""What a probe of Airflow says to people."""

import re

from baton_operator.engines.airflow.api import AirflowHealth

#: The first version whose list of runs takes ids and cursors; older ones leave out what they do not know, in silence.
OLDEST = (3, 3)

_VERSION = re.compile(r"(\d+)\.(\d+)")


def too_old(version: str) -> bool:
    """Whether *version* is known to be older than Baton can use."""
    match = _VERSION.match(version)
    return match is not None and (int(match[1]), int(match[2])) < OLDEST


def remarks(health: AirflowHealth) -> list[str]:
    """Say which of Airflow's own processes do not work, and what follows; a process that is not used has no status."""
    said = []
    if health.metadatabase.status != "healthy":
        said.append(f"Airflow's database is {health.metadatabase.status or 'unknown'}")
    if health.scheduler.status != "healthy":
        last = health.scheduler.latest_scheduler_heartbeat
        since = f" (last heartbeat {last})" if last else ""
        said.append(f"Airflow's scheduler is {health.scheduler.status or 'not running'}{since}: runs stay queued")
    if health.triggerer.status not in {"healthy", None}:
        said.append(f"Airflow's triggerer is {health.triggerer.status}: deferred tasks do not go on")
    if health.dag_processor is not None and health.dag_processor.status not in {"healthy", None}:
        said.append(f"Airflow's DAG processor is {health.dag_processor.status}: new DAG files are not read")
    return said
