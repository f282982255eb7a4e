"""Crashes, freezes, lost memory and replaced files."""
