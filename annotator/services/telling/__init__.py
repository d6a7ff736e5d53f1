"""Telling people and other programs what happens."""
