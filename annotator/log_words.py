"""What the log's page says of each kind of audit row; other apps add the sentences of theirs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from annotator.models import GuidelinesVersion, Prompt, Role, User

Names = Callable[[Iterable[int]], Mapping[int, object]]
"""What a sentence calls the rows of these ids; a row that is gone is left out."""


class Group(models.TextChoices):
    """What the log can be narrowed to."""

    PEOPLE = "people", _("People")
    PROMPTS = "prompts", _("Prompts")
    ROUNDS = "rounds", _("Rounds and rankings")
    DATASETS = "datasets", _("Datasets")
    UPDATES = "updates", _("Training")
    VERSIONS = "versions", _("Versions")
    CHAT = "chat", _("Chat")
    SETTINGS = "settings", _("Settings")


@dataclass(frozen=True)
class Sentence:
    """`words` has `who`, `target` and the row's data by name. By itself: where nobody acted, Chorus did."""

    group: Group
    words: StrOrPromise
    by_itself: bool


SENTENCES: dict[str, Sentence] = {}
NAMES: dict[str, Names] = {}
VALUES: dict[str, StrOrPromise] = {}


def add_sentences(group: Group, words: Mapping[str, StrOrPromise], *, by_itself: bool = False) -> None:
    """Let the log tell these verbs."""
    SENTENCES.update({verb: Sentence(group, each, by_itself) for verb, each in words.items()})


def add_numbered(*kinds: type[models.Model]) -> None:
    """Let sentences call rows of these models by their numbers."""
    for kind in kinds:
        NAMES[str(kind._meta.model_name)] = _by_number(kind)


def add_values(values: Mapping[str, StrOrPromise]) -> None:
    """Let sentences say these words for values in a row's data."""
    VALUES.update(values)


def _by_number(kind: type[models.Model]) -> Names:
    return lambda ids: dict(kind._default_manager.filter(pk__in=ids).values_list("pk", "number"))


def _users(ids: Iterable[int]) -> Mapping[int, object]:
    return User.objects.in_bulk(list(ids))


NAMES["user"] = _users
add_numbered(Prompt, GuidelinesVersion)
add_values({role.value: role.label for role in Role})
add_sentences(
    Group.PEOPLE,
    {
        "invitation.created": _("%(who)s made an invitation, as: %(role)s"),
        "open_link.created": _("%(who)s made an open link; people who may join: %(most_joins)s"),
        "invitation.revoked": _("%(who)s revoked an invitation"),
        "invitation.accepted": _("%(who)s joined, as: %(role)s"),
        "member.role_changed": _("%(who)s changed the role of %(target)s from %(before)s to %(after)s"),
        "member.removed": _("%(who)s removed %(target)s from the project"),
        "consent.given": _("%(who)s agreed to what becomes of their judgments"),
        "api_token.created": _("%(who)s made an API token"),
        "api_token.revoked": _("%(who)s revoked their API token"),
    },
)
add_sentences(
    Group.PEOPLE,
    {
        "sign_in_link.created": _("%(who)s made a link that signs %(target)s in"),
        "account.erased": _("An account was erased"),
    },
    by_itself=True,
)
add_sentences(
    Group.PROMPTS,
    {
        "prompts.imported": _("%(who)s added prompts: %(taken)s"),
        "prompts.withdrawn": _("%(who)s withdrew prompts: %(prompts)s"),
        "prompts.restored": _("%(who)s put withdrawn prompts back: %(prompts)s"),
    },
    by_itself=True,
)
add_sentences(
    Group.PROMPTS,
    {
        "prompt.edited": _("%(who)s edited prompt %(before)s, which is prompt %(after)s now"),
        "prompt.relabelled": _("%(who)s corrected the language or source of prompt %(target)s"),
    },
)
add_sentences(
    Group.SETTINGS,
    {
        "project.created": _("%(who)s founded the project"),
        "project.changed": _("%(who)s changed the settings"),
        "webhook.added": _("%(who)s added a webhook to %(host)s"),
        "webhook.removed": _("%(who)s removed the webhook to %(host)s"),
        "guidelines.written": _("%(who)s wrote version %(number)s of the guidelines"),
    },
)
add_sentences(
    Group.SETTINGS,
    {"consent.words_changed": _("%(who)s brought other words to agree to, and asks everybody anew")},
    by_itself=True,
)
