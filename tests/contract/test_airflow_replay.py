"""The fake answers every recorded request as the real server did: status, headers that matter, the body's shape."""

import asyncio
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from baton_fakes.airflow import FakeAirflow

from baton_operator.engines.conformance import serving

CAPTURES = Path(__file__).parent / "captures" / "airflow-3.3.2"
RECORDINGS = [("01-basic", "02-list-wait-cancel"), ("03-hitl-race",), ("05-misc",)]
#: What the recording waits for before a step: the run it is about, and the state its task (or it) is in by then.
UNTIL = {
    "get-run-final": ("baton_demo", "baton-run-0001", "finish", "success"),
    "cancel-patch-failed": ("baton_demo", "long-1", "work", "running"),
    "failed-tis": ("baton_demo", "fail-1", "finish", "upstream_failed"),
    "tries": ("baton_demo", "fail-1", "finish", "upstream_failed"),
    "hitl-tis": ("baton_hitl", "h1", "approve", "awaiting_input"),
    "hitl-final": ("baton_hitl", "h1", "after", "upstream_failed"),
    "mapped-tis": ("baton_map", "m1", "one", "failed"),
}
#: Credentials, and what a client takes; the recorder left both out.
BEARERS = {"no-auth": None, "bad-token": "Bearer abc", "viewer-trigger": "viewer"}
ACCEPTED = {"logs-text": "text/plain", "logs-ndjson": "application/x-ndjson"}
#: By the moment of the recording null or not, or of a length of its own.
BY_MOMENT = {
    *("start_date", "end_date", "duration", "last_scheduling_decision", "queued_when", "scheduled_when", "state"),
    *("next_cursor", "pid", "rendered_map_index", "run_id", "try_number"),
}
#: Of whichever run `list-states` shows first: one has a date of its own, and may have ended by then.
OF_THE_FIRST = {f".dag_runs[0].{name}" for name in ("logical_date", "data_interval_start", "data_interval_end")}
#: What a task's own arguments, results and errors are made of.
OPEN = {"rendered_fields", "conf", "value", "error_detail", "params"}
#: The words of these are another's: a decoder's, and an id.
OTHER_WORDS = {"trigger-duplicate-id", "trigger-dup-logical-date", "hitl-respond-again"}


def steps(names: tuple[str, ...]) -> list[dict[str, Any]]:
    lines = [line for name in names for line in (CAPTURES / f"{name}.jsonl").read_bytes().splitlines()]
    return [msgspec.json.decode(line) for line in lines]


def shape(document: Any) -> Any:
    """Reduce a document to its keys and types; a list to its first entry's."""
    if isinstance(document, Mapping):
        return {
            key: "open" if key in OPEN else "any" if key in BY_MOMENT else shape(value)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return "number" if isinstance(document, int | float) and not isinstance(document, bool) else type(document).__name__


async def settle(fake: FakeAirflow, label: str) -> None:
    """Wait until the fake is where the real server was."""
    if label not in UNTIL:
        return
    dag, run, task, state = UNTIL[label]
    deadline = time.monotonic() + 60
    while not any(
        (each.task.task_id, each.state) == (task, state) for each in fake.state.find(dag, run).at(time.time()).tasks
    ):
        assert time.monotonic() < deadline, label
        await asyncio.sleep(0.01)


class Replayer:
    """Sends what was recorded, with credentials that count here."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session
        self._tokens: dict[str, str] = {}

    async def log_in(self) -> None:
        """Get both people their tokens."""
        for name in ("admin", "viewer"):
            body = {"username": name, "password": name}
            async with self._session.post(f"{self._url}/auth/token", json=body) as answer:
                self._tokens[name] = (await answer.json())["access_token"]

    async def send(self, step: Mapping[str, Any]) -> tuple[int, str, str]:
        """Return status, content type and body of one step's answer."""
        label, body, place = step["label"], step["request_body"], urlsplit(step["url"])
        bearer = BEARERS.get(label, "admin")
        headers = {"Accept": ACCEPTED.get(label, "*/*")}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {self._tokens[bearer]}" if bearer in self._tokens else bearer
        if isinstance(body, dict) and "password" in body:
            body = {**body, "password": "wrong" if label == "token-bad-pw" else body["username"]}
        data = body.encode() if isinstance(body, str) else msgspec.json.encode(body) if body is not None else None
        url = f"{self._url}{place.path}?{place.query}"
        async with self._session.request(step["method"], url, data=data, headers=headers) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), await answer.text()


