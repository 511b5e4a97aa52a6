"""
Errors of the store.

* StoreError
  + NotFoundError            no such row for this tenant
  + StaleVersionError        somebody else changed the row first: read again, decide again
  + FieldNotUpdatableError   the aggregate does not let this field be changed; names the field
  + InvalidFilterError       a filter names a field that the aggregate does not offer; names the field
  + UncleanPayloadError      a payload that PostgreSQL cannot keep exactly; names the place and the fix
  + ForeignDatabaseError     the database is a copy of the one it says it is: a person says which of them counts
  + DataModelError           a data model of an extension; names the class or the model, and the fix
    - InvalidNamespaceError       a namespace that no extension can have
    - InvalidModelError           a class that cannot be a model: change the class
    - DataModelNotFoundError      no installed package offers a model of that name
    - DataModelAccessDeniedError  the Automation did not declare the model: add it to ``spec.dataModels``
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


class ForeignDatabaseError(StoreError):
    """The database is a copy of the one it says it is: restored elsewhere, or not meant for whoever opened it."""


class DataModelError(StoreError):
    """Something about a data model of an extension."""


class InvalidNamespaceError(DataModelError):
    """A namespace that no extension can have."""


class InvalidModelError(DataModelError):
    """A class that cannot be a model of an extension."""


class DataModelNotFoundError(DataModelError):
    """No installed package offers a data model of that name; the text names near ones."""


class DataModelAccessDeniedError(DataModelError):
    """A data model, or a table of Baton's own, that the Automation of the running task did not declare."""
