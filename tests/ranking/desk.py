"""What a browser does at the desk."""

import re

from django.urls import reverse

JSON = {"HTTP_ACCEPT": "application/json"}
"""What the page's script sends with its requests."""


def desk(current):
    return reverse("desk", args=[current.project.slug])


def to(name, assignment):
    return reverse(name, args=[assignment.round.project.slug, assignment.pk])


def filled(client, assignment, *ranks, **extra):
    """The fields of the rendered form, its cards ranked from first to last."""
    html = client.get(desk(assignment.round)).content.decode()
    key = re.search(r'name="key" value="([^"]+)"', html)
    names = list(dict.fromkeys(re.findall(r'name="(rank_\w+)"', html)))
    assert key and len(names) == len(assignment.order)
    return {"key": key.group(1)} | dict(zip(names, ranks, strict=False)) | extra


def to_all(name, current):
    return reverse(name, args=[current.project.slug])


def at(name, project, *args):
    return reverse(name, args=[project.slug, *args])


def words_of(html):
    """What a reader reads, in one line."""
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def ranks_of(judgment):
    ranks = dict(judgment.ranks.values_list("completion", "rank"))
    return [ranks[completion] for completion in judgment.assignment.order]
