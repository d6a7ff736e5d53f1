"""What a project asks its volunteers to agree to, in plain words."""

import hashlib

from django.utils.translation import gettext as _
from django.utils.translation import override

from annotator.models import Licence, Project


def consent_text(project: Project) -> str:
    """The project's own words in Markdown; without any, those below in the reader's language."""
    return project.consent_text or default_words(project)


def hash_of_default_words(licence: str) -> str:
    """SHA-256 in hex of the words that come with this version of Chorus, in English, for any project."""
    with override("en"):
        return hashlib.sha256(default_words(Project(licence=licence)).encode()).hexdigest()


def default_words(project: Project) -> str:
    licence = Licence(project.licence)
    named = {
        "project": project.name,
        "licence": f"[{licence.label}]({licence.url})",
        "meaning": licence.meaning,
    }
    stored = [
        _("your name, your e-mail address and when you signed in, from which device and network address;"),
        _("how you judge answers: ranks, flags, ratings and anything you write, with the time it took."),
    ]
    leaving = [
        _("You may stop at any time, without a reason."),
        _("In your account you can take a copy of what is stored about you, and withdraw."),
        _("Then your account is erased, and later data sets leave your judgments out."),
        _("Data sets that others have already cannot be called back. They are marked."),
    ]
    return "\n\n".join(
        [
            "# " + _("What is stored"),
            "\n".join(f"- {one}" for one in stored),
            _("Only the people who run the project can see who judged how."),
            "# " + _("What is published"),
            _(
                "Your judgments teach the chatbot of %(project)s. They may also be published, without your "
                "name and address, under %(licence)s: %(meaning)s."
            )
            % named,
            _("Write nothing about yourself or others that should stay private."),
            "# " + _("How to withdraw"),
            " ".join(leaving),
        ]
    )
