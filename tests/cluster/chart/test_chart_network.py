"""
Who may speak to whom under the chart's network policies.

Whether a cluster obeys them is its network plug-in's matter, so the rules are read here as Kubernetes describes them
(https://kubernetes.io/docs/concepts/services-networking/network-policies/): a Pod that no policy selects may do all,
one that is selected only what some policy of that direction allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from baton_chart.rendering import NAMESPACE, objects, rendered, values_files

Document = dict[str, Any]
DNS, DATABASE, API_SERVER, METRICS = ("UDP", 53), ("TCP", 5432), ("TCP", 6443), ("TCP", 8080)


@dataclass(frozen=True)
class Peer:
    """
    One end of a connection.

    Attributes:
        namespace: The one of a Pod; None for an address outside of the cluster.
        labels: Of the Pod.
    """

    namespace: str | None
    labels: Mapping[str, str] = field(default_factory=dict)


OUTSIDE, PROMETHEUS, STRANGER = Peer(None), Peer("monitoring", {"app": "prometheus"}), Peer("shop", {"app": "shop"})


class Network:
    """The Pods of a release, and its policies."""

    def __init__(self, documents: list[Document]) -> None:
        self._policies = [each["spec"] for each in documents if each["kind"] == "NetworkPolicy"]
        templates = {
            each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
            for each in documents
            if each["kind"] in {"Deployment", "StatefulSet"}
        }
        tests = {each["metadata"]["name"]: each["metadata"]["labels"] for each in documents if each["kind"] == "Pod"}
        self.pods = {name: Peer(NAMESPACE, labels) for name, labels in (templates | tests).items()}

    def lets(self, source: Peer, target: Peer, port: tuple[str, int]) -> bool:
        """Say whether a connection is let out at its source and in at its target."""
        return self._allows("Egress", source, target, port) and self._allows("Ingress", target, source, port)

    def _allows(self, direction: str, one: Peer, other: Peer, port: tuple[str, int]) -> bool:
        bound = [each for each in self._policies if direction in each["policyTypes"] and _selects(each, one)]
        rules = [rule for each in bound for rule in each.get(direction.lower(), ())]
        side = "to" if direction == "Egress" else "from"
        return not bound or any(_is_peer(rule.get(side), other) and _is_port(rule.get("ports"), port) for rule in rules)


def _selects(policy: Document, peer: Peer) -> bool:
    return peer.namespace == NAMESPACE and _matches(policy["podSelector"], peer.labels)


def _is_peer(said: list[Document] | None, peer: Peer) -> bool:
    return not said or any(_is_one(each, peer) for each in said)


def _is_one(said: Document, peer: Peer) -> bool:
    if "ipBlock" in said:
        return peer.namespace is None
    if "namespaceSelector" not in said:
        return peer.namespace == NAMESPACE and _matches(said["podSelector"], peer.labels)
    named = {"kubernetes.io/metadata.name": peer.namespace or ""}
    return _matches(said["namespaceSelector"], named) and _matches(said.get("podSelector", {}), peer.labels)


def _matches(selector: Document, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "this reader knows no expressions"
    return selector.get("matchLabels", {}).items() <= labels.items()


def _is_port(said: list[Document] | None, port: tuple[str, int]) -> bool:
    return not said or port in {(each.get("protocol", "TCP"), each["port"]) for each in said}


@pytest.fixture(scope="module")
def network() -> Network:
    """What `ci/network-policy-values.yaml` makes: worker Pods, a bundled database, metrics for one namespace only."""
    return Network(objects(rendered(values_files()["network-policy"])))


@pytest.mark.parametrize("pod", ["baton", "baton-worker", "baton-test"])
def test_whoever_needs_the_database_reaches_it(network: Network, pod: str) -> None:
    """The init containers are of the same Pods."""
    assert network.lets(network.pods[pod], network.pods["baton-postgresql"], DATABASE)
    assert network.lets(network.pods[pod], OUTSIDE, DNS)


def test_the_bundled_database_is_reached_whatever_the_port_of_another_one() -> None:
    network = Network(objects(rendered(values_files()["network-policy"], "--set", "database.port=6432")))
    assert network.lets(network.pods["baton"], network.pods["baton-postgresql"], DATABASE)


def test_nobody_else_reaches_the_database_and_it_reaches_nobody(network: Network) -> None:
    database = network.pods["baton-postgresql"]
    assert not network.lets(STRANGER, database, DATABASE)
    assert not network.lets(database, OUTSIDE, ("TCP", 443))


def test_only_prometheus_asks_for_metrics_and_nobody_speaks_to_workers(network: Network) -> None:
    assert network.lets(PROMETHEUS, network.pods["baton"], METRICS)
    assert not network.lets(STRANGER, network.pods["baton"], METRICS)
    assert not network.lets(STRANGER, network.pods["baton-worker"], METRICS)


def test_the_operator_reaches_the_api_server_and_engines_at_the_ports_that_are_named(network: Network) -> None:
    operator = network.pods["baton"]
    reached = {port for port in (22, 80, 443, 6443, 8443) if network.lets(operator, OUTSIDE, ("TCP", port))}
    assert reached == {443, 6443, 8443}


def test_workers_reach_what_their_tasks_were_given_and_not_the_api_server(network: Network) -> None:
    worker = network.pods["baton-worker"]
    reached = {port for port in (22, 80, 443, 6443) if network.lets(worker, OUTSIDE, ("TCP", port))}
    assert reached == {22}


def test_both_deployments_of_a_split_are_under_the_policy() -> None:
    flags = (
        "--set",
        "networkPolicy.enabled=true",
        "--set",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.a=b",
    )
    network = Network(objects(rendered(values_files()["split"], *flags)))
    for pod in ("baton", "baton-dispatch"):
        assert network.lets(network.pods[pod], OUTSIDE, API_SERVER)
        assert not network.lets(network.pods[pod], OUTSIDE, ("TCP", 22))
        assert not network.lets(STRANGER, network.pods[pod], METRICS)


def test_without_it_there_is_no_policy() -> None:
    assert "NetworkPolicy" not in {
        each["kind"] for each in yaml.safe_load_all(rendered(values_files()["split"])) if each
    }
