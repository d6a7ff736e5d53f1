"""Whom a project's live version answers."""

from typing import Any

from django.db.models import Q, QuerySet

from annotator.models import Project, User
from training.models import ModelVersion, ServingSettings

Audience = ServingSettings.Audience


def chatbots_for(user: Any) -> QuerySet[Project]:
    """The projects whose live version answers this person, or an AnonymousUser."""
    answers = Q(serving_settings__audience=Audience.PUBLIC)
    if isinstance(user, User):
        served = Q(serving_settings=None) | ~Q(serving_settings__audience=Audience.NOBODY)
        answers |= Q(memberships__user=user) & served
    live = ModelVersion.objects.live().values("project")
    return Project.objects.filter(answers, pk__in=live).distinct()
