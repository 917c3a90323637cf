"""Declared marks of synthesis and detector scores."""
