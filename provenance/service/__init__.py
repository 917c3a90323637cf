"""What the service remembers besides ledger and registry: keys, deposits, jobs, watches; all on one database."""
