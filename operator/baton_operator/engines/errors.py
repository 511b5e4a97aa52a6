"""
Errors of the engines' room.

* EngineError
  + RetryableError          ask again, after `retry_after` seconds if it said so
    - AuthExpiredError      refresh the credential once, then ask again
    - ProtocolDriftError    the answer made no sense; raise an alert, ask again later
      . AnswerTooLongError  it has more bytes than are read; ask for less
  + PermanentError          the engine understood and refused; only a change of the spec can help
    - TargetNotFoundError   what the target names does not exist, or may not be seen by us
    - ForbiddenError        the credential is known but may not do this; a person may mend it: ask again in minutes
    - AddressRefusedError   the address may not be reached from here (loopback, metadata, API server)
    - SecretNotFoundError   a Secret or ConfigMap that the Engine names, or a key of it, is not there
  + UnknownOutcomeError     a write may or may not have happened; never repeat it blindly
"""


class EngineError(Exception):
    """Anything that went wrong between Baton and an engine; the text is for people and holds no secret."""

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class RetryableError(EngineError):
    """Ask again, after ``retry_after`` seconds if the engine said so."""

    def __init__(self, message: str, *, http_status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, http_status=http_status)
        self.retry_after = retry_after


class AuthExpiredError(RetryableError):
    """Refresh the credential once, then ask again."""


class ProtocolDriftError(RetryableError):
    """The answer made no sense: an unknown shape, or a login page. Raise an alert, ask again later."""


class AnswerTooLongError(ProtocolDriftError):
    """The answer has more bytes than are read; ask for less."""


class PermanentError(EngineError):
    """The engine understood and refused; only a change of the spec can help."""


class TargetNotFoundError(PermanentError):
    """What the target names does not exist, or may not be seen by us."""


class ForbiddenError(PermanentError):
    """The credential is known but may not do this; a person may mend it, so ask again after ``retry_after`` seconds."""

    def __init__(self, message: str, *, http_status: int | None = None, retry_after: float = 300.0) -> None:
        super().__init__(message, http_status=http_status)
        self.retry_after = retry_after


class AddressRefusedError(PermanentError):
    """The address may not be reached from here."""


class SecretNotFoundError(PermanentError):
    """A Secret or ConfigMap that the Engine names, or a key of it, is not there."""


class UnknownOutcomeError(EngineError):
    """A write may or may not have happened; never repeat it blindly."""
