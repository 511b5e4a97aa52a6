"""From an Engine of type Argo to the way to it: ``spec.url`` or ``spec.kubernetes``."""

from ipaddress import ip_network

from baton_operator.engines.access import Access
from baton_operator.engines.addresses import AddressGuard
from baton_operator.engines.argo.kubernetes import ArgoKubernetes
from baton_operator.engines.argo.server import ArgoServer
from baton_operator.engines.argo.transport import ArgoTransport
from baton_operator.engines.base import EngineSpec
from baton_operator.engines.errors import PermanentError
from baton_operator.engines.http import HttpClient
from baton_operator.engines.kube_access import InClusterAccess, KubeconfigAccess
from baton_operator.engines.registry import Surroundings

#: The address of Baton's own API server is the operator's to say, not an Engine's author's: nothing of it is refused.
_ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def transport_of(spec: EngineSpec, surroundings: Surroundings) -> ArgoTransport:
    """
    Make the transport that *spec* names.

    Raises:
        PermanentError: It names none, or both, or one that lacks something; the text names the field.
    """
    url, kubernetes = spec.spec.get("url"), spec.spec.get("kubernetes")
    if isinstance(url, str) and kubernetes is None:
        return ArgoServer(surroundings.client(spec, what="argo-server"), surroundings.request_deadline)
    access: Access
    guard = surroundings.guard
    match kubernetes if url is None else None:
        case {"inCluster": True, **rest} if not rest:
            access = InClusterAccess(
                surroundings.cluster, namespace=spec.namespace, spec=spec.spec, secrets=surroundings.secrets
            )
            guard = AddressGuard(_ANYWHERE)
        case {"kubeconfigSecretRef": reference, **rest} if not rest:
            access = KubeconfigAccess(reference, namespace=spec.namespace, secrets=surroundings.secrets)
        case _:
            raise PermanentError(
                "spec needs exactly one of url (the address of argo-server) and kubernetes (inCluster: true or "
                "kubeconfigSecretRef)"
            )
    through = HttpClient.through(access, guard=guard, observer=surroundings.observer, library=surroundings.library)
    return ArgoKubernetes(through, surroundings.request_deadline)
