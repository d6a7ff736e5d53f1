"""Mail about new rounds to members who asked for it."""

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from annotator.models import Project, User
from annotator.services.mail import make_mail
from ranking.models import Round


def wanting_rounds(project: Project) -> QuerySet[User]:
    """The members who asked for a mail when a round opens."""
    return User.objects.filter(memberships__project=project, mail_round_opened=True, is_active=True)


def members_to_tell(round_id: int) -> list[int]:
    """Who gets a mail about the round; nobody when it has closed in the meantime."""
    opened = Round.objects.open().select_related("project").filter(pk=round_id).first()
    return list(wanting_rounds(opened.project).values_list("pk", flat=True)) if opened else []


def send_round_opened(round_id: int, user_id: int) -> None:
    """Write to one member in their own language, if the round is open and they still want it."""
    opened = Round.objects.open().select_related("project").filter(pk=round_id).first()
    user = opened and wanting_rounds(opened.project).filter(pk=user_id).first()
    if not opened or not user:
        return
    desk = settings.SITE_URL + reverse("desk", args=[opened.project.slug])
    with translation.override(user.interface_language or settings.LANGUAGE_CODE):
        words = {"project": opened.project.name, "number": opened.number, "address": desk}
        message = make_mail(
            user=user,
            subject=_("%(project)s: round %(number)d is open") % words,
            body=_("There are new answers to compare in %(project)s.\n\n%(address)s") % words,
        )
    message.send()
