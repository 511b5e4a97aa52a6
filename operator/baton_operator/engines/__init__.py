"""Adapters to outside orchestrators: one contract, one file an adapter; they do not know each other."""
