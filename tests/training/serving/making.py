"""Versions that answer each in their own way, and what serves them."""

import time
from pathlib import Path
from typing import Any

import torch

from annotator.models import Project
from tests.rlhf.making import make_base, teach
from tests.training.making import make_candidate, make_trainable
from training.models import Export, ModelVersion, Served
from training.models.exports import exports_folder
from training.services.serving.supervisor import Supervisor

QUESTION = "Is rain good?"
ADAPTERS = 3
LONGEST = 60.0


def export_talkers(folder: Path) -> list[dict[str, Any]]:
    """A base that was taught to answer, and adapters that answer otherwise, exported where the site looks."""
    from transformers import PreTrainedTokenizerFast

    from tests.rlhf.making import load_shared
    from training.rlhf.export.command import export
    from training.rlhf.model.adapters import lora_config

    base = folder / "base"
    model = make_base("llama", base)
    teach(model, PreTrainedTokenizerFast.from_pretrained(base), steps=120)
    model.save_pretrained(base)
    shared, stems = load_shared(base), [export(str(base), exports_folder())]
    for number in range(1, ADAPTERS + 1):
        torch.manual_seed(number)
        name = f"talker-{number}"
        shared.add(name, lora_config(shared.model, r=4, alpha=8, target="all-linear"))
        for parameter in shared.parameters(name):
            parameter.data.normal_(0, 0.3)
        shared.save(name, folder / name)
        stems.append(export(str(base), exports_folder(), folder / name))
    return stems


def make_talking(stems: list[dict[str, Any]], system_prompt: str = "") -> Project:
    """A project with version 0 live and candidates 1 to 3, all of them exported."""
    project = make_trainable()
    Project.objects.filter(pk=project.pk).update(system_prompt=system_prompt)
    for number, each in enumerate(stems):
        version = project.versions.get(number=0) if number == 0 else make_candidate(project, number)
        add_export(version, each)
    return project


def add_export(version: ModelVersion, stems: dict[str, Any]) -> Export:
    state = Export.State.SUCCEEDED
    return Export.objects.create(
        version=version, state=state, base=stems["base"], adapter=stems["adapter"] or ""
    )


def tick_until_served(supervisor: Supervisor, version: ModelVersion) -> Served:
    """Let the supervisor work until a version answers for its project."""
    until = time.monotonic() + LONGEST
    while True:
        supervisor.tick()
        served = Served.objects.filter(project=version.project_id, version=version).first()
        if served is not None and served.server is not None:
            return served
        assert time.monotonic() < until, (supervisor.refused, supervisor.delays, supervisor.starting)
        time.sleep(0.05)
