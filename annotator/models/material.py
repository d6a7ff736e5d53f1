"""Prompts, the completions that answer them, and who wrote those."""

import hashlib
import json
import re
from typing import Any, Self

from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from .people import Project, User

HELD_OUT_SHARE = 0.2
VERSION_NAME = re.compile(r"Version (\d{1,9})")


class Split(models.TextChoices):
    TRAIN = "train", _("Train")
    HELD_OUT = "held_out", _("Held out")


def hash_messages(messages: list[dict[str, str]]) -> str:
    """SHA-256 in hex of the canonical JSON of a conversation: what makes a prompt the same prompt."""
    canonical = json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def split_of(content_hash: str) -> Split:
    """The split of a prompt, from its hash alone: one fifth is held out, once and for ever."""
    share = int(content_hash[:8], 16) / 2**32
    return Split.HELD_OUT if share < HELD_OUT_SHARE else Split.TRAIN


class Author(models.Model):
    """Who wrote a completion: a model version, a person or an import."""

    class Kind(models.TextChoices):
        MODEL = "model", _("Model version")
        PERSON = "person", _("Person")
        IMPORT = "import", pgettext_lazy("author of an answer", "Import")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="authors")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=120)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("project", "kind", "name"), name="author_name_once_per_project"),
        )

    def __str__(self) -> str:
        """The name; that of a model version, which no person gave, in the reader's language."""
        version = VERSION_NAME.fullmatch(self.name) if self.kind == self.Kind.MODEL else None
        return gettext("Version %(number)d") % {"number": int(version[1])} if version else self.name


class PromptQuerySet(models.QuerySet["Prompt"]):
    def train(self) -> Self:
        return self.filter(split=Split.TRAIN)

    def held_out(self) -> Self:
        return self.filter(split=Split.HELD_OUT)

    def containing(self, words: str) -> Self:
        """Prompts in whose messages the words stand, in either case."""
        return self.filter(search_text__contains=words.casefold())


class Prompt(models.Model):
    """The messages that a completion answers; the last one is the user's.

    `messages` is a list of `{"role": "user" | "assistant", "content": text}`. The project's system
    prompt is not stored here: it is put before the messages whenever a model sees them.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts")
    messages: Any = models.JSONField()
    language = models.CharField(max_length=35, default="en")
    source = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    split = models.CharField(max_length=8, choices=Split.choices, editable=False)
    search_text = models.TextField(
        default="", editable=False, help_text="All messages' texts, casefolded: what a search looks in."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("project", "content_hash"), name="prompt_once_per_project"),
        )

    def __str__(self) -> str:
        return self.question

    @property
    def question(self) -> str:
        """The last message: what is being asked."""
        return str(self.messages[-1]["content"])

    @property
    def earlier_messages(self) -> list[dict[str, str]]:
        return list(self.messages[:-1])

    def full_messages(self) -> list[dict[str, str]]:
        """What a model is given: the project's system prompt, if any, then the conversation."""
        system_prompt = self.project.system_prompt
        system = [{"role": "system", "content": system_prompt}] if system_prompt else []
        return [*system, *self.messages]


class Completion(models.Model):
    """One answer to a prompt."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="completions")
    author = models.ForeignKey(Author, on_delete=models.PROTECT, related_name="completions")
    text = models.TextField()
    text_hash = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("prompt", "author", "text_hash"), name="completion_once_per_author"
            ),
        )

    def __str__(self) -> str:
        return self.text[:80]
