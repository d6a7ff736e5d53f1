"""Inviting people, and letting them in."""
