"""Alembic's way into the chain of an extension; packages bring no ``env.py`` of their own."""

from baton_migrations import environment

environment.run()
