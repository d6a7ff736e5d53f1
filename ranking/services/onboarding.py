"""The steps before a member may rank: consent, guidelines, practice."""

from dataclasses import dataclass

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from annotator.errors import NotReadyError
from annotator.models import Consent, GuidelinesVersion, Membership, Role


class Step(models.TextChoices):
    """What comes before ranking, in its order."""

    CONSENT = "consent"
    GUIDELINES = "guidelines"
    PRACTICE = "practice"


@dataclass(frozen=True)
class Onboarding:
    """The steps of a member, and those still to do."""

    steps: list[Step]
    left: list[Step]

    @property
    def next(self) -> Step | None:
        return self.left[0] if self.left else None


def onboarding_of(membership: Membership) -> Onboarding:
    """The member's onboarding steps; a simulated volunteer has none."""
    if membership.user.is_simulated:
        return Onboarding(steps=[], left=[])
    project = membership.project
    consents = Consent.objects.filter(user=membership.user_id, project=project)
    guidelines = GuidelinesVersion.objects.current(project)
    written = guidelines.number if guidelines and guidelines.text else 0
    left = {
        Step.CONSENT: not consents.filter(number=project.consent_number).exists(),
        Step.GUIDELINES: written > membership.guidelines_read,
        Step.PRACTICE: not membership.practice_attempts.filter(passed=True).exists(),
    }
    steps = [Step.CONSENT]
    if written:
        steps.append(Step.GUIDELINES)
    if _has_to_practise(membership):
        steps.append(Step.PRACTICE)
    return Onboarding(steps=steps, left=[step for step in steps if left[step]])


def _has_to_practise(membership: Membership) -> bool:
    """Volunteers practise before their first comparison, and never again."""
    is_new = membership.role == Role.VOLUNTEER and membership.first_ready_at is None
    return is_new and membership.project.practice_comparisons.in_use().exists()


@transaction.atomic
def continue_onboarding(*, membership: Membership) -> Step | None:
    """The member's next step; with none left, marks them ready."""
    # Whoever changes the guidelines or the consent now waits here, and makes this member unready again.
    locked = Membership.objects.select_for_update().get(pk=membership.pk)
    step = onboarding_of(locked).next
    if step is None and locked.ready_at is None:
        locked.become_ready()
    membership.ready_at, membership.first_ready_at = locked.ready_at, locked.first_ready_at
    return step


def check_readiness(*, membership: Membership) -> None:
    """Raise NotReadyError, with the address to go to, unless the member may rank."""
    if membership.ready_at is None and continue_onboarding(membership=membership):
        address = settings.SITE_URL + reverse("onboarding", args=[membership.project.slug])
        raise NotReadyError(
            _("Before you rank there is something to read on the project's pages: %s") % address
        )
