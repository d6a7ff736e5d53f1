"""Signals of training."""

from django.dispatch import Signal

failed = Signal()
"""Sent in the transaction in which an `update`, or a `sampling` run, failed; the other is None."""
