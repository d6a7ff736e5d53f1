"""Users, the projects they belong to and the invitations that brought them there."""

import hashlib
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .licences import Licence
from .questions import all_flag_kinds, check_criteria, check_flag_kinds, check_hidden_words
from .settings import PersonalSettings


class UserManager(BaseUserManager["User"]):
    """Creates users who sign in by e-mail."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user; without a password they can only come in by a sign-in link."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser, PersonalSettings):
    """A person, or a simulated volunteer that is marked as one."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_simulated = models.BooleanField(default=False, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]


class Role(models.TextChoices):
    VOLUNTEER = "volunteer", _("Volunteer")
    REVIEWER = "reviewer", _("Reviewer")
    COORDINATOR = "coordinator", _("Coordinator")


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> Self:
        """The projects that the user is a member of, in any role."""
        return self.filter(memberships__user=user)


class Project(models.Model):
    """One chatbot being aligned: its base model, system prompt, guidelines and members.

    Its guidelines are versions of their own, see GuidelinesVersion.
    """

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    system_prompt = models.TextField(blank=True, help_text=_("Put before every conversation."))
    base_model = models.CharField(
        max_length=500, help_text="A folder on this machine, or a model of the Hugging Face hub."
    )
    completions_per_comparison = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(2), MaxValueValidator(8)]
    )
    judgments_per_comparison = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    assignment_minutes = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text=_("How long a volunteer may hold a comparison before it is offered to others."),
    )
    flag_kinds: Any = models.JSONField(
        default=all_flag_kinds,
        validators=[check_flag_kinds],
        help_text="The flags that volunteers are shown; a factual error is always one.",
    )
    criteria: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_criteria],
        help_text="Names of what volunteers may rate each answer on, from 1 to 5, beside ranking it.",
    )
    leaderboard = models.BooleanField(
        default=False, help_text="Whether volunteers see who has ranked most in the round."
    )
    licence = models.CharField(
        max_length=20,
        choices=Licence.choices,
        default=Licence.CC_BY,
        help_text=_("Under which judgments are published; members agree to it before they rank."),
    )
    consent_words = models.TextField(
        blank=True, help_text="Markdown; what members agree to. Empty for the words that come with Chorus."
    )
    consent_number = models.PositiveIntegerField(
        default=1, editable=False, help_text="Counts up when what members agree to changes."
    )
    hidden_words: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_hidden_words],
        help_text="What would tell who wrote an answer, hidden from those who rank.",
    )
    practice_length = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Practice comparisons that a new volunteer is given, as far as there are so many.",
    )
    practice_pass_mark = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="How many of them have to be right.",
    )
    offers_rewrites = models.BooleanField(
        default=True, help_text="Volunteers may write a better answer themselves, or mend one."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(completions_per_comparison__range=(2, 8)),
                name="project_completions_2_to_8",
            ),
            models.CheckConstraint(
                condition=models.Q(judgments_per_comparison__gte=1),
                name="project_judgments_at_least_1",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.practice_pass_mark > self.practice_length:
            words = _("Nobody could pass: there are only so many comparisons in a practice.")
            raise ValidationError({"practice_pass_mark": words})


class MembershipQuerySet(models.QuerySet["Membership"]):
    def waiting(self) -> Self:
        """Who did not pass the practice and waits for a coordinator, the first one first."""
        return self.filter(waiting_since__isnull=False).order_by("waiting_since")


class Membership(models.Model):
    """A user's one role in a project, and whether they may rank there yet."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    shows_name = models.BooleanField(
        default=True, help_text="Whether a leaderboard names them; else they are a volunteer on it."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    guidelines_read = models.PositiveIntegerField(
        default=0, help_text="Number of the guidelines that they read last; 0 for none."
    )
    came_in_at = models.DateTimeField(
        null=True, blank=True, help_text="When they could rank for the first time."
    )
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="When a coordinator was asked to let them in."
    )
    ready_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="They may rank; empty while there is something to read or to agree to before. "
        "Every visit of the desk looks at this, and only where it is empty for the reason.",
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "project"), name="membership_once_per_project"),
        )

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.project}"

    def show_name(self, shown: bool) -> None:
        self.shows_name = shown
        self.save(update_fields=["shows_name"])

    def become_ready(self) -> None:
        """Nothing is left to read, to agree to or to practise."""
        self.ready_at = timezone.now()
        self.came_in_at = self.came_in_at or self.ready_at
        self.waiting_since = None
        self.save(update_fields=["ready_at", "came_in_at", "waiting_since"])

    def wait(self) -> None:
        """A coordinator is asked."""
        self.waiting_since = timezone.now()
        self.save(update_fields=["waiting_since"])


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def usable(self) -> Self:
        """Neither used nor revoked nor expired."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def for_token(self, token: str) -> Self:
        return self.filter(token_hash=Invitation.hash_token(token))


class Invitation(models.Model):
    """A link that lets one person join a project once; only the hash of its token is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.VOLUNTEER)
    email = models.EmailField(blank=True, help_text="If given, only this address may use it.")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="invitations_sent"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations_used"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.get_role_display()} of {self.project}, until {self.expires_at:%Y-%m-%d}"

    @staticmethod
    def hash_token(token: str) -> str:
        """SHA-256 in hex; tokens are 256 random bits, so no salt is needed."""
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_usable(self) -> bool:
        return self.used_at is None and self.revoked_at is None and self.expires_at > timezone.now()
