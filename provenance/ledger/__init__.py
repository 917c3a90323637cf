"""The append-only log of registrations and the registry beside it."""
