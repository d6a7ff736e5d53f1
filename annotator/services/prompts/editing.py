"""Correcting a prompt."""

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.facts import prompt_edit_facts
from annotator.imports.prompt_files import PromptDraft
from annotator.models import AuditEvent, Project, Prompt, User
from annotator.models.prompts import hash_messages
from annotator.services.audit import record
from annotator.shown import Change, ChangedMeanwhileError, Shown, check_shown
from annotator.signals import prompt_replaced

from .adding import add_prompts, messages_to_store
from .withdrawing import withdraw_prompts


@transaction.atomic
def edit_prompt(
    *, project: Project, prompt: Prompt, draft: PromptDraft, actor: User | None, shown: Shown | None = None
) -> Prompt:
    """Correct a prompt; returns the one that stands for it now, which is another one if its words changed.

    What makes a prompt the same one, and so its split, is its words: other words are another prompt, which
    takes the place of the old one. That is withdrawn if somebody has answered it, and else deleted. Raises
    RefusedError if the prompt is withdrawn, if the project has the new words already, or if the old ones are
    somebody's own.
    """
    # Whoever withdraws it or stores answers to it at this moment comes before or after.
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    prompt = prompt_or_404(project, prompt.number)
    before = prompt.number
    check_shown(shown, prompt_edit_facts(prompt))
    if prompt.withdrawn_at is not None:
        raise RefusedError(_("This prompt is withdrawn. Use it again first, then edit it."))
    if hash_messages(messages_to_store(project, draft)) == prompt.content_hash:
        return _relabel(prompt, draft, actor)
    prompt_replaced.send(Prompt, prompt=prompt)
    report = add_prompts(project=project, drafts=[draft], actor=actor)
    if report.skipped:
        raise RefusedError(_("Nothing was changed: %s.") % report.skipped[0].reason)
    if prompt.completions.exists():
        withdraw_prompts(project=project, prompt_ids=[prompt.pk], actor=actor)
    else:
        prompt.delete()
    (new,) = report.prompts
    record("prompt.edited", actor=actor, project=project, target=new, before=before, after=new.number)
    return new


def prompt_or_404(project: Project, number: int) -> Prompt:
    """The prompt of this number; of one whose place another has taken ChangedMeanwhileError says by whom."""
    if prompt := project.prompts.filter(number=number).first():
        return prompt
    if (edit := _edit_of(project, number)) is None:
        raise Http404("No such prompt.")
    raise ChangedMeanwhileError([Change(_("Prompt %d") % number, _("in use"), _("edited"), edit)])


def prompt_in_place_of(project: Project, number: int) -> Prompt | None:
    """The prompt that took the place of a deleted one, if it is there still."""
    edit = _edit_of(project, number)
    return project.prompts.filter(number=edit.data["after"]).first() if edit else None


def _edit_of(project: Project, number: int) -> AuditEvent | None:
    edits = AuditEvent.objects.about(project, "prompt.edited").filter(data__before=number)
    return edits.select_related("actor").first()


def _relabel(prompt: Prompt, draft: PromptDraft, actor: User | None) -> Prompt:
    """Correct what is said about a prompt, which stays what it is."""
    before, tags = (prompt.language, prompt.source, prompt.tags), list(draft.tags)
    if before != (draft.language, draft.source, tags):
        prompt.relabel(language=draft.language, source=draft.source, tags=tags)
        record("prompt.relabelled", actor=actor, project=prompt.project, target=prompt)
    return prompt