async def replay(names: tuple[str, ...]) -> list[tuple[dict[str, Any], int, str, str]]:
    fake, seen = FakeAirflow(), []
    async with serving(fake.app()) as url, aiohttp.ClientSession() as session:
        replayer = Replayer(url, session)
        await replayer.log_in()
        for step in steps(names):
            if step["label"] == "list-limit":  # between the recordings, five runs were made
                for number in range(5):
                    conf = {"correlation_id": f"corr-{number}"}
                    body = {"dag_run_id": f"baton-bulk-00{number}", "logical_date": None, "conf": conf}
                    fake.state.trigger("baton_demo", body, "admin")
            await settle(fake, step["label"])
            seen.append((step, *await replayer.send(step)))
    return seen


def wrong(step: Mapping[str, Any], status: int, content_type: str, body: str) -> object:
    """Say how an answer differs from the recorded one; None if it does not."""
    recorded, recorded_type = step["body"], step["headers"].get("content-type")
    if status != step["status"] or (recorded_type and content_type != recorded_type):
        return status, content_type, step["status"], recorded_type
    if not recorded or recorded_type != "application/json":
        first = body.splitlines()[0] if body else ""
        return None if not recorded or first == recorded.splitlines()[0] or "attempt" not in body else first
    answered = msgspec.json.decode(body)
    if isinstance(recorded, str):  # cut by the recorder
        return (
            None
            if all(f'"{key}"' in recorded or key.startswith(("total", "next", "prev")) for key in answered)
            else body
        )
    if status >= 400 and step["label"] not in OTHER_WORDS:
        return None if answered == recorded else (answered, recorded)
    found = differences(shape(answered), shape(recorded))
    left_open = OF_THE_FIRST if step["label"] == "list-states" else set()
    return [each for each in found if each.partition(":")[0] not in left_open] or None


def differences(answered: Any, recorded: Any, path: str = "") -> list[str]:
    """Name the places at which two shapes differ."""
    if isinstance(answered, dict) and isinstance(recorded, dict):
        names = sorted(answered.keys() | recorded.keys())
        return [each for n in names for each in differences(answered.get(n), recorded.get(n), f"{path}.{n}")]
    if isinstance(answered, list) and isinstance(recorded, list) and len(answered) == len(recorded) == 1:
        return differences(answered[0], recorded[0], f"{path}[0]")
    return [] if answered == recorded else [f"{path}: {answered} for {recorded}"]


@pytest.mark.parametrize("names", RECORDINGS, ids=lambda names: names[-1])
async def test_every_recorded_request_is_answered_as_recorded(names: tuple[str, ...]) -> None:
    """One pass over each recording, in its order, because later steps rest on earlier ones."""
    found = [(step["label"], problem) for step, *answer in await replay(names) if (problem := wrong(step, *answer))]
    assert found == []


async def test_a_conflict_does_not_say_of_what() -> None:
    """The same words for a run id and for a logical date that are taken, but for an id in Airflow's own log."""
    said = [
        re.sub(r"look for ID \w{8}", "", body)
        for step, _, _, body in await replay(RECORDINGS[0])
        if step["label"] in {"trigger-duplicate-id", "trigger-dup-logical-date"}
    ]
    recorded = [
        re.sub(r"look for ID \w{8}", "", step["body"]["detail"]["message"])
        for step in steps(RECORDINGS[0])
        if step["label"] == "trigger-duplicate-id"
    ]
    assert msgspec.json.decode(said[0]) == msgspec.json.decode(said[1])
    assert msgspec.json.decode(said[0])["detail"]["message"] == recorded[0]
