"""The mail that tells one person of all that waits for them."""

from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from annotator.events import TOLD, Kind, wanting
from annotator.mail_jobs import is_final
from annotator.models import Notice, User

from .mail import make_mail

PAUSE = timedelta(hours=1)
"""Between two mails to one person: what happens meanwhile comes in one."""


def people_to_tell(event_id: int) -> list[int]:
    """Who is to be told of the event yet."""
    return list(Notice.objects.waiting().filter(event=event_id).values_list("user_id", flat=True))


def send_notices(user_id: int) -> datetime | None:
    """Mail a person all that waits for them, in their language; when to come again if they just had a mail.

    What they no longer want, or may no longer know, is not sent.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None or not user.notices.waiting().exists():
        return None
    last = user.notices.aggregate(last=Max("sent_at"))["last"]
    if last and last > timezone.now() - PAUSE:
        return last + PAUSE
    if notices := _take(user):
        try:
            _compose(user, notices).send()
        except (OSError, SMTPException) as error:
            if not is_final(error):
                Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(sent_at=None)
            raise
    return None


@transaction.atomic
def _take(user: User) -> list[Notice]:
    """What is to be sent, marked as sent, so that of two workers one has it."""
    locked = user.notices.waiting().select_for_update(of=("self",), no_key=True)
    notices = list(locked.select_related("event__project", "event__actor"))
    wanted = [one for one in notices if wanting(Kind(one.event.kind), one.event.project).filter(pk=user.pk)]
    Notice.objects.filter(pk__in=[one.pk for one in notices if one not in wanted]).delete()
    Notice.objects.filter(pk__in=[one.pk for one in wanted]).update(sent_at=timezone.now())
    return wanted


def _compose(user: User, notices: list[Notice]) -> EmailMessage:
    with translation.override(user.interface_language or settings.LANGUAGE_CODE):
        texts = [_words(notice) for notice in notices]
        more = f" (+{len(texts) - 1})" if len(texts) > 1 else ""
        parts = [f"{subject}\n\n{body}" for subject, body in texts] if more else [texts[0][1]]
        chosen = [TOLD[Kind(notice.event.kind)].settings[-1] for notice in notices]
        return make_mail(user=user, subject=texts[0][0] + more, body="\n\n\n".join(parts), chosen=chosen)


def _words(notice: Notice) -> tuple[str, str]:
    """Subject and body; a name with line breaks in it cannot look like a line of ours."""
    event = notice.event
    told, project = TOLD[Kind(event.kind)], event.project
    facts = event.facts | notice.facts
    if moment := parse_datetime(facts.get("time", "")):
        facts["time"] = f"{date_format(localtime(moment, project.zone), 'DATETIME_FORMAT')} ({project.zone})"
    facts["project"] = " ".join(project.name.split())
    facts["who"] = " ".join(str(event.actor or "Chorus").split())
    name, has_number = told.page
    address = reverse(name, args=[project.slug, *([facts["number"]] if has_number else [])])
    body = f"{told.body % facts}\n\n{settings.SITE_URL}{address}"
    if told.has_report and "round" in facts:
        report = reverse("report", args=[project.slug, facts["round"]])
        body += "\n\n" + _("The report of the round:") + f"\n{settings.SITE_URL}{report}"
    return str(told.subject % facts), body
