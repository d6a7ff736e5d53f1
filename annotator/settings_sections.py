"""The sections of a project's settings: each is a page of its own, and is saved by itself."""

from dataclasses import dataclass

from django.urls.converters import StringConverter
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Section:
    """Some of the settings, by the names of their fields; `name` is its part of the address."""

    name: str
    label: StrOrPromise
    fields: tuple[str, ...]


SECTIONS = {
    section.name: section
    for section in (
        Section("about", _("About"), ("name", "description", "system_prompt", "timezone")),
        Section("guidelines", _("Guidelines"), ("guidelines",)),
        Section(
            "ranking",
            _("Ranking"),
            (
                "completions_per_comparison",
                "judgments_per_comparison",
                "most_judgments_per_comparison",
                "sampling",
                "gold_every",
                "criteria",
                "offers_rewrites",
                "flags_off",
            ),
        ),
        Section(
            "volunteers",
            _("Volunteers and practice"),
            ("practice_length", "practice_pass_mark", "leaderboard"),
        ),
        Section("groups", _("Groups of volunteers"), ("groups", "own_groups")),
        Section("reviewing", _("Reviewing"), ("takes_rewrites_unread", "harmful_flags_bound")),
        Section("publishing", _("Publishing and consent"), ("licence", "consent_text")),
        Section("transparency", _("Transparency"), ("is_transparent", "known_problems")),
        Section("costs", _("Costs"), ("price_per_kwh", "price_per_hour", "currency")),
        Section("advanced", _("Advanced"), ("assignment_minutes", "hidden_words")),
    )
}
FIRST = next(iter(SECTIONS))


class SectionConverter(StringConverter):
    """The name of a section in an address; the first one's page is that of the settings."""

    regex = "|".join(name for name in SECTIONS if name != FIRST)
