"""Verdicts as text, JSON, pictures and pages."""
