"""A site whose project answers, for drills: by versions that say different things, or by one that is slow."""

import json
import shutil
from pathlib import Path

import psutil
import torch

from tests.serving import wait_for
from tests.training.serving.making import export_talkers
from training.models.exports import exports_folder

from .site import Site

SLUG = "drill"
_MAKE = """
import json
from annotator.models import Project
from annotator.services.tokens import create_api_token
from tests.factories import coordinator_of, make_member
from tests.training.serving.making import make_talking
project = make_talking({stems})
Project.objects.filter(pk=project.pk).update(slug={slug!r})
people = [coordinator_of(project), *(make_member(project) for _ in range({people}))]
print(json.dumps([create_api_token(user=user) for user in people]))
"""
_LIVE = """
from annotator.models import Project
from tests.factories import coordinator_of
from training.services.versions.releases import release_version, roll_back
project = Project.objects.get(slug={slug!r})
if {number} is None:
    roll_back(project=project, actor=None)
else:
    release_version(version=project.versions.get(number={number}), actor=coordinator_of(project))
"""
_SERVED = """
from training.models import Served
served = Served.objects.filter(server__is_draining=False).first()
print(served.version.number if served else "nothing")
"""


def make_talkers(site: Site, folder: Path, *, people: int = 0) -> list[str]:
    """Give the site a project with versions 0 to 3, and start what serves them; returns API tokens."""
    return _make(site, export_talkers(folder), people)


def make_slow_talker(site: Site, folder: Path, *, people: int = 0) -> list[str]:
    """Give the site a project whose version 0 answers at length, some ten tokens a second."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.rlhf.making import make_tokenizer
    from training.rlhf.export.command import export

    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    sizes = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 12}
    tokens = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0, "bos_token_id": None}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **tokens))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return _make(site, [export(str(folder), exports_folder())], people)


def release(site: Site, number: int | None) -> None:
    """Release a version; None goes back to the one before."""
    site.python(_LIVE.format(slug=SLUG, number=number))


def wait_until_served(site: Site, number: int) -> None:
    wait_for(lambda: site.python(_SERVED).strip() == str(number))


def server_of(site: Site) -> psutil.Process:
    """The process of llama.cpp."""
    (server,) = site.running["models"].children()
    return server


def _make(site: Site, stems: list[dict[str, str | None]], people: int) -> list[str]:
    shutil.copytree(exports_folder(), site.folder / "exports")
    shutil.rmtree(exports_folder())
    tokens: list[str] = json.loads(site.python(_MAKE.format(stems=stems, slug=SLUG, people=people)))
    site.start("models")
    wait_until_served(site, 0)
    return tokens
