"""Completions, and who wrote them."""

import re

from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from .projects import Project
from .prompts import Prompt
from .users import User

VERSION_NAME = re.compile(r"Version (\d{1,9})")


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


class Completion(models.Model):
    """One answer to a prompt."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="completions")
    author = models.ForeignKey(Author, on_delete=models.PROTECT, related_name="completions")
    text = models.TextField()
    system_prompt = models.TextField(
        blank=True,
        default="",
        editable=False,
        help_text="What the model was given before the prompt's messages; empty for none, and for people.",
    )
    text_hash = models.CharField(
        max_length=64, editable=False, help_text="Of the system prompt, if any, and the text."
    )
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
