"""Migrations of what the service remembers. They say what was, so they import nothing of the program's tables."""
