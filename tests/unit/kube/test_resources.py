"""Custom resources as values."""

from typing import Any

from baton_operator.kube.resources import LARGE, RunSeen


def raw(**metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "team-a",
            "name": "r",
            "uid": "u",
            "generation": 2,
            "resourceVersion": "9",
            **metadata,
        },
        "spec": {"automationRef": {"name": "a"}},
    }


def test_events_and_list_items_read_alike() -> None:
    """The same object is the same value, but for what has happened to it."""
    listed, watched = RunSeen.parse(raw()), RunSeen.parse({"type": "MODIFIED", "object": raw()})
    assert (listed.type, watched.type) == (None, "MODIFIED")
    assert (watched.namespace, watched.name, watched.uid, watched.generation) == ("team-a", "r", "u", 2)
    assert listed.spec == watched.spec == {"automationRef": {"name": "a"}}
    assert not watched.is_gone
    assert RunSeen.parse({"type": "DELETED", "object": raw()}).is_gone


def test_who_did_it_is_read_from_annotations() -> None:
    """The admission policy's stamps and the trace context; nothing else of the annotations is kept."""
    seen = RunSeen.parse(
        raw(
            annotations={
                "baton.dev/created-by": "ann",
                "baton.dev/state-by": "bob",
                "baton.dev/traceparent": "00-a-b-01",
            }
        )
    )
    assert (seen.created_by, seen.state_by, seen.traceparent) == ("ann", "bob", "00-a-b-01")


def test_a_run_that_is_over_says_so() -> None:
    """Sweep tells a refused Run without a row from one that was never seen."""
    body = raw(deletionTimestamp="2026-11-21T12:00:00Z")
    body["status"] = {"observedGeneration": 2, "conditions": [{"type": "Completed", "status": "True"}]}
    seen = RunSeen.parse(body)
    assert (seen.is_completed, seen.observed_generation) == (True, 2)
    assert seen.deleting_since is not None
    assert not RunSeen.parse(raw()).is_completed


def test_a_large_spec_is_noticed() -> None:
    """By its bytes, not its characters."""
    body = raw()
    body["spec"]["parameters"] = {"text": "ä" * (LARGE // 2)}
    assert RunSeen.parse(body).is_large
    assert not RunSeen.parse(raw()).is_large
