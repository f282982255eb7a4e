"""Hostile schemas, values and mutations."""
