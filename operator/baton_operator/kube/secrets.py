"""Secrets for engines, read from the API server at the moment of use; never cached, never logged."""

import base64
import binascii

from baton_operator.engines.credentials import SecretKind
from baton_operator.engines.errors import RetryableError, SecretNotFoundError
from baton_operator.kube.client import KubeClient
from baton_operator.kube.errors import ForbiddenError, KubeError, NotFoundError

#: Seconds that an asked-for token is valid; the API server's least.
TOKEN_SECONDS = 600


class KubeSecretSource:
    """The operator's `SecretSource`: what an Engine names in its own namespace."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

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
                return await self._client.request_token(namespace, name, audience=key, seconds=TOKEN_SECONDS)
            if kind == "ConfigMap":
                found = (await self._client.read_object("configmaps", namespace, name)).get("data") or {}
                return str(found[key])
            found = (await self._client.read_object("secrets", namespace, name)).get("data") or {}
            return base64.b64decode(found[key]).decode()
        except (NotFoundError, ForbiddenError) as error:
            word = "is not there" if isinstance(error, NotFoundError) else "may not be read by Baton"
            raise SecretNotFoundError(f"{what} {word}") from None
        except KeyError:
            raise SecretNotFoundError(f"{what} has no key {key!r}") from None
        except (binascii.Error, UnicodeDecodeError):
            raise SecretNotFoundError(f"{what}: the value of {key!r} is not text") from None
        except KubeError as error:
            raise RetryableError(f"{what} cannot be read: {error}") from error
