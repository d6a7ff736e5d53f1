"""Prompts, and the split that each belongs to."""

import hashlib
import json
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from .projects import Project

HELD_OUT_SHARE = 0.2


class Split(models.TextChoices):
    TRAIN = "train", _("Train")
    HELD_OUT = "held_out", _("Held out")


def hash_messages(messages: list[dict[str, str]]) -> str:
    """SHA-256 in hex of the canonical JSON of a conversation: what makes a prompt the same prompt."""
    canonical = json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def split_of(messages: list[dict[str, str]]) -> Split:
    """The split of a prompt, from a hash of its conversation alone: one fifth is held out, once and for ever.

    A system message does not count, so that a conversation is on one side with any of them.
    """
    share = int(hash_messages(without_system(messages))[:8], 16) / 2**32
    return Split.HELD_OUT if share < HELD_OUT_SHARE else Split.TRAIN


def without_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    return messages[1:] if messages[0]["role"] == "system" else messages


class PromptQuerySet(models.QuerySet["Prompt"]):
    def train(self) -> Self:
        return self.filter(split=Split.TRAIN)

    def held_out(self) -> Self:
        return self.filter(split=Split.HELD_OUT)

    def in_use(self) -> Self:
        """Prompts that nobody has withdrawn."""
        return self.filter(withdrawn_at=None)

    def available(self) -> Self:
        """Prompts in use that are not too long for the project's model."""
        return self.in_use().filter(too_long=False)

    def containing(self, words: str) -> Self:
        """Prompts whose messages contain the words, ignoring case."""
        return self.filter(search_text__contains=words.casefold())

    def tagged(self, tag: str) -> Self:
        """Prompts that have this tag, in capitals or not."""
        # SQLite cannot look into a list. Its text has each tag in quotes, and there letters beyond ASCII as
        # codes.
        as_text = self.alias(tags_text=Cast("tags", models.TextField()))
        spelled = (json.dumps(tag), json.dumps(tag, ensure_ascii=False))
        return as_text.filter(Q(tags_text__icontains=spelled[0]) | Q(tags_text__icontains=spelled[1]))

    def in_language(self, code: str) -> Self:
        """Prompts in a language, such as `pt`, of any region."""
        return self.filter(Q(language__iexact=code) | Q(language__istartswith=f"{code}-"))


class Prompt(models.Model):
    """The messages that a completion answers; the last one is the user's.

    `messages` is a list of `{"role": "user" | "assistant", "content": text}`. A first one of the role
    `system` is the prompt's own and takes the place of the project's system prompt. That is not stored here:
    it is put before the messages whenever a model sees them.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts")
    number = models.PositiveIntegerField(editable=False)
    messages: Any = models.JSONField()
    language = models.CharField(max_length=35, default="en")
    source = models.CharField(max_length=200, blank=True)
    tags: Any = models.JSONField(
        default=list, blank=True, help_text="What it is about, in a few short words."
    )
    content_hash = models.CharField(max_length=64, editable=False)
    split = models.CharField(max_length=8, choices=Split.choices, editable=False)
    search_text = models.TextField(
        default="", editable=False, help_text="All messages' texts, casefolded: what a search looks in."
    )
    tokens = models.PositiveIntegerField(
        null=True, editable=False, help_text="How long it is for the project's model; empty until measured."
    )
    too_long = models.BooleanField(
        default=False, editable=False, help_text="It does not fit the project's model, which is not asked it."
    )
    token_limit = models.PositiveIntegerField(
        null=True, editable=False, help_text="How many tokens the model takes, where the prompt is too long."
    )
    withdrawn_at = models.DateTimeField(
        null=True, editable=False, help_text="No model is asked it from then on, and no new dataset has it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("project", "content_hash"), name="prompt_once_per_project"),
            models.UniqueConstraint(fields=("project", "number"), name="prompt_number_once"),
        )

    def __str__(self) -> str:
        return self.question

    @property
    def question(self) -> str:
        """The last message: what is being asked."""
        return str(self.messages[-1]["content"])

    @property
    def conversation(self) -> list[dict[str, str]]:
        """The messages of the user and the assistant: what people are shown."""
        return without_system(self.messages)

    @property
    def earlier_messages(self) -> list[dict[str, str]]:
        """The conversation before the question."""
        return self.conversation[:-1]

    def relabel(self, *, language: str, source: str, tags: list[str]) -> None:
        """Correct what is said about the prompt; its messages never change."""
        self.language, self.source, self.tags = language, source, tags
        self.save(update_fields=["language", "source", "tags"])

    def full_messages(self) -> list[dict[str, str]]:
        """All messages that a model is given, with the system prompt."""
        return self.messages_after(self.system_prompt)

    def messages_after(self, system_prompt: str) -> list[dict[str, str]]:
        """The messages after a system prompt, if it is not empty."""
        system = [{"role": "system", "content": system_prompt}] if system_prompt else []
        return [*system, *self.messages]

    @property
    def system_prompt(self) -> str:
        """The prompt's own system message, else the project's system prompt."""
        return "" if self.messages[0]["role"] == "system" else self.project.system_prompt
