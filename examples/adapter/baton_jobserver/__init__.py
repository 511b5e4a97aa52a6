"""Baton's example adapter: a generic REST job API."""
