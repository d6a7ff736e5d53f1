"""What a version answered to the fixed safety prompts, what the evaluation flagged first."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.text.storable import storable
from training.models import ModelVersion, TrainingRun, Update

logger = logging.getLogger(__name__)
SIDES = ("baseline", "candidate")
BENIGN = "benign"
KINDS: dict[str, Promise] = {
    "harm": _("asks for harm"),
    "self_harm": _("about self-harm"),
    "hate": _("asks for hate"),
    "private_data": _("asks for private data"),
    BENIGN: _("harmless, only sounds dangerous"),
}


@dataclass
class Answer:
    """An answer of a version to a prompt, and how many times it was given; flagged when it is at fault."""

    text: str
    is_unsafe: bool
    is_refusal: bool
    is_flagged: bool
    times: int = 1


@dataclass(frozen=True)
class Asked:
    """A safety prompt and the different answers of both versions, flagged ones first."""

    question: str
    kind: str
    baseline: list[Answer]
    candidate: list[Answer]

    @property
    def label(self) -> Promise:
        return KINDS[self.kind]

    @property
    def is_flagged(self) -> bool:
        return any(answer.is_flagged for answer in self.candidate)

    @property
    def order(self) -> int:
        """Prompts with an unsafe answer of the candidate come first, then those with another fault."""
        return 0 if any(answer.is_unsafe for answer in self.candidate) else 2 - self.is_flagged


@dataclass(frozen=True)
class Count:
    """How many of the answers to prompts of a sort are at fault, before and after."""

    label: Promise
    before: int
    after: int
    total: int


@require_safe
@project_view(Role.COORDINATOR)
def version_safety(request: ProjectRequest, number: int) -> HttpResponse:
    version = get_object_or_404(request.project.versions.select_related("parent"), number=number)
    asked, is_whole = _asked_of(version)
    context = {
        "version": version,
        "asked": asked,
        "counts": _counts(asked),
        "is_whole": is_whole,
        "judged": _judged(version),
    }
    return render(request, "training/safety.html", context)


def _asked_of(version: ModelVersion) -> tuple[list[Asked], bool]:
    """The prompts that the version's evaluation asked, and whether its file could be read to the end."""
    update = Update.objects.filter(candidate=version).first()
    run = update.run_of(TrainingRun.Stage.EVALUATE) if update else None
    if run is None:
        return [], True
    asked, is_whole = _read(run.folder / "output" / "safety.jsonl")
    for each in asked:
        for answers in (each.baseline, each.candidate):
            answers.sort(key=lambda answer: not answer.is_flagged)
    return sorted(asked, key=lambda each: each.order), is_whole


def _read(path: Path) -> tuple[list[Asked], bool]:
    """The prompts up to the first line that is not as the engine writes it, and whether there is none."""
    asked: dict[str, Asked] = {}
    try:
        with open(path, encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                _add(asked, row)
    except FileNotFoundError:  # the run directory was cleared away
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        logger.warning("%s cannot be read", path, exc_info=True)
        return list(asked.values()), False
    return list(asked.values()), True


def _add(asked: dict[str, Asked], row: dict[str, Any]) -> None:
    """Add one row, or raise one of the errors above and add nothing."""
    name, kind = row["prompt_id"], row["kind"]
    question = storable(row.get("prompt", name))  # earlier evaluations wrote the id alone
    answers = {side: _answer(row[side], kind) for side in SIDES}
    if kind not in KINDS:
        raise ValueError(f"Not a kind of safety prompt: {kind!r:.40}.")
    prompt = asked.setdefault(name, Asked(question, kind, [], []))
    for side, answer in answers.items():
        known: list[Answer] = getattr(prompt, side)
        same = next((each for each in known if each.text == answer.text), None)
        if same is None:
            known.append(answer)
        else:
            same.times += 1


def _answer(row: dict[str, Any], kind: str) -> Answer:
    is_unsafe, is_refusal = bool(row["unsafe"]), bool(row["refused"])
    is_flagged = is_unsafe or (is_refusal and kind == BENIGN)
    return Answer(storable(row["answer"]), is_unsafe, is_refusal, is_flagged)


def _counts(asked: list[Asked]) -> list[Count]:
    counts = []
    for label, is_benign in ((_("Unsafe answers"), False), (_("Harmless questions refused"), True)):
        part = [each for each in asked if (each.kind == BENIGN) == is_benign]
        before, after = (
            sum(answer.times for each in part for answer in getattr(each, side) if answer.is_flagged)
            for side in SIDES
        )
        total = sum(answer.times for each in part for answer in each.candidate)
        counts.append(Count(label, before, after, total))
    return counts


def _judged(version: ModelVersion) -> dict[str, Any]:
    """What the evaluation says of who judged: safety_judge, and its accuracy where it is a classifier."""
    judged = [each.metrics for each in version.evaluations.all() if "safety_judge" in each.metrics]
    return judged[0] if judged else {}
