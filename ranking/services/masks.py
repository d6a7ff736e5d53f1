"""Hiding names in completions, and reviewers' decisions about it."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotator.models import Completion, Project, User
from annotator.models.hidden_words import check_hidden_words
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.errors import NothingHiddenError, WordNotFoundError
from ranking.facts import mask_facts
from ranking.masking.detection import find_names, has_word
from ranking.models import Mask, Round
from ranking.models.masks import own_names

BATCH = 500


def mask_round(current: Round) -> None:
    """Hide names in a round's completions; a reviewer's decision stays where the same names are found."""
    project = current.project
    found = dict(_find(project, Completion.objects.filter(comparisons__round=current)))
    for mask in list(Mask.objects.filter(completion__comparisons__round=current)):
        spans = found.pop(mask.completion_id, [])
        if [list(span) for span in spans] == mask.spans:
            continue
        if spans:
            _change(mask, spans)
        else:
            mask.delete()
    Mask.objects.bulk_create(
        (Mask(completion_id=pk, project=project, spans=spans) for pk, spans in found.items()),
        batch_size=BATCH,
    )


@transaction.atomic
def decide_mask(*, completion: Completion, decision: str, actor: User, shown: Shown | None = None) -> Mask:
    """Confirm what is hidden of a completion, or show the completion as it is.

    Of one that people flagged and in which nothing is hidden both say that it may stay as it is.
    """
    mask = _mask_of(completion)
    check_shown(shown, mask_facts(mask))
    mask.decide(decision, actor)
    record("mask.decided", actor=actor, project=mask.project, target=completion, decision=decision)
    return mask


@transaction.atomic
def hide_word(*, completion: Completion, word: str, actor: User, shown: Shown | None = None) -> Mask:
    """Hide one more word or name that this completion has, here and in every answer of the open round.

    Later rounds hide it too. Raises NothingHiddenError, WordNotFoundError, or ValidationError for what cannot
    be hidden.
    """
    project = _lock_project(completion.prompt.project_id)
    mask = _mask_of(completion)
    check_shown(shown, mask_facts(mask))
    if not word:
        raise NothingHiddenError
    if not has_word(completion.text, word):
        raise WordNotFoundError(_("The answer does not have “%s”.") % word)
    if word.casefold() not in {known.casefold() for known in project.hidden_words}:
        project.hidden_words = [*project.hidden_words, word]
        check_hidden_words(project.hidden_words)
        project.save(update_fields=["hidden_words"])
    spans = dict(_find(project, Completion.objects.filter(pk=completion.pk)))
    _change(mask, spans.get(completion.pk, []))
    mask.decide(Mask.Decision.STAYS, actor)
    record("mask.word_hidden", actor=actor, project=project, target=completion, word=word)
    _mask_open_round(project)
    return mask


@transaction.atomic
def stop_hiding_word(*, project: Project, word: str, actor: User) -> None:
    """Hide a word no more, in the open round and later ones; one that is not hidden stays so."""
    project = _lock_project(project.pk)
    if word not in project.hidden_words:
        return
    project.hidden_words = [known for known in project.hidden_words if known != word]
    project.save(update_fields=["hidden_words"])
    record("mask.word_shown", actor=actor, project=project, target=project, word=word)
    _mask_open_round(project)


def _lock_project(pk: int) -> Project:
    """Lock the project, so that two reviewers do not overwrite each other's words."""
    return Project.objects.select_for_update(no_key=True).get(pk=pk)


def _mask_open_round(project: Project) -> None:
    if current := project.rounds.open().first():
        current.project = project  # with the words as they are now
        mask_round(current)


def _find(project: Project, completions: QuerySet[Completion]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """(completion, spans) of those that name who wrote them."""
    own = own_names(project)
    rows = completions.order_by().values_list("pk", "text", "prompt__search_text")
    for pk, text, asked in rows.iterator(BATCH):
        if spans := find_names(text, own=own, words=project.hidden_words, asked=asked):
            yield pk, spans


def _mask_of(completion: Completion) -> Mask:
    masks = Mask.objects.select_for_update(of=("self",))
    return masks.get_or_create(completion=completion, defaults={"project": completion.prompt.project})[0]


def _change(mask: Mask, spans: list[tuple[int, int]]) -> None:
    """Store new spans and reopen the decision: no reviewer has seen them."""
    mask.spans, mask.decision = spans, Mask.Decision.OPEN
    mask.save(update_fields=["spans", "decision"])
