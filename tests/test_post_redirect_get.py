"""Every page that takes a POST sends the browser on after it."""

import pytest
from django.http import HttpResponse
from django.urls import ResolverMatch

from tests.post_redirect_get import answers_by_redirect


def answer(request, view):
    request.resolver_match = ResolverMatch(view, (), {})
    return answers_by_redirect(view)(request)


def a_page(request):
    return HttpResponse("Saved.")


def test_a_page_in_answer_to_a_post_fails_the_test_that_sent_it(rf):
    with pytest.raises(AssertionError, match="should redirect"):
        answer(rf.post("/"), a_page)


def test_other_answers_pass(rf):
    assert answer(rf.get("/"), a_page).status_code == 200
    assert answer(rf.post("/", headers={"HX-Request": "true"}), a_page).status_code == 200
    assert answer(rf.post("/"), lambda request: HttpResponse(status=422)).status_code == 422
    assert (
        answer(rf.post("/"), lambda request: HttpResponse("{}", content_type="application/json")).status_code
        == 200
    )
