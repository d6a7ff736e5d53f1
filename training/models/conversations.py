"""Conversations of members with the live version, what they said about its answers, and what was taken."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Consent, Project, Prompt, User
from ranking.models import Comparison, UnpairedPreference

from .versions import ModelVersion


class Conversation(models.Model):
    """What a member and the chatbot wrote, for the member alone unless they agreed that it may teach.

    `words` are those that they agreed to, as they read them; they can take that back.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="conversations")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="conversations")
    language = models.CharField(max_length=35, help_text="Of the pages when it was begun.")
    consent = models.ForeignKey(
        Consent,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="+",
        help_text="To the project's terms, under which what is taken is published.",
    )
    words = models.TextField(blank=True)
    agreed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-updated_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(agreed_at=None, consent=None) | Q(agreed_at__isnull=False, consent__isnull=False),
                name="agreed_to_the_terms_too",
            ),
        )

    def __str__(self) -> str:
        first = self.turns.first()
        return first.question[:80] if first else ""

    @property
    def may_teach(self) -> bool:
        return self.agreed_at is not None

    def agree(self, consent: Consent, words: str) -> None:
        self.consent, self.words, self.agreed_at = consent, words, timezone.now()
        self.save(update_fields=["consent", "words", "agreed_at"])

    def take_back(self) -> None:
        self.consent, self.words, self.agreed_at = None, "", None
        self.save(update_fields=["consent", "words", "agreed_at"])

    def messages_before(self, turn: "Turn") -> list[dict[str, str]]:
        """The conversation up to and with a turn's question, as a model is given it."""
        messages = []
        for earlier in self.turns.filter(number__lt=turn.number).prefetch_related("replies"):
            if reply := earlier.kept:
                messages.append({"role": "user", "content": earlier.question})
                messages.append({"role": "assistant", "content": reply.text})
        return [*messages, {"role": "user", "content": turn.question}]


class TurnQuerySet(models.QuerySet["Turn"]):
    def to_review(self, project: Project) -> Self:
        """Answered turns that may teach and about which no reviewer has decided, the oldest first."""
        return (
            self.filter(conversation__project=project, conversation__agreed_at__isnull=False, decision="")
            .filter(replies__isnull=False)
            .distinct()
            .order_by("pk")
        )


class Turn(models.Model):
    """A question in a conversation, and what a reviewer decided about learning from it."""

    class Decision(models.TextChoices):
        OPEN = "", _("To decide")
        TAKEN = "taken", _("Taken")
        LEFT = "left", _("Left")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    question = models.TextField()
    stop_requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When the member stopped the answer that was being written."
    )
    decision = models.CharField(max_length=5, choices=Decision.choices, default=Decision.OPEN, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("conversation", "number"), name="turn_number_once"),)

    def __str__(self) -> str:
        return self.question[:80]

    @property
    def kept(self) -> "Reply | None":
        """The reply with which the conversation goes on; `replies` may be prefetched."""
        return next((reply for reply in self.replies.all() if reply.is_kept), None)

    def request_stop(self) -> None:
        """Ask whatever process writes its answer to stop."""
        self.stop_requested_at = timezone.now()
        self.save(update_fields=["stop_requested_at"])

    def is_stop_requested(self, since: datetime) -> bool:
        """Whether the member asked, after that moment, that the answer stops."""
        return Turn.objects.filter(pk=self.pk, stop_requested_at__gt=since).exists()

    def decide(self, decision: Decision) -> None:
        self.decision = decision
        self.save(update_fields=["decision"])


class Reply(models.Model):
    """A version's answer to a turn's question; of several the conversation goes on with one."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="replies")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField()
    system_prompt = models.TextField(blank=True, help_text="What the model was given before the messages.")
    is_whole = models.BooleanField(default=True, help_text="False where the member stopped it.")
    is_kept = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "replies"
        constraints = (
            models.UniqueConstraint(
                fields=("turn",), condition=Q(is_kept=True), name="one_kept_reply_per_turn"
            ),
        )

    def __str__(self) -> str:
        return self.text[:80]

    def keep(self) -> None:
        """Let the conversation go on with this reply."""
        Reply.objects.filter(turn=self.turn_id, is_kept=True).update(is_kept=False)
        self.is_kept = True
        self.save(update_fields=["is_kept"])


class Thumb(models.Model):
    """The member's thumb up or down about a reply, with what is wrong with it."""

    reply = models.OneToOneField(Reply, on_delete=models.CASCADE, related_name="thumb")
    is_up = models.BooleanField()
    flags: Any = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)


class Choice(models.Model):
    """Two replies side by side, which the member saw in this order and may choose between."""

    class Preferred(models.TextChoices):
        OPEN = "", _("Not chosen yet")
        A = "a", _("A is better")
        EQUAL = "equal", _("About equal")
        B = "b", _("B is better")

    turn = models.OneToOneField(Turn, on_delete=models.CASCADE, related_name="choice")
    a = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="+")
    b = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="+")
    preferred = models.CharField(max_length=5, choices=Preferred.choices, default=Preferred.OPEN, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    chosen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=~Q(a=models.F("b")), name="choice_between_two"),)

    @property
    def seconds(self) -> float:
        """How long the member took."""
        return (self.chosen_at - self.created_at).total_seconds() if self.chosen_at else 0.0

    def choose(self, preferred: str) -> None:
        self.preferred, self.chosen_at = preferred, timezone.now()
        self.save(update_fields=["preferred", "chosen_at"])


class Edit(models.Model):
    """How the member thinks that a reply should have been said."""

    reply = models.OneToOneField(Reply, on_delete=models.CASCADE, related_name="edit")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)


class Taking(models.Model):
    """What was taken for learning from a turn; it outlives the conversation until the person withdraws it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="takings")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="takings")
    turn = models.OneToOneField(Turn, on_delete=models.SET_NULL, null=True, blank=True, related_name="taking")
    prompt = models.ForeignKey(
        Prompt, on_delete=models.SET_NULL, null=True, blank=True, related_name="takings"
    )
    is_new_prompt = models.BooleanField(help_text="The project did not have it before.")
    comparisons: Any = models.ManyToManyField(Comparison, related_name="takings")
    thumbs: Any = models.ManyToManyField(UnpairedPreference, related_name="takings")
    taken_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)
