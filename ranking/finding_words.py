"""What was found about people's judgments, in sentences: the evidence, and what would be usual."""

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from .models import Finding

Kind = Finding.Kind


def sentence_of(finding: Finding) -> str:
    """The evidence; it accuses nobody."""
    figures: dict[str, Any] = finding.figures
    numbers = {name: number_format(value) for name, value in figures.items() if not isinstance(value, str)}
    values = figures | numbers | {"happens": _how_often(figures["chance"]) if "chance" in figures else ""}
    if "reliability" in figures:
        values["percent"] = round(100 * figures["reliability"])
    return _sentences()[Kind(finding.kind)] % values


def _sentences() -> dict[Kind, str]:
    return {
        Kind.AGAINST: _(
            "Of %(votes)s votes on answers of which others prefer one, %(agreed)s are for that one; about "
            "%(expected)s would be usual. By chance that happens to %(happens)s."
        ),
        Kind.ONE_SIDED: _(
            "%(first)s of %(votes)s votes are for the answer that they saw first. By chance that happens to "
            "%(happens)s."
        ),
        Kind.DOUBTED: _(
            "As far as others' votes tell, %(percent)d of 100 votes are right; with a coin 50 would be."
        ),
        Kind.HASTY: _(
            "%(hasty)s of %(judgments)s rankings came sooner than 1,000 words a minute can be read. Half of "
            "all took less than %(seconds)s seconds."
        ),
        Kind.EVEN: _(
            "Half of %(judgments)s rankings took between %(low)s and %(high)s seconds, however long the "
            "answers were."
        ),
        Kind.SAME_TEXT: _("%(times)s of %(of)s reasons that they wrote say the same: “%(text)s”"),
        Kind.SHARED_TEXT: _(
            "%(times)s reasons that they wrote are in the same words by somebody else, too (people: "
            "%(people)s), such as: “%(text)s”"
        ),
        Kind.LARGE_SHARE: _(
            "%(own)s of the %(votes)s votes on %(version)s are theirs. That need not mean anything, but one "
            "person's taste then decides much."
        ),
    }


def _how_often(chance: float) -> str:
    """In how many people it happens by chance."""
    if chance < 1e-6:
        return _("fewer than 1 in a million people")
    return _("1 in %s people") % number_format(round(1 / chance), use_l10n=True, force_grouping=True)
