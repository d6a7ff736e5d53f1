"""What people are told about by mail: each kind of event with who is told, and how it reads.

Where it happens, a service calls `tell` (`annotator/services/telling/notices.py`).
"""

from dataclasses import dataclass

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django_stubs_ext import StrOrPromise

from annotator.models import Membership, Project, Role, User


class Kind(models.TextChoices):
    ROUND_OPENED = "round.opened", _("A round has opened")
    ROUND_ENDING = "round.ending", _("The next update comes in a day")
    LEARNED = "judgments.learned", _("A version that learned from somebody's judgments is live")
    PASSED_OVER = "schedule.passed_over", _("A planned update had too little data")
    UPDATE_FAILED = "update.failed", _("An update failed")
    SAMPLING_FAILED = "sampling.failed", _("Answers could not be sampled")
    CANDIDATE = "version.created", _("A candidate waits for a decision")
    RELEASED = "version.released", _("A version was released")
    REJECTED = "version.rejected", _("A version was rejected")
    ROLLED_BACK = "version.rolled_back", _("An earlier version is live again")
    REPORT = "report", _("A report that was scheduled")


@dataclass(frozen=True)
class Told:
    """How an event is told; `subject` and `body` have its facts by name, with `project` and `who`.

    With `has_report` the mail also leads to the report of the round whose number is the fact `round`.
    Only members with one of the `roles` are told, who have all these `settings` of theirs on. `page` is the
    name of the address that the mail leads to, and whether it has the `number` among the facts.
    """

    subject: StrOrPromise
    body: StrOrPromise
    page: tuple[str, bool]
    settings: tuple[str, ...]
    roles: tuple[Role, ...] = (Role.COORDINATOR,)
    has_report: bool = False


_ALL = tuple(Role)
TOLD = {
    Kind.ROUND_OPENED: Told(
        subject=_("%(project)s: round %(number)d is open"),
        body=_("New answers wait for your ranking."),
        page=("desk", False),
        settings=("mail_round_opened",),
        roles=_ALL,
    ),
    Kind.ROUND_ENDING: Told(
        subject=_("%(project)s: one more day for round %(number)d"),
        body=_(
            "You have not ranked in this round of %(project)s yet. The next update is planned for %(time)s "
            "and learns from what was ranked by then."
        ),
        page=("desk", False),
        settings=("mail_round_opened", "mail_round_ending"),
        roles=_ALL,
    ),
    Kind.LEARNED: Told(
        subject=_("%(project)s: what your rankings changed"),
        body=ngettext_lazy(
            "Thank you: version %(number)d is live, and it learned from %(judgments)d judgment of yours. "
            "Against the version before, its win rate is %(win_rate)d %%; 50 %% is as good as before.",
            "Thank you: version %(number)d is live, and it learned from %(judgments)d judgments of yours. "
            "Against the version before, its win rate is %(win_rate)d %%; 50 %% is as good as before.",
            "judgments",
        ),
        page=("project", False),
        settings=("mail_learned",),
        roles=_ALL,
    ),
    Kind.PASSED_OVER: Told(
        subject=_("%(project)s: too little data for the planned update"),
        body=_(
            "The round stays open, and the update is tried at its next time. See what is missing, and by "
            "how much."
        ),
        page=("training", False),
        settings=("mail_failed",),
    ),
    Kind.UPDATE_FAILED: Told(
        subject=_("%(project)s: update %(number)d failed"),
        body=_("See why, and try again. The live version stays as it is."),
        page=("update", True),
        settings=("mail_failed",),
    ),
    Kind.SAMPLING_FAILED: Told(
        subject=_("%(project)s: answers could not be sampled"),
        body=_("See why, and try again. Until then no new round opens by itself."),
        page=("training", False),
        settings=("mail_failed",),
    ),
    Kind.CANDIDATE: Told(
        subject=_("%(project)s: version %(number)d waits for a decision"),
        body=_("Read what was measured, then release it or reject it."),
        page=("version", True),
        settings=("mail_candidate",),
    ),
    Kind.RELEASED: Told(
        subject=_("%(project)s: version %(number)d was released"),
        body=_("By %(who)s. It answers anew for the next round."),
        page=("version", True),
        settings=("mail_decided",),
        has_report=True,
    ),
    Kind.REJECTED: Told(
        subject=_("%(project)s: version %(number)d was rejected"),
        body=_("By %(who)s. The live version stays as it is."),
        page=("version", True),
        settings=("mail_decided",),
        has_report=True,
    ),
    Kind.ROLLED_BACK: Told(
        subject=_("%(project)s: version %(number)d is live again"),
        body=_("%(who)s went back to it."),
        page=("version", True),
        settings=("mail_decided",),
    ),
    Kind.REPORT: Told(
        subject=_("%(project)s: how round %(number)d stands"),
        body=_(
            "Judgments: %(judgments)d. People who gave them: %(people)d. See what was learned from them, and "
            "what it took."
        ),
        page=("report", True),
        settings=("mail_report",),
    ),
}


def wanting(kind: Kind, project: Project) -> QuerySet[User]:
    """The members who are told of this kind of event by mail."""
    told = TOLD[kind]
    members = Membership.objects.filter(project=project, role__in=told.roles)
    if told.roles == (Role.COORDINATOR,):
        members = members.coordinating()
    chosen = dict.fromkeys(told.settings, True)
    return User.objects.filter(pk__in=members.values("user"), is_active=True, is_simulated=False, **chosen)
