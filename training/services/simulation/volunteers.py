"""Simulated volunteers: they rank through the same services as people, and are marked as simulated."""

import random

import numpy as np
from django.db import transaction
from tqdm import tqdm

from annotator.models import Membership, Project, Role, User
from ranking.models import Assignment
from ranking.services import claim_next, submit_judgment
from training.simulation import Labels, SimulatedVolunteer


@transaction.atomic
def simulate_volunteers(
    *,
    project: Project,
    gold: Labels,
    rankings: int | None,
    behaviour: SimulatedVolunteer,
    volunteers: int = 20,
    seed: int = 0,
) -> int:
    """Have simulated volunteers rank until so many rankings, or all there are, are stored.

    They judge by the gold labels through `behaviour`'s noise. Returns how many rankings were stored. Stores
    all or nothing, members too: raises KeyError when a prompt of the open round is not a question of the
    labels' corpus, and where there was nothing to rank, nobody joined.
    """
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    waiting = [_simulated_volunteer(project, number) for number in range(1, volunteers + 1)]
    stored = 0
    with tqdm(total=rankings, desc="Simulated rankings", unit=" rankings", leave=False, disable=None) as bar:
        while waiting and (rankings is None or stored < rankings):
            volunteer = waiting[rng.integers(len(waiting))]
            assignment = claim_next(project=project, volunteer=volunteer, chance=chance)
            if assignment is None:
                waiting.remove(volunteer)
                continue
            _judge(assignment, volunteer, gold, behaviour, rng)
            stored += 1
            bar.update()
    if not stored:
        transaction.set_rollback(True)
    return stored


def _judge(
    assignment: Assignment,
    volunteer: User,
    gold: Labels,
    behaviour: SimulatedVolunteer,
    rng: np.random.Generator,
) -> None:
    """Rank what the assignment shows, in the order it shows it."""
    question = assignment.comparison.prompt.question
    texts = dict(assignment.comparison.completions.values_list("pk", "text"))
    utilities = np.array([gold.label(question, texts[pk]).utility for pk in assignment.order])
    ranks = behaviour.rank(utilities, rng)
    submit_judgment(
        assignment=assignment,
        volunteer=volunteer,
        key=assignment.key,
        ranks=dict(zip(assignment.order, ranks.tolist(), strict=True)),
    )


def _simulated_volunteer(project: Project, number: int) -> User:
    email = f"volunteer-{number}@simulated.invalid"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, name=f"Simulated volunteer {number}", is_simulated=True)
    Membership.objects.get_or_create(user=user, project=project, defaults={"role": Role.VOLUNTEER})
    return user
