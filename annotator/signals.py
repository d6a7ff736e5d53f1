"""Signals that other apps may listen to."""

from django.dispatch import Signal

time_zone_changed = Signal()
"""Sent in the transaction that gave a project another time zone, with `project`."""
prompts_imported = Signal()
"""Sent when the transaction that stored new prompts has been committed, with `project` and `prompt_ids`."""
prompt_replaced = Signal()
"""Sent in the transaction in which other words take the place of a `prompt`, before anything is changed.

A receiver may raise RefusedError: the words are somebody's own.
"""
