"""A version with all that it came of, back to the judgments and the base model."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from ranking.browsing_forms import judgments_url
from training.services.lineage.backward import Links, Votes, trace, written_adapter

SOURCES = {
    "ranking": _("Ranked at the desk"),
    "rewrite": _("Written by a volunteer in the place of an answer"),
    "chat": _("Chosen in the chat"),
    "chat_rewrite": _("Written in the chat in the place of an answer"),
}


@require_safe
@project_view(Role.COORDINATOR)
def version_lineage(request: ProjectRequest, number: int) -> HttpResponse:
    versions = request.project.versions.select_related("parent", "dataset__project", "project", "author")
    behind = trace(get_object_or_404(versions, number=number))
    context = {
        "behind": behind,
        "version": behind.version,
        "votes": behind.votes,
        "adapters": [(run, adapter) for run in behind.runs.values() if (adapter := written_adapter(run))],
        "links": _links(behind.links),
        "sources": _sources(behind.votes),
        "left_out": _left_out(behind.votes),
    }
    return render(request, "training/lineage/version.html", context)


def _links(links: Links | None) -> list[tuple[object, bool | None]]:
    if links is None:
        return []
    return [
        (_("The reward model was trained on the file of this dataset."), links.dataset_to_reward),
        (_("PPO was rewarded by this reward model."), links.reward_to_policy),
        (_("The version's adapter is the one that PPO wrote."), links.policy_to_version),
    ]


def _sources(votes: Votes | None) -> list[tuple[object, int, int]]:
    named = votes.sources if votes else []
    return [(SOURCES.get(source, source), train, held_out) for source, train, held_out in named]


def _left_out(votes: Votes | None) -> list[tuple[object, int, str]]:
    """What makes no pair, by its reason, and where to read it; reasons that nothing has are left out."""
    if votes is None:
        return []

    def read(verdict: str) -> str:
        return judgments_url(votes.dataset.project, dataset=votes.dataset.number, verdict=verdict)

    out = votes.left_out
    reasons: list[tuple[object, int, str]] = [
        (_("Judgments that their volunteers corrected: the newer ones count"), out.corrected, ""),
        (_("Judgments on prompts that were taken out"), out.out, ""),
        (_("Judgments of people whom a reviewer had left out"), out.excluded, ""),
        (_("Judgments that came in while the dataset was being written"), out.moment, ""),
        (_("Judgments that came later: they are for the next dataset"), out.later, ""),
        (_("Judgments that say that no answer is acceptable"), votes.total.all_bad, read("all_bad")),
        (_("Judgments that say that it cannot be ranked"), votes.total.cannot_rank, read("cannot_rank")),
    ]
    if undecided := votes.undecided:
        reasons += [
            (_("Comparisons that nobody could rank"), undecided.unranked, ""),
            (_("Comparisons where no answer had more votes than another"), undecided.tied, ""),
        ]
    return [each for each in reasons if each[1]]
