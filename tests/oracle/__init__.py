"""The independent judge of copies."""
