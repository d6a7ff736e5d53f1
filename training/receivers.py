"""Receivers of annotator's signals."""

from typing import Any

from django.dispatch import receiver

from annotator.models import Project
from annotator.signals import prompts_imported

from .tasks import measure_prompts


@receiver(prompts_imported)
def measure_imported(project: Project, **_kwargs: Any) -> None:
    """Let the worker find out which prompts do not fit the model, before anything is sampled."""
    measure_prompts.enqueue(project.pk)
