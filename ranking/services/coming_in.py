"""The way from an invitation to the first comparison, and what is put in between later."""

from dataclasses import dataclass

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from annotator.errors import NotReadyError
from annotator.models import Consent, GuidelinesVersion, Membership


class Step(models.TextChoices):
    """What comes before ranking, in its order."""

    CONSENT = "consent"
    GUIDELINES = "guidelines"


@dataclass(frozen=True)
class Way:
    """The steps of a member, and those of them that are still before them."""

    steps: list[Step]
    left: list[Step]

    @property
    def next(self) -> Step | None:
        return self.left[0] if self.left else None


def way_of(membership: Membership) -> Way:
    """What stands between the member and the next comparison; a simulated one never has anything left."""
    project = membership.project
    guidelines = GuidelinesVersion.objects.current(project)
    agreed = Consent.objects.filter(
        project=project, user=membership.user_id, number=project.consent_number
    ).exists()
    left = {
        Step.CONSENT: not agreed,
        Step.GUIDELINES: bool(
            guidelines and guidelines.text and guidelines.number > membership.guidelines_read
        ),
    }
    has = {Step.CONSENT: True, Step.GUIDELINES: bool(guidelines and guidelines.text)}
    if membership.user.is_simulated:
        return Way(steps=[], left=[])
    return Way(steps=[step for step in Step if has[step]], left=[step for step in Step if left[step]])


@transaction.atomic
def come_in(*, membership: Membership) -> Step | None:
    """The member's next step; with none left they are ready from now on."""
    # Whoever changes the guidelines or the consent now waits here, and makes this member unready again.
    locked = Membership.objects.select_for_update().get(pk=membership.pk)
    step = way_of(locked).next
    if step is None and locked.ready_at is None:
        locked.become_ready()
    membership.ready_at, membership.came_in_at = locked.ready_at, locked.came_in_at
    return step


def check_readiness(*, membership: Membership) -> None:
    """Raise NotReadyError, with the address to go to, unless the member may rank."""
    if membership.ready_at is None and come_in(membership=membership):
        address = settings.SITE_URL + reverse("coming-in", args=[membership.project.slug])
        raise NotReadyError(
            _("Before you rank there is something to read on the project's pages: %s") % address
        )
