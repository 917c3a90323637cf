"""Migrations of the tables of ledger and registry, and ``env.py``, which runs those of other sets of tables too."""
