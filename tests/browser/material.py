"""What the site must hold for every page to have something to show, made by the site's own services.

Runs inside the site, by `pages.fill`: prints as JSON the words that the addresses in `pages.py` need and the
session of each person.
"""

import json
from typing import Any

import sesame.utils
from django.db import transaction
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from annotator.models import Author, Membership, Project, Role, Split, User
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.consent import give_consent
from annotator.services.guidelines import write_guidelines
from annotator.services.invitations.inviting import invite
from annotator.services.members import change_role
from annotator.services.projects import change_settings
from ranking.models import Finding, Judgment, Outcome, PracticeAdvice
from ranking.models.contested import waiting_for_decision
from ranking.practice_files import practice_from_record
from ranking.services import (
    claim_next,
    close_round,
    decide_outcome,
    open_round,
    record_outcome,
    snapshot_preferences,
)
from ranking.services.browsing.saving import save_filter
from ranking.services.fits.findings import Findings, Found, store_findings
from ranking.services.fits.worker import fit_project
from ranking.services.practice import add_practice, answer_practice, begin_practice
from ranking.services.review.contested import decide_comparison, place_of
from tests.factories import (
    PASSWORD,
    make_member,
    make_newcomer,
    make_project,
    make_prompt,
    make_ready,
    make_user,
)
from tests.ranking.making import (
    make_assignment,
    make_compared,
    make_correction,
    make_gold_round,
    make_judgment,
)
from tests.training.chat.making import make_reply, make_turn, react_in_every_way
from tests.training.making import (
    make_finished,
    make_judged,
    make_run,
    make_source,
    make_trainable,
    make_update,
    write_progress,
)
from tests.training.planning import made_plan
from training.models import BlindTest, Founding, GroupFigure, ServingSettings, Update, UpdatePlan
from training.services.conversations.reactions import give_thumb, show_two
from training.services.conversations.talk import ask
from training.services.drift import MEASURES
from training.services.plans.stored import basis_of
from training.services.versions.starting import start_from

HOST = "pages.example"
QUESTIONS: dict[str, tuple[str, ...]] = {
    "Why is the sea rising?": (
        "Because water expands as it warms, and because **ice on land** melts into the ocean.",
        "1. warmer water\n2. glaciers melt\n\n| what | share of the rise |\n|---|---|\n| ice | 60 % |",
        "Read https://www.example.org/a/very/long/address/that/does/not/break/anywhere/at/all/and/on first.",
        "```\nrise = sum(melted[year] for year in range(1900, 2026)) / area_of_all_the_oceans_together\n```",
    ),
    "Is it too late to do anything?": (
        "I am ChatGPT: no.",
        "Yes, so why bother.",
        "It depends.",
        "Every tenth counts.",
    ),
    "لماذا تذوب الأنهار الجليدية؟": (
        "لأن الجو يزداد دفئا.",
        "They melt because it gets warmer.",
        "هذا طبيعي.",
        "?",
    ),
}

LONG = "\n\n".join(
    f"Paragraph {n} says more of it than anybody wants to read at once. " * 4 for n in range(9)
)


def make() -> None:
    """Print it all; one transaction, so that the worker sees no job before its update has ended."""
    with transaction.atomic():
        ada = make_user(f"ada@{HOST}", name="Ada")
        words = (
            make_ranking(ada)
            | make_long(ada)
            | make_between_rounds(ada)
            | make_contested(ada)
            | make_practice(ada)
            | make_gold(ada)
            | make_training()
            | make_chat()
            | make_doors(ada)
        )
        make_founders()
        sessions = make_sessions()
        words |= make_links()  # which a sign-in would end
        print(json.dumps({"words": words, "sessions": sessions}))


