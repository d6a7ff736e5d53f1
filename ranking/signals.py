"""Signals that other apps may listen to."""

from django.dispatch import Signal

withdrawn = Signal()
"""Sent in the transaction that withdrew all judgments of `volunteer` in a `project`, or in all with None."""
