"""Signals that other apps may listen to."""

from django.dispatch import Signal

prompts_imported = Signal()
"""Sent when the transaction that stored new prompts has been committed, with `project` and `prompt_ids`."""