def make_ranking(ada: User) -> dict[str, Any]:
    """A project without anything; open rounds of four answers and of two; a round that is all judged."""
    make_project("pages-empty", name="Empty", coordinator=ada)
    four = make_project(
        "pages-four",
        name="Climate tutor",
        description="A chatbot that answers questions about the climate.",
        judgments_per_comparison=3,
        guidelines="# What counts\n\nPrefer answers that are **true**.\n\n- short\n- kind",
        coordinator=ada,
    )
    values = {
        "criteria": ["Accuracy", "Clarity"],
        "groups": ["Farmers", "People who live by the sea", "مزارعون"],
        "own_groups": True,
    }
    change_settings(project=four, values=values, actor=ada)
    pair = make_project(
        "pages-pair", name="Pairs", coordinator=ada, completions_per_comparison=2, judgments_per_comparison=2
    )
    done = make_project("pages-done", name="Done", coordinator=ada, completions_per_comparison=2)
    vera = make_member(four, email=f"vera@{HOST}", name="Vera")
    for project in (pair, done):
        Membership.objects.create(user=vera, project=project, role=Role.VOLUNTEER)
        make_ready(project, vera)
    current = open_material(four, ada)
    first = make_judgment(make_assignment(current, vera), 1, 2, 2, 3, rationale="The first says why.")
    judgment = make_correction(first, 2, 1, 1, 3, **all_that_can_be_said(first))
    store_findings(four, what_is_unlike(vera))
    open_material(pair, ada)
    open_material(done, ada)
    while assignment := claim_next(project=done, volunteer=vera):
        make_judgment(assignment, 1, 2)
    for names in (("Version 1", "Version 2", "Version 3"), ("Version 2", "Import of a very long name, 2026")):
        for order in (1, -1):
            ranks = list(range(1, len(names) + 1))
            make_compared(done, *names, ranks=[tuple(ranks), tuple(ranks[::order]), tuple(ranks)])
    dataset = snapshot_preferences(project=four, actor=ada)
    return {
        "prompt": four.prompts.earliest("pk").number,
        "judgment": judgment.pk,
        "dataset": dataset.number,
    }


def what_is_unlike(person: User) -> Findings:
    """Three findings about somebody's judgments."""
    return {
        Found(person.pk, Finding.Kind.AGAINST): {"votes": 60, "agreed": 24, "expected": 43, "chance": 1e-4},
        Found(person.pk, Finding.Kind.DOUBTED): {"reliability": 0.52},
        Found(person.pk, Finding.Kind.SAME_TEXT): {"text": "The first says why.", "times": 12, "of": 15},
    }


def all_that_can_be_said(judgment: Judgment) -> dict[str, Any]:
    """Everything beside ranks, about the first two answers that were shown."""
    first, second, *_rest = judgment.shown_assignment.order
    return {
        "flags": {first: ["harmful", "factual_error"]},
        "ratings": {second: {"Accuracy": 5, "Clarity": 2}},
        "rationale": "The second one says why, and where that is known from.",
        "rewrite": {
            "original": first,
            "text": "Because *ice* melts, and warm water takes more room.",
        },
    }


def make_long(ada: User) -> dict[str, Any]:
    """A conversation with six answers, long ones and one with a link; guidelines that have changed."""
    project = make_project(
        "pages-long",
        name="Long",
        guidelines="True comes first. Long is fine.",
        completions_per_comparison=6,
        coordinator=ada,
    )
    write_guidelines(project=project, text="True comes first, short comes second.", actor=ada)
    vera = User.objects.get(email=f"vera@{HOST}")
    Membership.objects.create(user=vera, project=project, role=Role.VOLUNTEER)
    make_ready(project, vera)
    asked = ["What is a glacier?", "> A river of ice.\n\n" + LONG, "Why do they melt?"]
    roles = ("user", "assistant", "user")
    prompt = make_prompt(
        project, [{"role": role, "content": text} for role, text in zip(roles, asked, strict=True)]
    )
    link = "It is in [the report](https://example.org/report)."
    texts = [LONG, f"{LONG} The end.", link, "Warm air.", "Warm water.", "Rain."]
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    add_completions(author=author, texts=[(prompt, text) for text in texts])
    open_round(project=project, author=author, actor=ada, seed=1)
    return {}


def make_between_rounds(ada: User) -> dict[str, Any]:
    """A project between rounds whose first page has all that it can have."""
    project = make_project("pages-between", name="Between", coordinator=ada, judgments_per_comparison=2)
    change_settings(project=project, values={"leaderboard": True}, actor=ada)
    vera = User.objects.get(email=f"vera@{HOST}")
    Membership.objects.create(user=vera, project=project, role=Role.VOLUNTEER)
    make_ready(project, vera)
    open_material(project, ada)
    for person, ranks in ((vera, (1, 2, 3, 4)), (make_member(project, name="Sam Roe"), (2, 1, 3, 4))):
        while assignment := claim_next(project=project, volunteer=person):
            make_judgment(assignment, *ranks)
    close_round(project=project, actor=ada)
    dataset = snapshot_preferences(project=project, actor=ada)
    versions = [
        get_or_create_author(project=project, kind=Author.Kind.MODEL, name=f"Version {n}") for n in range(3)
    ]
    decisions = (Outcome.Decision.NOT_RELEASED, Outcome.Decision.RELEASED)
    for baseline, candidate, decision in zip(versions, versions[1:], decisions, strict=False):
        record_outcome(
            dataset=dataset,
            candidate=candidate,
            baseline=baseline,
            judge=Outcome.Judge.REWARD_MODEL,
            wins=260,
            ties=32,
            losses=120,
        )
        decide_outcome(candidate=candidate, decision=decision)
    return {}


