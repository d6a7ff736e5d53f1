"""Taking prompts in."""

from dataclasses import dataclass, field
from typing import IO

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.imports.file_formats import ON_A_PAGE, FileLimits, LineNote, read_text
from annotator.imports.pasted import Layout, read_pasted
from annotator.imports.prompt_files import (
    PromptDraft,
    PromptFile,
    read_prompt_file,
    take_records,
)
from annotator.models import Project, Prompt, User
from annotator.models.prompts import Split, hash_messages, split_of
from annotator.services.audit import record
from annotator.signals import prompts_imported

BATCH = 500


@dataclass
class ImportReport:
    """What was taken, skipped and left out; with errors, nothing was taken."""

    prompts: list[Prompt] = field(default_factory=list)
    skipped: list[LineNote] = field(default_factory=list)
    left_out: list[LineNote] = field(default_factory=list)
    errors: list[LineNote] = field(default_factory=list)
    right: int = 0
    """How many lines beside the errors could be taken."""

    @property
    def taken(self) -> int:
        return len(self.prompts)

    @property
    def held_out(self) -> int:
        return sum(prompt.split == Split.HELD_OUT for prompt in self.prompts)


def import_prompts(
    *,
    project: Project,
    file: IO[bytes],
    filename: str,
    actor: User | None,
    skip_bad_rows: bool = False,
    limits: FileLimits = ON_A_PAGE,
) -> ImportReport:
    """Take every prompt of a file, or none if any line of it is wrong.

    With `skip_bad_rows` the wrong lines are left out and listed, and the others taken.
    """
    content = read_prompt_file(file.read(limits.bytes + 1), filename, limits)
    return take_content(project=project, content=content, actor=actor, skip_bad_rows=skip_bad_rows)


def import_records(
    *, project: Project, records: list[object], actor: User | None, skip_bad_rows: bool = False
) -> ImportReport:
    """Take the prompts of a list by the rules of a file's lines, numbered from 1; an empty one is wrong."""
    content = take_records(enumerate(records, start=1))
    content.errors = sorted([*content.errors, *content.skipped], key=lambda note: note.line)
    content.skipped = []
    return take_content(project=project, content=content, actor=actor, skip_bad_rows=skip_bad_rows)


def import_text(
    *,
    project: Project,
    text: str,
    layout: Layout,
    language: str,
    source: str,
    actor: User | None,
    tags: str = "",
) -> ImportReport:
    """Take the prompts that somebody wrote or pasted, or none if any of them is wrong."""
    content = read_pasted(text, layout, language=language, source=source, tags=tags)
    return take_content(project=project, content=content, actor=actor, skip_bad_rows=False)


def take_content(
    *, project: Project, content: PromptFile, actor: User | None, skip_bad_rows: bool
) -> ImportReport:
    if content.errors and not (skip_bad_rows and content.drafts):
        return ImportReport(skipped=content.skipped, errors=content.errors, right=len(content.drafts))
    report = add_prompts(project=project, drafts=content.drafts, actor=actor, left_out=len(content.errors))
    report.skipped = sorted([*report.skipped, *content.skipped], key=lambda note: note.line)
    report.left_out = content.errors
    return report


def add_prompts(
    *, project: Project, drafts: list[PromptDraft], actor: User | None, left_out: int = 0
) -> ImportReport:
    """Store the prompts that the project does not have yet; their split follows from their content.

    A system message that is the project's own system prompt is dropped: every prompt gets that anyway. So the
    rows of a dataset are known again. `left_out` is for the audit row.
    """
    report = ImportReport()
    with transaction.atomic():
        # Imports into one project wait for each other, so that both reports are true.
        project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        withdrawn_at = dict(project.prompts.values_list("content_hash", "withdrawn_at"))
        line_of: dict[str, int] = {}
        for draft in drafts:
            messages = messages_to_store(project, draft)
            content_hash = hash_messages(messages)
            if content_hash in line_of:
                report.skipped.append(
                    LineNote(draft.line, _("the same as line %(line)d") % {"line": line_of[content_hash]})
                )
            elif content_hash in withdrawn_at:
                reason = (
                    _("the project has this prompt already, withdrawn; it can be restored")
                    if withdrawn_at[content_hash]
                    else _("the project has this prompt already")
                )
                report.skipped.append(LineNote(draft.line, reason))
            else:
                line_of[content_hash] = draft.line
                report.prompts.append(_new_prompt(project, draft, messages, content_hash))
        _number(project, report.prompts)
        report.prompts = Prompt.objects.bulk_create(report.prompts, batch_size=BATCH)
        record(
            "prompts.imported",
            actor=actor,
            project=project,
            target=project,
            taken=report.taken,
            skipped=len(report.skipped),
            left_out=left_out,
        )
        ids = [prompt.pk for prompt in report.prompts]
        if ids:
            transaction.on_commit(lambda: prompts_imported.send(Prompt, project=project, prompt_ids=ids))
    return report


def messages_to_store(project: Project, draft: PromptDraft) -> list[dict[str, str]]:
    """The draft's messages without a system message that is the project's own."""
    first = draft.messages[0]
    if first["role"] != "system" or first["content"] != read_text(project.system_prompt, "system_prompt"):
        return draft.messages
    return draft.messages[1:]


def _number(project: Project, prompts: list[Prompt]) -> None:
    """Give new prompts the numbers that come next; the caller holds the project's lock.

    The project counts, so that the number of a prompt that was deleted is never another's.
    """
    for number, prompt in enumerate(prompts, start=project.prompts_numbered + 1):
        prompt.number = number
    project.prompts_numbered += len(prompts)
    project.save(update_fields=["prompts_numbered"])


def _new_prompt(
    project: Project, draft: PromptDraft, messages: list[dict[str, str]], content_hash: str
) -> Prompt:
    return Prompt(
        project=project,
        messages=messages,
        language=draft.language,
        source=draft.source,
        tags=list(draft.tags),
        content_hash=content_hash,
        split=split_of(messages),
        search_text="\n".join(message["content"] for message in messages).casefold(),
    )
