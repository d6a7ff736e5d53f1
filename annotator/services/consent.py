"""Agreeing to what a project does with one's judgments."""

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.consent_text import consent_text
from annotator.errors import RefusedError
from annotator.models import Consent, Membership, Project

from .audit import record


@transaction.atomic
def give_consent(*, membership: Membership, number: int) -> Consent:
    """The member agrees to the words that they were shown under this number; agreeing twice is one consent.

    Refuses when the project has asked something else since.
    """
    # A coordinator who changes the words now waits here, and asks this member anew.
    project = Project.objects.select_for_update(no_key=True).get(pk=membership.project_id)
    if number != project.consent_number:
        raise RefusedError(_("These words were changed a moment ago. Please read them once more."))
    consent, is_new = Consent.objects.get_or_create(
        project=project,
        user=membership.user,
        number=number,
        defaults={
            "licence": project.licence,
            "text": consent_text(project),
            "language": get_language() or "",
        },
    )
    if is_new:
        record("consent.given", actor=membership.user, project=project, target=consent, number=number)
    return consent