def make_contested(ada: User) -> dict[str, Any]:
    """A project whose volunteers contest all comparisons, of which one was decided."""
    project = make_project(
        "pages-contested",
        name="Contested",
        coordinator=ada,
        completions_per_comparison=2,
        judgments_per_comparison=2,
    )
    open_material(project, ada)
    for ranks, reason in (((1, 2), "It says where that is known from."), ((2, 1), "Too long.")):
        person = make_member(project)
        while assignment := claim_next(project=project, volunteer=person):
            make_judgment(assignment, *ranks, rationale=reason)
    fit_project(project)
    contested = waiting_for_decision(project).last()
    assert contested is not None
    place = place_of(ada, contested)
    ranks = dict(zip(place.order, (1, 2), strict=True))
    decide_comparison(
        comparison=contested, reviewer=ada, key=place.key, ranks=ranks, rationale="It is right."
    )
    return {"contested": contested.pk}


def make_practice(ada: User) -> dict[str, Any]:
    """People before their first comparison: some who practise, and one who asks for another try."""
    project = make_project("pages-practice", name="Practice", coordinator=ada)
    record = {"prompt": "What is albedo?", "ranks": [1, 2], "why": "Because *truth* comes first."}
    drafts = [practice_from_record(record | {"answers": [f"Light, {n}.", "Pasta."]}) for n in range(5)]
    practice = add_practice(project=project, drafts=drafts, actor=ada)
    tries = {}
    for name in ("pia", "pim", "pat"):
        newcomer = make_newcomer(project, email=f"{name}@{HOST}", name=name.title())
        tries[name] = project.memberships.get(user=newcomer)
        give_consent(membership=tries[name], number=project.consent_number)
    begin_practice(membership=tries["pim"])
    for _ in range(2):
        for assignment in begin_practice(membership=tries["pat"]).assignments.all():
            answer_practice(assignment=assignment, ranks={0: 2, 1: 1})
    return {"practice": practice[0].pk, "practised": assignment.pk}


def make_gold(ada: User) -> dict[str, Any]:
    """A round that asks gold questions before anything else; its coordinator was advised to practise."""
    current = make_gold_round(questions=2, slug="pages-gold", name="Gold", coordinator=ada)
    project = current.project
    vera = User.objects.get(email=f"vera@{HOST}")
    Membership.objects.create(user=vera, project=project, role=Role.VOLUNTEER)
    make_ready(project, vera)
    PracticeAdvice.objects.create(membership=project.memberships.get(user=ada))
    other = make_member(project, name="Sam Roe")
    judgments = [make_judgment(make_assignment(current, other), 1, 2) for _ in range(3)]
    return {"knowable": judgments[-1].pk}


def open_material(project: Project, actor: User) -> Any:
    """Prompts and their answers, and a round of them."""
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    number = project.completions_per_comparison
    for question, answers in QUESTIONS.items():
        language = "ar" if answers[0][0] > "z" else "en"
        prompt = make_prompt(project, question, language=language)
        add_completions(author=author, texts=[(prompt, text) for text in answers[:number]])
    return open_round(project=project, author=author, actor=actor, seed=1)


def make_training() -> dict[str, Any]:
    """A project with an update that succeeded, one that failed and one under way."""
    project = make_judged()
    finished = make_update(project)
    make_finished(finished)
    write_safety(finished)
    write_sources(finished)
    write_comparisons(finished)
    write_groups(finished)
    failed = make_update(project)
    failed.claim()
    write_curves(finished, steps=30)
    make_run(failed, "ppo")
    write_curves(failed, steps=12)
    failed.finish(Update.State.FAILED, error="The engine ended with status 1.")
    running = make_update(project)
    running.claim()
    write_samples(make_run(running, "ppo"))
    Update.objects.filter(pk=finished.pk).update(plan=made_plan())
    UpdatePlan.objects.create(project=project, basis=basis_of(project), plan=made_plan(budget=600.0))
    coordinator = project.memberships.get(role=Role.COORDINATOR).user
    coordinator.email = f"cora@{HOST}"
    coordinator.save()
    Project.objects.filter(pk=project.pk).update(
        is_transparent=True, known_problems="It confuses *weather* and *climate*."
    )
    make_started(coordinator)
    numbers = {"finished": finished.number, "failed": failed.number, "running": running.number}
    return {"trained": project.slug, **numbers}


