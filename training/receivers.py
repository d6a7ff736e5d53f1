"""Receivers of signals."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, Prompt, User
from annotator.signals import prompt_replaced, prompts_imported, time_zone_changed
from ranking.signals import withdrawn

from .models import Taking, TrainingRun, Update
from .services.conversations.removing import forget_conversations
from .services.conversations.visits import end_visits
from .services.jobs import is_waiting
from .services.schedules import leave_out_what_was_due
from .services.telling import tell_failed
from .signals import failed
from .tasks import measure_prompts


@receiver(prompts_imported)
def measure_imported(project: Project, **_kwargs: Any) -> None:
    """Let the worker find out which prompts do not fit the model; a job that waits measures these, too."""
    if not is_waiting(measure_prompts, project.pk):
        measure_prompts.enqueue(project.pk)


@receiver(prompt_replaced)
def keep_what_was_said(prompt: Prompt, **_kwargs: Any) -> None:
    """Words from a conversation go when the person withdraws them, so nobody else makes other ones."""
    if Taking.objects.filter(prompt=prompt).exists():
        raise RefusedError(
            _("These words were said in a conversation and stay as they are. Withdraw the prompt instead.")
        )


@receiver(time_zone_changed)
def leave_out_slots_of_another_zone(project: Project, **_kwargs: Any) -> None:
    """A time that is past in the new zone starts no update."""
    leave_out_what_was_due(project)


@receiver(withdrawn)
def forget_what_was_said(volunteer: User, project: Project | None, **_kwargs: Any) -> None:
    """Who withdraws their judgments withdraws their conversations, too."""
    forget_conversations(volunteer=volunteer, project=project)


@receiver(user_logged_in)
def end_what_a_visitor_said(request: HttpRequest, **_kwargs: Any) -> None:
    """Who signs in begins anew."""
    end_visits(request.session)


@receiver(failed)
def tell_coordinators(update: Update | None, sampling: TrainingRun | None, **_kwargs: Any) -> None:
    tell_failed(update=update, sampling=sampling)
