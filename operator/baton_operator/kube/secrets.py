"""
Secrets for engines, read from the API server at the moment of use; never logged.

Nothing is kept but tokens of ServiceAccounts, which are made for Baton and short-lived: until shortly before they
expire, or until somebody refuses them.
"""

import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable, Mapping

from baton_operator.clock import boottime
from baton_operator.engines.credentials import SecretKind
from baton_operator.engines.errors import RetryableError, SecretNotFoundError
from baton_operator.kube.client import KubeClient
from baton_operator.kube.errors import ForbiddenError, KubeError, NotFoundError

#: Seconds that an asked-for token is valid; the API server's least.
TOKEN_SECONDS = 600
#: Seconds for which it is kept: a request that is sent with it just before must still be valid when it arrives.
KEPT = 0.8 * TOKEN_SECONDS
#: A token that was asked for less than this many seconds ago is not asked for anew, however many refuse it.
FRESH = 5.0
#: Tokens kept at most.
MOST = 1000
#: Which right is missing where the API server refuses.
_RIGHTS: Mapping[SecretKind, str] = {
    "ServiceAccount": "bind the role `baton-engine-token` to Baton's ServiceAccount there: docs/engines/argo.md",
    "Secret": "the chart's rbac.secrets names those that it may get: charts/baton/README.md",
    "ConfigMap": "the chart's rbac.configMaps names those that it may get: charts/baton/README.md",
}


class KubeSecretSource:
    """
    The operator's `SecretSource`: what an Engine names in its own namespace.

    Args:
        clock: Seconds of a clock that goes on while the machine sleeps.
    """

    def __init__(self, client: KubeClient, *, clock: Callable[[], float] = boottime) -> None:
        self._client = client
        self._clock = clock
        self._tokens: OrderedDict[tuple[str, str, str], tuple[float, str]] = OrderedDict()

    def refused(self, namespace: str, name: str, audience: str) -> None:
        """Keep a ServiceAccount's token no longer: it was revoked, or its ServiceAccount is another one now."""
        asked_at, _ = self._tokens.get((namespace, name, audience), (self._clock(), ""))
        if self._clock() - asked_at >= FRESH:
            del self._tokens[namespace, name, audience]

    async def read(self, namespace: str, kind: SecretKind, name: str, key: str) -> str:
        """
        Read one value, as it is now.

        Args:
            namespace: The Engine's own namespace.
            kind: ``Secret``, ``ConfigMap``, or ``ServiceAccount``, of which a short-lived token is asked for.
            name: The object's name.
            key: The key inside it; for a ServiceAccount the token's audience, empty for the API server itself.

        Raises:
            SecretNotFoundError: The object or the key is not there, or may not be read by us.
            RetryableError: The API server is away.
        """
        what = f"{kind} {namespace}/{name}"
        try:
            if kind == "ServiceAccount":
                return await self._token(namespace, name, key)
            if kind == "ConfigMap":
                found = (await self._client.read_object("configmaps", namespace, name)).get("data") or {}
                return str(found[key])
            found = (await self._client.read_object("secrets", namespace, name)).get("data") or {}
            return base64.b64decode(found[key]).decode()
        except NotFoundError:
            raise SecretNotFoundError(f"{what} is not there") from None
        except ForbiddenError:
            raise SecretNotFoundError(f"{what} may not be read by Baton: {_RIGHTS[kind]}") from None
        except KeyError:
            raise SecretNotFoundError(f"{what} has no key {key!r}") from None
        except (binascii.Error, UnicodeDecodeError):
            raise SecretNotFoundError(f"{what}: the value of {key!r} is not text") from None
        except KubeError as error:
            raise RetryableError(f"{what} cannot be read: {error}") from error

    async def _token(self, namespace: str, name: str, audience: str) -> str:
        """Give the token that is kept, or ask for one."""
        whose, now = (namespace, name, audience), self._clock()
        asked_at, token = self._tokens.get(whose, (0.0, ""))
        if token and now - asked_at < KEPT:
            return token
        token = await self._client.request_token(namespace, name, audience=audience, seconds=TOKEN_SECONDS)
        self._tokens[whose] = (now, token)
        self._tokens.move_to_end(whose)
        if len(self._tokens) > MOST:
            self._tokens.popitem(last=False)
        return token
