import pytest

from annotator.models import Author, Completion
from annotator.services.completions import add_completions, get_or_create_author
from tests.factories import make_project, make_prompt


@pytest.fixture
def author(project) -> Author:
    return get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")


def test_an_author_is_made_once(project, author):
    assert get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1") == author
    assert get_or_create_author(project=project, kind=Author.Kind.IMPORT, name="Version 1") != author


def test_the_same_text_of_an_author_to_a_prompt_is_stored_once(project, author):
    first, second = make_prompt(project), make_prompt(project)
    stored = add_completions(author=author, texts=[(first, "a"), (second, "a"), (first, "a"), (first, "b")])
    assert [(one.prompt, one.text) for one in stored] == [
        (first, "a"),
        (second, "a"),
        (first, "a"),
        (first, "b"),
    ]
    assert stored[0] == stored[2]
    assert add_completions(author=author, texts=[(first, "a")]) == [stored[0]]
    assert Completion.objects.count() == 3


def test_another_author_may_say_the_same(project, author):
    prompt = make_prompt(project)
    other = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 2")
    (one,), (two,) = (add_completions(author=by, texts=[(prompt, "a")]) for by in (author, other))
    assert one != two


def test_what_cannot_be_stored_is_replaced(project, author):
    (stored,) = add_completions(author=author, texts=[(make_prompt(project), "a\0b\ud800c")])
    stored.refresh_from_db()
    assert stored.text == "a\ufffdb\ufffdc"


def test_many_completions_are_stored_in_order(project, author):
    prompts = [make_prompt(project) for _ in range(3)]
    texts = [(prompts[n % 3], f"answer {n}") for n in range(1200)]
    assert [one.text for one in add_completions(author=author, texts=texts)] == [text for _, text in texts]


def test_a_prompt_of_another_project_is_refused(author):
    with pytest.raises(ValueError, match="one project"):
        add_completions(author=author, texts=[(make_prompt(make_project()), "a")])


def test_no_texts_is_no_completions(author):
    assert add_completions(author=author, texts=[]) == []
