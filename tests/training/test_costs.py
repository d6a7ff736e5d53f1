"""What updates cost, before and after, in the project's money."""

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils.translation import override

from annotator.models import Project
from tests.factories import coordinator_of, make_project
from tests.pressing import filled, press
from tests.training.making import make_finished, make_judged, make_update
from tests.training.planning import store_plan
from training.costs import cost_of
from training.templatetags.figures import money

EUROS: dict[str, Any] = {"price_per_kwh": Decimal("0.3"), "price_per_hour": Decimal("1.2"), "currency": "EUR"}


def shown(client, project: Project, name: str, *more: object) -> str:
    client.force_login(coordinator_of(project))
    page = client.get(reverse(name, args=[project.slug, *more])).text
    return " ".join(page.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize(
    ("prices", "kwh", "cost"),
    [
        ({}, 10, ""),
        ({"price_per_kwh": Decimal("0.3")}, 10, "3.00 EUR"),
        ({"price_per_kwh": Decimal("0.3")}, None, ""),
        ({"price_per_hour": Decimal("1.2")}, None, "2.40 EUR"),
        ({"price_per_kwh": Decimal("0.3"), "price_per_hour": Decimal("1.2")}, 10, "5.40 EUR"),
        ({"price_per_kwh": Decimal("0.3"), "price_per_hour": Decimal("1.2")}, None, ""),
        ({"price_per_kwh": Decimal(0)}, 10, "0.00 EUR"),
    ],
)
def test_a_cost_is_told_where_all_that_has_a_price_is_known(prices, kwh, cost):
    told = cost_of(Project(currency="EUR", **prices), seconds=7200, kwh=kwh)
    assert told.replace("\N{NO-BREAK SPACE}", " ") == cost


@pytest.mark.parametrize(
    ("amount", "currency", "language", "words"),
    [
        ("1234.565", "EUR", "en", "1,234.57 EUR"),
        ("1234.5", "EUR", "es", "1 234,50 EUR"),
        ("0.004", "USD", "en", "less than 0.01 USD"),
        ("0.4", "JPY", "en", "less than 1 JPY"),
        ("1234.5", "JPY", "en", "1,235 JPY"),
        ("1.5", "KWD", "en", "1.500 KWD"),
    ],
)
def test_an_amount_is_written_as_the_reader_and_the_currency_have_it(amount, currency, language, words):
    with override(language):
        assert money(Decimal(amount), currency).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.django_db
def test_an_update_says_what_it_will_cost_before_it_starts(client, monkeypatch):
    project = make_judged()
    store_plan(monkeypatch, project)
    for name in ("training", "schedule"):
        assert "Cost" not in shown(client, project, name).partition("<main")[2]
    Project.objects.filter(pk=project.pk).update(**EUROS)
    for name in ("training", "schedule"):
        assert "Cost: about <bdi>0.32 EUR</bdi>, an estimate." in shown(client, project, name)


@pytest.mark.django_db
def test_a_version_says_what_it_cost_with_the_attempts_that_did_not_succeed(client):
    update = make_update()
    make_finished(update)
    version, project = update.candidate, update.project
    pages = (("update", update.number), ("version", version.number))
    for page in pages:
        assert "What electricity and machine cost" not in shown(client, project, *page)
    Project.objects.filter(pk=project.pk).update(price_per_hour=36, currency="EUR")
    version.metrics |= {"seconds": {"reward": 100.0, "ppo": 234.0}, "unfinished_seconds": 120.0}
    version.save()
    for page in pages:
        assert "≈ 4.54 EUR" in shown(client, project, *page)


@pytest.mark.django_db
def test_prices_and_their_currency_are_a_section_of_the_settings(client):
    project = make_project()
    client.force_login(coordinator_of(project))
    address = reverse("settings-section", args=[project.slug, "costs"])
    assert press(client, address, price_per_kwh="0.2875", currency=" kes ").status_code == 302
    project.refresh_from_db()
    assert (project.price_per_kwh, project.price_per_hour, project.currency) == (
        Decimal("0.2875"),
        None,
        "KES",
    )
    assert press(client, address, price_per_kwh="", currency="").status_code == 302
    project.refresh_from_db()
    assert (project.price_per_kwh, project.currency) == (None, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"price_per_hour": "1", "currency": ""}, "A price needs a currency."),
        ({"currency": "EURO"}, "at most 3"),
        ({"currency": "XYZ"}, "code of three letters"),
        ({"currency": "E\0R"}, "Null characters"),
        ({"price_per_kwh": "-1"}, "greater than or equal to 0"),
        ({"price_per_kwh": "NaN"}, "Enter a number"),
        ({"price_per_kwh": "Infinity"}, "Enter a number"),
        ({"price_per_kwh": "1e400"}, "no more than"),
        ({"price_per_kwh": "9" * 5000}, "no more than"),
        ({"price_per_kwh": "0.00001"}, "no more than 4 decimal places"),
    ],
)
def test_a_price_that_is_none_is_refused_with_words(client, wrong, words):
    project = make_project()
    client.force_login(coordinator_of(project))
    address = reverse("settings-section", args=[project.slug, "costs"])
    page = client.post(address, filled(client, address, currency="EUR") | wrong)
    assert page.status_code == 422 and words in page.text
    project.refresh_from_db()
    assert (project.price_per_kwh, project.price_per_hour, project.currency) == (None, None, "")
