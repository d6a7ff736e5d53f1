"""Receivers of the signals of annotator and ranking."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from annotator.models import Project, User
from annotator.signals import prompts_imported
from ranking.signals import withdrawn

from .services.conversations.removing import forget_conversations
from .services.conversations.visits import end_visits
from .tasks import measure_prompts


@receiver(prompts_imported)
def measure_imported(project: Project, **_kwargs: Any) -> None:
    """Let the worker find out which prompts do not fit the model, before anything is sampled."""
    measure_prompts.enqueue(project.pk)


@receiver(withdrawn)
def forget_what_was_said(volunteer: User, project: Project | None, **_kwargs: Any) -> None:
    """Who withdraws their judgments withdraws their conversations, too."""
    forget_conversations(volunteer=volunteer, project=project)


@receiver(user_logged_in)
def end_what_a_visitor_said(request: HttpRequest, **_kwargs: Any) -> None:
    """Who signs in begins anew."""
    end_visits(request.session)
