"""To whom a project's live version answers, and at what length."""

from django.db import transaction

from annotator.models import AuditEvent, Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from training.facts import serving_facts
from training.models import ServingSettings


def save_serving(
    *, project: Project, audience: str, max_answer_tokens: int, actor: User, shown: Shown | None = None
) -> ServingSettings:
    """Set who is answered; the serving process and the next request go by it."""
    values = {"audience": audience, "max_answer_tokens": max_answer_tokens}
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_shown(shown, serving_facts(project))
        saved, _ = ServingSettings.objects.update_or_create(project=project, defaults=values)
        record("serving.saved", actor=actor, project=project, target=saved, **values)
    return saved


def last_saved(project: Project) -> AuditEvent | None:
    """Who set that, and when; None before anybody did."""
    return AuditEvent.objects.about(project, "serving.saved").select_related("actor").first()
