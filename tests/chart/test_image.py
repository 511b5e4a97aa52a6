"""The image: what it weighs, what is in it, and that it runs as any user, on a root that cannot be written."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from baton_node.cluster import Cluster, wait_for
from baton_node.images import ROOT, Image, Images

NAMESPACE = "baton-image"
MB = 1_000_000
PROGRAMS = {"baton", "baton-migrate", "baton-operator", "baton-worker", "kubectl-baton"}
#: Stands where the first large package is looked for, and takes its time as all of them together do.
SLOW = "import time; print('importing', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace that admits only Pods of the standard `restricted`."""
    cluster.make_namespace(NAMESPACE)
    yield NAMESPACE
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def pod(name: str, image: Image, command: list[str], **spec: Any) -> dict[str, Any]:
    """Describe a Pod of one container, as strict as the chart's but for the user and for what *spec* says."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        **spec.pop("security", {}),
    }
    container = {"name": "main", "image": image.name, "command": command, "securityContext": security}
    container |= spec.pop("container", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }


def logs(cluster: Cluster, name: str) -> str:
    """Give what a Pod has said; nothing while its container does not run yet."""
    return cluster.try_kubectl("logs", "-n", NAMESPACE, name).stdout


def test_it_weighs_what_is_promised(image: Image, postgres_image: Image, measured: Callable[[str], None]) -> None:
    """Above the base, which the other image has, too."""
    added = sum(each.size for each in image.added_to(postgres_image)) / MB
    measured(f"the image above its base: {added:.0f} MB")
    assert added <= 160


def test_it_brings_no_other_programs(image: Image, postgres_image: Image) -> None:
    """No compiler, no shell's tools, nothing that gives rights, nothing of the first stage; only root may change it."""
    added = image.added_to(postgres_image)
    paths = [PurePosixPath("/", each.name) for each in added]
    assert {path.name for path in paths if path.parent.name in {"bin", "sbin"}} == PROGRAMS
    assert {path.parts[1] for path in paths} == {"usr", "extensions"}
    assert not [each.name for each in added if each.mode & 0o6000]
    assert not [each.name for each in added if each.mode & 0o002 and not each.issym()]
    assert [each.name for each in added if each.uid or each.gid] == ["extensions"]
    assert not [path for path in paths if path.name in {"site-ca.pem", "pip.conf", ".git", "Dockerfile"}]


def test_every_module_has_its_byte_code(image: Image, postgres_image: Image) -> None:
    """A root that is read-only could not keep it: each start would compile everything."""
    paths = {PurePosixPath("/", each.name) for each in image.added_to(postgres_image)}
    modules = {path for path in paths if path.suffix == ".py"}
    assert len(modules) > 1000
    assert not [path for path in modules if not code_of(path) & paths]


def code_of(path: PurePosixPath) -> set[PurePosixPath]:
    """Name the files that may hold a module's byte code."""
    return {path.parent / "__pycache__" / f"{path.stem}.cpython-{minor}.pyc" for minor in (311, 312, 313)}


def test_it_says_what_it_is(image: Image) -> None:
    """A numeric user that Kubernetes sees is not root, an entry point without a shell, labels."""
    said = image.config()["config"]
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert (said["User"], said["Entrypoint"], said.get("Cmd")) == ("65532:65532", ["baton-operator"], None)
    assert list(said["ExposedPorts"]) == ["8080/tcp"]
    assert not said.get("Healthcheck"), "Kubernetes asks by HTTP"
    label = "org.opencontainers.image."
    assert said["Labels"].items() >= {
        (f"{label}title", "Baton"),
        (f"{label}licenses", "Apache-2.0"),
        (f"{label}version", version.group(1)),
    }
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", said["Labels"][f"{label}revision"])


def test_it_runs_as_any_user_on_a_root_that_cannot_be_written(cluster: Cluster, image: Image, namespace: str) -> None:
    """One that no password file knows, without a volume to write to."""
    programs = "baton --version && baton-operator --version && baton-worker --help && baton-migrate --help"
    command = ["sh", "-c", f"{programs} && ! touch /usr/local/x /extensions/x /x && id -u"]
    cluster.apply(pod("anybody", image, command, security={"runAsUser": 1234567, "runAsGroup": 1234567}))
    words = ("--for=jsonpath={.status.phase}=Succeeded", "pod/anybody", "-n", namespace, "--timeout=120s")
    done = cluster.try_kubectl("wait", *words)
    said = logs(cluster, "anybody")
    assert done.returncode == 0, said
    assert said.splitlines()[-1] == "1234567"


@pytest.mark.parametrize("program", ["baton-operator", "baton-worker"])
def test_a_pod_that_is_stopped_while_it_imports_goes_at_once(
    program: str, cluster: Cluster, image: Image, namespace: str
) -> None:
    """Process 1 gets no signal that it does not handle: the Pod would stay for its whole grace period."""
    slow = {"name": "slow", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": slow, "data": {"sqlalchemy.py": SLOW}})
    volume = {
        "env": [{"name": "PYTHONPATH", "value": "/slow"}],
        "volumeMounts": [{"name": "slow", "mountPath": "/slow"}],
    }
    volumes = [{"name": "slow", "configMap": {"name": "slow"}}]
    cluster.apply(pod(program, image, [program], container=volume, volumes=volumes, terminationGracePeriodSeconds=120))
    wait_for("imports", lambda: "importing" in logs(cluster, program), 120)
    began = time.monotonic()
    cluster.kubectl("delete", "pod", program, "-n", namespace)
    assert time.monotonic() - began < 60


def test_an_extension_cannot_replace_what_baton_brings(images: Images, image: Image) -> None:
    """The build ends, and names both versions."""
    with pytest.raises(AssertionError, match=r"(?s)sqlalchemy==2\.0\.40.*\(constraint\) sqlalchemy==2\.1"):
        images.derive("refused", f"FROM {image.name}\nRUN pip install sqlalchemy==2.0.40\n")
