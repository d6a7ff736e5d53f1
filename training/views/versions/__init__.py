"""Versions: one with its files, and decisions about it."""
