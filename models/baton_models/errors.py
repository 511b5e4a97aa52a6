"""
Errors of the store.

* StoreError
  + NotFoundError            no such row for this tenant
  + StaleVersionError        somebody else changed the row first: read again, decide again
  + FieldNotUpdatableError   the aggregate does not let this field be changed; names the field
  + InvalidFilterError       a filter names a field that the aggregate does not offer; names the field
  + UncleanPayloadError      a payload that PostgreSQL cannot keep exactly; names the place and the fix
"""


class StoreError(Exception):
    """Anything that the store refuses."""


class NotFoundError(StoreError):
    """No such row for this tenant."""


class StaleVersionError(StoreError):
    """Somebody else changed the row first: read again, decide again."""


class FieldNotUpdatableError(StoreError):
    """The aggregate does not let this field be changed."""


class InvalidFilterError(StoreError):
    """A filter names a field that the aggregate does not offer."""


class UncleanPayloadError(StoreError):
    """A payload that PostgreSQL cannot keep exactly."""
