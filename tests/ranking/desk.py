"""What a browser without scripts does at the desk."""

import re

from django.urls import reverse

HTMX = {"HTTP_HX_REQUEST": "true"}


def desk(current):
    return reverse("desk", args=[current.project.slug])


def to(name, seat):
    return reverse(name, args=[seat.round.project.slug, seat.pk])


def filled(client, seat, *ranks, **extra):
    """The fields of the rendered form, its cards ranked from first to last."""
    html = client.get(desk(seat.round)).content.decode()
    key = re.search(r'name="key" value="([^"]+)"', html)
    names = list(dict.fromkeys(re.findall(r'name="(rank_\w+)"', html)))
    assert key and len(names) == len(seat.order)
    return {"key": key.group(1)} | dict(zip(names, ranks, strict=False)) | extra


def ranks_of(judgment):
    ranks = dict(judgment.ranks.values_list("completion", "rank"))
    return [ranks[completion] for completion in judgment.assignment.order]
