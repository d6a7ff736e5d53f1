"""Taking prompts in."""

from dataclasses import dataclass, field
from typing import IO

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.imports.file_formats import LineNote
from annotator.imports.prompt_files import (
    MAX_FILE_BYTES,
    PromptDraft,
    PromptFile,
    read_prompt_file,
    take_records,
)
from annotator.models import Project, Prompt, User
from annotator.models.prompts import Split, hash_messages, split_of

from .audit import record

BATCH = 500


@dataclass
class ImportReport:
    """What was taken and what was skipped; with errors, nothing was taken."""

    prompts: list[Prompt] = field(default_factory=list)
    skipped: list[LineNote] = field(default_factory=list)
    errors: list[LineNote] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return len(self.prompts)

    @property
    def held_out(self) -> int:
        return sum(prompt.split == Split.HELD_OUT for prompt in self.prompts)


def import_prompts(*, project: Project, file: IO[bytes], filename: str, actor: User | None) -> ImportReport:
    """Take every prompt of a file, or none if any line of it is wrong."""
    content = read_prompt_file(file.read(MAX_FILE_BYTES + 1), filename)
    return take_all_or_none(project=project, content=content, actor=actor)


def import_records(*, project: Project, records: list[object], actor: User | None) -> ImportReport:
    """Take every prompt of a list by the rules of a file's lines, numbered from 1, or none."""
    content = take_records(enumerate(records, start=1))
    return take_all_or_none(project=project, content=content, actor=actor)


def take_all_or_none(*, project: Project, content: PromptFile, actor: User | None) -> ImportReport:
    if content.errors:
        return ImportReport(skipped=content.skipped, errors=content.errors)
    report = add_prompts(project=project, drafts=content.drafts, actor=actor)
    report.skipped = sorted([*report.skipped, *content.skipped], key=lambda note: note.line)
    return report


def add_prompts(*, project: Project, drafts: list[PromptDraft], actor: User | None) -> ImportReport:
    """Store the prompts that the project does not have yet; their split follows from their content."""
    report = ImportReport()
    with transaction.atomic():
        # Imports into one project wait for each other, so that both reports are true.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        known = set(Prompt.objects.filter(project=project).values_list("content_hash", flat=True))
        line_of: dict[str, int] = {}
        for draft in drafts:
            content_hash = hash_messages(draft.messages)
            if content_hash in line_of:
                report.skipped.append(
                    LineNote(draft.line, _("the same as line %(line)d") % {"line": line_of[content_hash]})
                )
            elif content_hash in known:
                report.skipped.append(LineNote(draft.line, _("the project has this prompt already")))
            else:
                line_of[content_hash] = draft.line
                report.prompts.append(new_prompt(project, draft, content_hash))
        report.prompts = Prompt.objects.bulk_create(report.prompts, batch_size=BATCH)
        record(
            "prompts.imported",
            actor=actor,
            project=project,
            target=project,
            taken=report.taken,
            skipped=len(report.skipped),
        )
    return report


def new_prompt(project: Project, draft: PromptDraft, content_hash: str) -> Prompt:
    return Prompt(
        project=project,
        messages=draft.messages,
        language=draft.language,
        source=draft.source,
        content_hash=content_hash,
        split=split_of(content_hash),
        search_text="\n".join(message["content"] for message in draft.messages).casefold(),
    )