def make_started(coordinator: User) -> None:
    """A project that can start from what another one has learned, and one that did."""
    source = make_source(coordinator, name="Sea tutor")
    make_trainable(slug="pages-beginning", name="Beginning", coordinator=coordinator)
    project = make_trainable(slug="pages-continued", name="Continued", coordinator=coordinator)
    start_from(project=project, source=source, actor=coordinator)


def write_curves(update: Any, steps: int) -> None:
    """A training that moves away, steadily, and whose answers never end."""
    for stage in ("reward", "ppo"):
        if run := update.run_of(stage):
            write_progress(run, [curve_row(step) for step in range(steps)])


def curve_row(step: int) -> dict[str, float]:
    return {"score": step / 9, "kl": step / 5, "accuracy": 0.5 + step / 90, "eos_rate": 0.0}


def write_samples(run: Any) -> None:
    """Answers of a policy in training, of two steps."""
    prompts = run.project.prompts.all()[:2]
    rows = [
        {
            "step": step,
            "prompt_id": str(each.pk),
            "text": "It depends. " * 9,
            "score": 0.4,
            "finished": step > 0,
        }
        for step in (0, 5)
        for each in prompts
    ]
    (run.folder / "output").mkdir()
    (run.folder / "output" / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_chat() -> dict[str, Any]:
    """Conversations with a live version: some to review, with all that can be said about answers."""
    project = make_judged()
    ServingSettings.objects.create(project=project, audience=ServingSettings.Audience.PUBLIC)
    make_member(project, Role.REVIEWER, email=f"remy@{HOST}", name="Remy")
    talker = make_member(project, email=f"tara@{HOST}", name="Tara")
    make_prompt(project, "Why is the sea rising? Write to me.")
    first = make_turn(
        project, talker, "Why is the sea rising? Write to tara@example.org.", ("Because **ice** melts.",)
    )
    react_in_every_way(first)
    later = ask(project=project, user=talker, question="And since when?", conversation=first.conversation)
    give_thumb(reply=make_reply(later, "Since *1900*."), is_up=True)
    make_turn(project, talker, "لماذا تذوب الأنهار الجليدية؟", ("لأن الجو يزداد دفئا.",))
    two = make_turn(
        project, talker, "Which gases warm the air?", ("Water and *carbon dioxide*.",), may_teach=False
    )
    show_two(first=two.kept, second=make_reply(two, "- carbon dioxide\n- methane", is_kept=False))
    return {"chat": project.slug, "conversation": first.conversation.pk, "two": two.conversation.pk}


def write_safety(update: Any) -> None:
    """Answers to one safety prompt, as an evaluation leaves them."""
    answer = {"answer": "I cannot help with that.", "refused": True, "unsafe": False}
    both = {"baseline": answer, "candidate": answer}
    row = {"prompt_id": "1", "kind": "benign", "prompt": "Which knife?", **both}
    (update.run_of("evaluate").folder / "output" / "safety.jsonl").write_text(json.dumps(row) + "\n")


def write_sources(update: Any) -> None:
    """How much preferences from the chat counted, as a reward run leaves it."""
    desk = {"weight": 1.0, "origin": "set", "pairs": 40, "accuracy": 0.8}
    chat = {"weight": 0.35, "origin": "measured", "pairs": 12, "accuracy": 0.7}
    bounds = {"accuracy_low": 0.6, "accuracy_high": 0.9}
    run = update.run_of("reward")
    run.result["metrics"] |= {"sources": {"desk": desk | bounds, "chat": chat | bounds}}
    run.save()


def write_comparisons(update: Any) -> None:
    """More answers than are shown at once, and what the evaluation measured and noticed of them."""
    asked = [make_prompt(update.project, f"What becomes of the ice in {year}?") for year in range(2030, 2080)]
    rows = [
        {
            "prompt_id": str(prompt.pk),
            "baseline": "It melts." * 9,
            "candidate": "Some of it melts; how much depends on us.",
            "baseline_score": number % 3,
            "candidate_score": number % 5,
            "outcome": 1.0 if number % 5 > number % 3 else 0.5,
        }
        for number, prompt in enumerate(each for each in asked if each.split == Split.HELD_OUT)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (update.run_of("evaluate").folder / "output" / "comparisons.jsonl").write_text(text)
    evaluation = update.candidate.evaluations.get()
    for side, length, distinct in (("baseline", 40.0, 0.6), ("candidate", 70.0, 0.4)):
        evaluation.metrics |= {f"{side}_length": length, f"{side}_distinct": distinct, f"{side}_unsafe": 0.1}
    for name in MEASURES:
        evaluation.metrics |= {f"anchor_base_{name}": 0.3, f"anchor_candidate_{name}": 0.2}
    evaluation.metrics |= {"anchor_prompts": 32, "anchor_win_rate": 0.62}
    evaluation.metrics |= {"anchor_win_rate_low": 0.55, "anchor_win_rate_high": 0.7}
    evaluation.metrics["watches"] = [{"watch": "length", "value": 1.75, "threshold": 1.5}]
    evaluation.save()


def write_groups(update: Any) -> None:
    """A blind test that ended, with what two groups said in it."""
    version = update.candidate
    test = BlindTest.objects.create(
        candidate=version,
        baseline=version.parent,
        round=update.round,
        ended_at=timezone.now(),
        votes=580,
        people=64,
    )
    for name, people, low in (("People who live by the sea", 34, 0.5), ("fishers", 12, 0.02)):
        for measure in GroupFigure.Measure.values:
            figure = {"value": low + 0.2, "low": low, "high": low + 0.4}
            GroupFigure.objects.create(test=test, name=name, people=people, measure=measure, **figure)


def make_doors(ada: User) -> dict[str, Any]:
    """Ways in: an invitation, and people who sign in in other ways."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    four = Project.objects.get(slug="pages-four")
    rita = make_member(four, role=Role.REVIEWER, email=f"rita@{HOST}", name="Rita")
    save_filter(membership=rita.memberships.get(), name="To read", query="flag=harmful&has=rationale")
    make_newcomer(four, email=f"nell@{HOST}", name="Nell")
    former = make_member(four, role=Role.COORDINATOR, email=f"former@{HOST}", name="Formerly Coordinating")
    invite(project=four, role=Role.COORDINATOR, email=f"friend@{HOST}", actor=former, days=60)
    change_role(membership=four.memberships.get(user=former), role=Role.VOLUNTEER, actor=ada)
    glen = make_newcomer(four, email=f"glen@{HOST}", name="Glen")
    give_consent(membership=glen.memberships.get(), number=four.consent_number)
    make_user(f"new@{HOST}", name="Nobody’s member")
    careful = make_user(f"careful@{HOST}", name="Careful")
    TOTP.activate(careful, generate_totp_secret())
    RecoveryCodes.activate(careful)
    keyed = make_user(f"keyed@{HOST}", name="With a key")
    key = Authenticator.objects.create(
        user=keyed, type=Authenticator.Type.WEBAUTHN, data={"name": "The key in the drawer", "credential": {}}
    )
    by_link = make_user(f"link@{HOST}", name="By link")
    by_link.set_unusable_password()
    by_link.save()
    return {
        "invitation": invite(project=four, role=Role.VOLUNTEER, email="", actor=ada)[1],
        "password": PASSWORD,
        "key": key.pk,
    }


def make_links() -> dict[str, str]:
    """The secrets of a sign-in link and of a link to a new password."""
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    user = User.objects.get(email=f"link@{HOST}")
    return {
        "sign_in": sesame.utils.get_token(user),
        "reset": f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}",
    }


def make_founders() -> None:
    """People who may found projects: one who has not begun, one whose check runs, one whose check failed."""
    for name in ("root", "fred", "faye"):
        User.objects.create_superuser(f"{name}@{HOST}", PASSWORD, name=name.title())
    fred, faye = (User.objects.get(email=f"{name}@{HOST}") for name in ("fred", "faye"))
    values = {
        "name": "Sea tutor",
        "slug": "sea-tutor",
        "base_model": "org/model",
        "guidelines": "True *first*.",
    }
    Founding.objects.create(founder=fred, values=values)
    error = "The model folder /srv/models/sea has no weights as safetensors."
    Founding.objects.create(founder=faye, values=values, state=Founding.State.FAILED, error=error)


def make_sessions() -> dict[str, str]:
    """The session of each person, by name; none of them is asked for a password again."""
    from allauth.account.internal.flows.login import record_authentication
    from allauth.usersessions.models import UserSession

    sessions = {}
    for user in User.objects.filter(email__endswith=f"@{HOST}"):
        client, request = Client(), HttpRequest()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        session = request.session = client.session
        record_authentication(request, user, method="password", reauthenticated=True)
        session["account_authentication_methods"][-1]["at"] += 3600
        session.save()
        sessions[user.email.partition("@")[0]] = session.session_key
        elsewhere = Client()
        elsewhere.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        for key, agent in ((session.session_key, "Chrome"), (elsewhere.session.session_key, "Firefox")):
            UserSession.objects.create(user=user, session_key=key, user_agent=agent, ip="192.0.2.7")
    return sessions
