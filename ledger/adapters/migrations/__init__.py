"""Alembic migrations of the store, packaged with the program; versions/ holds one file a step."""
