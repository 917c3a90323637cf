"""Migrations of the tables of ledger and registry, run by Alembic through ``provenance db upgrade``."""
