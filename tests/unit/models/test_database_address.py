"""The database's URL is put together from what Kubernetes hands out of Secrets."""

import pytest

from baton_models.address import database_url
from baton_models.database import psycopg_url

URL = "postgresql://one:5432,two:5432/baton?sslmode=verify-full"


@pytest.mark.parametrize("password", ["plain", "p@ss:w/rd?#%", "ü ß+&="])
def test_a_password_may_hold_any_character(password: str) -> None:
    given = {"BATON_DATABASE_URL": URL, "BATON_DATABASE_USER": "app@x", "BATON_DATABASE_PASSWORD": password}
    found = psycopg_url(database_url(given))
    assert (found.username, found.password, found.database) == ("app@x", password, "baton")
    assert found.query == {"host": ("one:5432", "two:5432"), "sslmode": "verify-full"}


def test_a_url_that_names_its_user_is_left_alone() -> None:
    url = "postgresql://owner:secret@host/name"
    assert database_url({"BATON_DATABASE_URL": url, "BATON_DATABASE_USER": "other"}) == url


def test_an_at_sign_behind_the_host_is_no_user() -> None:
    given = {"BATON_DATABASE_URL": "postgresql://host/n?options=a@b", "BATON_DATABASE_USER": "u"}
    assert database_url(given) == "postgresql://u@host/n?options=a@b"


def test_nothing_set_is_nothing() -> None:
    assert not database_url({"BATON_DATABASE_USER": "u", "BATON_DATABASE_PASSWORD": "p"})
