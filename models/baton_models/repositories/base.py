"""What all repositories share: get, list by keyset, add, update with a guard, deactivate."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError

from baton_models.base import KeyedBase
from baton_models.errors import FieldNotUpdatableError, InvalidFilterError, NotFoundError, StaleVersionError
from baton_models.repositories.tenancy import of_tenant

Model = TypeVar("Model", bound=KeyedBase)

#: The longest page.
MAX_PAGE = 1_000


class Repository(Generic[Model]):
    """
    The questions about one aggregate; the caller owns session and transaction.

    Every question takes the tenant, and a row of another tenant is as good as none. Rows that were put out of use are
    left out of lists unless they are asked for; ``get`` finds them, because history refers to them.

    Attributes:
        model: The table.
        filters: Columns by which lists may be filtered.
        updatable: Columns that ``update`` may change.
        use_versioning: Whether rows carry a version that guards updates.
        use_soft_delete: Whether rows can be put out of use.
    """

    model: type[Model]
    filters: ClassVar[frozenset[str]] = frozenset()
    updatable: ClassVar[frozenset[str]] = frozenset()
    use_versioning: ClassVar[bool] = True
    use_soft_delete: ClassVar[bool] = True

    def __init__(self, session: AsyncSession, tenant_id: str) -> None:
        self.session = session
        self.tenant_id = tenant_id

    async def get(self, row_id: UUID) -> Model | None:
        """Find a row by its key, in use or not."""
        return (await self.session.scalars(self._select().where(self.model.id == row_id))).one_or_none()

    async def get_or_raise(self, row_id: UUID) -> Model:
        """
        Find a row by its key, in use or not.

        Raises:
            NotFoundError: The tenant has no such row.
        """
        row = await self.get(row_id)
        if row is None:
            raise NotFoundError(f"no {self.model.__tablename__} {row_id} in {self.tenant_id!r}")
        return row

    async def list(
        self,
        filters: Mapping[str, Any] | None = None,
        *,
        after: UUID | None = None,
        limit: int = 100,
        include_inactive: bool = False,
    ) -> Sequence[Model]:
        """
        List rows in the order of their birth, a page at a time.

        Args:
            filters: Column and value, or a list of values of which one must fit.
            after: The key of the last row of the page before; None for the first page.
            limit: Rows a page, at most 1,000.
            include_inactive: Whether to list what was put out of use, too.

        Raises:
            InvalidFilterError: A filter names a column that is not offered; names it and those that are.
        """
        question = self._filtered(filters, include_inactive=include_inactive)
        return await self._page(question, self.model.id, after=after, limit=limit)

    async def exists(self, filters: Mapping[str, Any], *, include_inactive: bool = False) -> bool:
        """Whether any row fits."""
        question = self._filtered(filters, include_inactive=include_inactive).limit(1)
        return (await self.session.scalars(question)).first() is not None

    async def count(self, filters: Mapping[str, Any] | None = None, *, include_inactive: bool = False) -> int:
        """Count the rows that fit."""
        question = self._filtered(filters, include_inactive=include_inactive).subquery()
        return (await self.session.scalars(select(func.count()).select_from(question))).one()

    async def add(self, row: Model) -> Model:
        """
        Insert a row of the tenant.

        Raises:
            NotFoundError: Its tenant, or its parent's, is another; nothing was inserted.
        """
        async with self.session.begin_nested():
            self.session.add(row)
            await self.session.flush()
            if await self.get(row.id) is None:
                raise NotFoundError(f"the new {self.model.__tablename__} is not of {self.tenant_id!r}")
        return row

    async def update(self, row_id: UUID, values: Mapping[str, Any], *, expected_version: int | None = None) -> Model:
        """
        Change columns of a row, if it still is what the caller saw.

        Args:
            row_id: The row's key.
            values: Column and new value.
            expected_version: The version that the caller saw; required where the aggregate has versions.

        Raises:
            FieldNotUpdatableError: Names the column and those that may be changed.
            NotFoundError: The tenant has no such row.
            StaleVersionError: Somebody else changed it first.
        """
        foreign = sorted(set(values) - self.updatable)
        if foreign:
            raise FieldNotUpdatableError(
                f"{self.model.__tablename__} does not let {', '.join(foreign)} be changed; "
                f"it lets {', '.join(sorted(self.updatable))}"
            )
        row = await self.get_or_raise(row_id)
        self._guard(row, expected_version)
        return await self._changed(row, values)

    async def deactivate(self, row_id: UUID, *, expected_version: int | None = None) -> Model:
        """
        Put a row out of use; its name is free again.

        Raises:
            NotFoundError: The tenant has no such row.
            StaleVersionError: Somebody else changed it first.
        """
        row = await self.get_or_raise(row_id)
        if expected_version is not None:
            self._guard(row, expected_version)
        return await self._changed(row, {"is_active": False})

    async def _changed(self, row: Model, values: Mapping[str, Any]) -> Model:
        for column, value in values.items():
            setattr(row, column, value)
        try:
            await self.session.flush()
        except StaleDataError as error:
            raise StaleVersionError(f"{self.model.__tablename__} {row.id} was changed meanwhile: read again") from error
        await self.session.refresh(row)
        return row

    def _guard(self, row: Model, expected_version: int | None) -> None:
        version = getattr(row, "version", None)
        if self.use_versioning and version != expected_version:
            raise StaleVersionError(
                f"{self.model.__tablename__} {row.id} is at version {version}, not {expected_version}: read again"
            )

    def _select(self) -> Select[Model]:
        """Ask for rows of the tenant; the one place where its filter is made."""
        return select(self.model).where(of_tenant(self.model, self.tenant_id))

    def _filtered(self, filters: Mapping[str, Any] | None, *, include_inactive: bool = False) -> Select[Model]:
        question = self._select()
        if self.use_soft_delete and not include_inactive:
            question = question.where(self._in_use())
        for name, value in (filters or {}).items():
            question = question.where(self._condition(name, value))
        return question

    def _in_use(self) -> ColumnElement[bool]:
        """Whether a row is in use; aggregates whose parents can be put out of use say so too."""
        return self._column("is_active").is_(True)

    def _condition(self, name: str, value: Any) -> ColumnElement[bool]:
        if name not in self.filters:
            offered = ", ".join(sorted(self.filters)) or "none"
            raise InvalidFilterError(f"{self.model.__tablename__} cannot be filtered by {name!r}; it offers {offered}")
        column = self._column(name)
        return column.in_(value) if isinstance(value, list | tuple | set | frozenset) else column == value

    def _column(self, name: str) -> InstrumentedAttribute[Any]:
        column: InstrumentedAttribute[Any] = getattr(self.model, name)
        return column

    async def _page(
        self, question: Select[Model], *order: InstrumentedAttribute[Any], after: Any, limit: int
    ) -> Sequence[Model]:
        """Read one page by keyset: the rows whose *order* columns are greater than *after*."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidFilterError(f"a page has 1 to {MAX_PAGE} rows, not {limit}")
        if after is not None:
            question = question.where(tuple_(*order) > (after if isinstance(after, tuple) else (after,)))
        return (await self.session.scalars(question.order_by(*order).limit(limit))).all()

    async def _one(self, question: Select[Model]) -> Model | None:
        return (await self.session.scalars(question)).one_or_none()
