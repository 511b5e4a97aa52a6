"""Somebody tries Baton out: the bundled PostgreSQL, one replica, its worker beside the loops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from baton_node.cluster import Cluster, wait_for
from baton_node.images import Image
from baton_node.measures import resident
from baton_node.release import Release, Tenant

#: Prints as JSON each process: id, parent's id, state, first words.
PROCESSES = """
import json, pathlib
found = []
for each in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        state, parent = (each / "stat").read_text().rpartition(")")[2].split()[:2]
        words = (each / "cmdline").read_bytes().replace(b"\\0", b" ").decode()
    except OSError:
        continue
    found.append((int(each.name), int(parent), state, words))
print(json.dumps(found))
"""


HERE = Path(__file__).parent
Measured = Callable[[str], None]


@pytest.fixture(scope="module")
def storage_class(cluster: Cluster, image: Image) -> Iterator[str]:
    """The class of one volume that the database's user may write to, on a cluster of one node."""
    cluster.apply_file(HERE / "manifests" / "volume.yaml", "default", IMAGE=image.name)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/baton-folder", "-n", "default")
    yield "baton-postgresql"
    cluster.kubectl("delete", "pod/baton-folder", "pv/baton-postgresql", "-n", "default", "--timeout=120s")


@pytest.fixture(scope="module")
def release(storage_class: str, site: Release, image: Image, postgres_image: Image) -> Release:
    """A release with a database of its own; its NOTES warn of it."""
    bundled = {"enabled": True, "image": postgres_image.name, "persistence": {"storageClass": storage_class}}
    site.values = {"database": {"bundled": bundled}, "replicas": 1}
    assert "WARNING: the bundled PostgreSQL" in site.install(image)
    return site


def processes(release: Release) -> list[tuple[int, int, str, str]]:
    """List the processes of the operator's container."""
    found = json.loads(release.exec(release.ready_pods()[0], "python3", "-c", PROCESSES))
    return [(number, parent, state, words) for number, parent, state, words in found]


def test_runs_come_to_their_end(tenant: Tenant) -> None:
    """In the worker beside the loops, and in Argo's Pods."""
    tenant.start("tried", "noop", 3)
    tenant.wait_succeeded("tried")
    tenant.start("tried-argo", "pod", 1)
    tenant.wait_succeeded("tried-argo", within=240)


def test_what_the_runbooks_type_works_in_its_pod(release: Release, tenant: Tenant) -> None:
    """By a user without a login: reading, and deciding, which asks who it is."""
    where = ("-n", release.namespace)
    inside = ("exec", *where, f"deploy/{release.name}", "-c", "operator", "--")
    run = ("tried-0", "-n", tenant.namespace)
    assert "tried-argo-0" in release.cluster.kubectl(*inside, "baton", "runs", "list", "-A")
    assert "COMPLETED" in release.cluster.kubectl(*inside, "baton", "runs", "history", *run)
    for named in ((), ("env", "USER=ada")):
        decided = release.cluster.try_kubectl(*inside, *named, "baton", "runs", "resolve", *run, "--fail")
        assert "nothing of run tried-0 is held" in decided.stderr, decided
    assert "run.finished" in release.cluster.kubectl("logs", *where, "-l", "baton.dev/serves=http", "-c", "operator")


def test_helm_test_passes(release: Release) -> None:
    """A Run that does nothing, then the invariants."""
    said = release.cluster.helm("test", release.name, "-n", release.namespace, "--timeout", "3m")
    assert "Failed" not in said


def test_it_is_small_with_its_worker_when_idle(release: Release, tenant: Tenant, measured: Measured) -> None:
    """With three Engines, once the worker's children have gone: what the container has for itself."""

    def rests() -> bool:
        return not any("baton_operator.worker.child" in words for *_, words in processes(release))

    wait_for("the worker without children", rests, 180)
    found = resident(release, release.ready_pods()[0])
    measured(f"idle with three Engines and a worker: {found:.0f} MB")
    assert found < 170


def test_process_1_reaps_whatever_dies(release: Release) -> None:
    """The worker is killed: its children end with it, a new one comes, and no dead process stays."""
    workers = [each for each in processes(release) if "baton_operator.worker" in each[3]]
    supervisor = next(each[0] for each in workers if each[1] == 1)
    release.exec(release.ready_pods()[0], "sh", "-c", f"kill -KILL {supervisor}")

    def renewed() -> bool:
        now = processes(release)
        dead = [each for each in now if each[2] == "Z"]
        alive = [each[0] for each in now if each[1] == 1 and "baton_operator.worker" in each[3]]
        return not dead and bool(alive) and supervisor not in alive

    wait_for("a new worker, and nobody dead", renewed, 60)


def test_the_database_keeps_its_rows_when_its_pod_goes(release: Release, tenant: Tenant) -> None:
    """They are in a volume; the operator waits meanwhile and goes on."""
    release.cluster.kubectl("delete", "pod", "baton-postgresql-0", "-n", release.namespace)
    wait_for("the database", lambda: release.ready_pods("postgresql"), 120)
    tenant.start("kept", "noop", 1)
    tenant.wait_succeeded("kept")
    found = release.check()
    assert found.returncode == 0, found.stdout + found.stderr
