"""What every loop works with; made once, in `app`."""

from dataclasses import dataclass

from baton_operator.engines.registry import AdapterRegistry
from baton_operator.kube.client import KubeClient
from baton_operator.loops.definitions import Definitions
from baton_operator.loops.settle import Settler
from baton_operator.loops.transactions import Store
from baton_operator.metrics import Metrics
from baton_operator.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The rooms' shared parts."""

    settings: Settings
    store: Store
    definitions: Definitions
    settler: Settler
    registry: AdapterRegistry
    kube: KubeClient
    metrics: Metrics
