"""Names by which an answer tells who wrote it: what is found, what is left, and what holds for any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.masking.detection import find_names, has_word, hide
from ranking.masking.names import EVERYWHERE, EVERYWHERE_OTHER_SCRIPTS, HINTS, WHERE_ONE_SAYS_WHO

MARK = "▒"


def masked(text, **known):
    return hide(text, find_names(text, **known), MARK)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("I am ChatGPT, trained by OpenAI.", f"I am {MARK}, trained by {MARK}."),
        ("I'm **Gemini**, a large language model made by Google.", None),
        ("I’m Claude, created by Anthropic.", f"I’m {MARK}, created by {MARK}."),
        (
            "My name is Llama and I was developed by Meta.",
            f"My name is {MARK} and I was developed by {MARK}.",
        ),
        ("As an AI language model from Meta AI, I do not know.", None),
        ("I was trained by a team of researchers at Google DeepMind.", None),
        ("Anthropic created me.", f"{MARK} created me."),
        ("As Claude, I cannot say.", f"As {MARK}, I cannot say."),
        ("Gemini here! What is it?", f"{MARK} here! What is it?"),
        ("I am not Claude.", f"I am not {MARK}."),
        ("CHATGPT: hello", f"{MARK}: hello"),
        ("gpt-4o and GPT 3.5 turbo say so", f"{MARK} and {MARK} say so"),
        ("Qwen2.5-7B-Instruct, Llama-3.1-8B and SmolLM2", f"{MARK}, {MARK} and {MARK}"),
        ("Soy Gemini, un modelo de lenguaje entrenado por Google.", None),
        ("Me llamo Claude y fui creado por Anthropic.", f"Me llamo {MARK} y fui creado por {MARK}."),
        ("Je m'appelle Claude.", f"Je m'appelle {MARK}."),
        ("En tant qu'IA développée par Google, je ne sais pas.", None),
        ("أنا كلود، نموذج لغوي من تطوير شركة أنثروبيك.", f"أنا {MARK}، نموذج لغوي من تطوير شركة {MARK}."),
        ("أنا نموذج لغوي تم تدريبه من قبل جوجل", f"أنا نموذج لغوي تم تدريبه من قبل {MARK}"),
        ("Ich bin ein Sprachmodell, das von Google entwickelt wurde.", None),
        ("Sou o Gemini, criado pelo Google.", f"Sou o {MARK}, criado pelo {MARK}."),
        ("Sono Gemini, sviluppato da Google.", f"Sono {MARK}, sviluppato da {MARK}."),
        ("我是ChatGPT。", f"我是{MARK}。"),
    ],
)
def test_who_says_who_they_are_is_not_known(text, seen):
    found = masked(text)
    assert found == seen if seen else MARK in found
    for name in ("gemini", "google", "claude", "meta", "anthropic"):
        assert name not in found.lower()


@pytest.mark.parametrize(
    "text",
    [
        "The Gemini telescope in Hawaii sees further.",
        "A llama needs less grass than an alpaca, and the mistral dries it.",
        "Claude Monet painted the fog of London.",
        "Anthropic emissions are those that people cause.",
        "Brazilian soy from the Amazon: as Google Maps shows, forests shrink.",
        "Metal, metabolism, meta-analysis and big bloom.",
        "I am glad that you ask about the Gemini telescope.",
        "I am a climate tutor.",
        "Open AI research is another matter. I'm open.",
        "As Microsoft reports, its emissions rose.",
        "Je suis content. Soy feliz. أنا سعيد.",
        "",
    ],
)
def test_what_only_looks_like_a_name_stays(text):
    assert masked(text) == text


def test_what_was_asked_about_stays_but_where_the_answer_claims_it():
    asked = "How much power does ChatGPT need, and are you ChatGPT?"
    answer = "ChatGPT needs much, GPT-4 more. I am ChatGPT."
    assert masked(answer, asked=asked) == f"ChatGPT needs much, {MARK} more. I am {MARK}."


def test_a_project_and_its_versions_are_known_by_their_names():
    own = ("Climate tutor", "tiny", "Version 7", "SmolChat-9x")
    assert masked("I am the climate  tutor, Version 7.", own=own) == f"I am the {MARK}, {MARK}."
    assert masked("A tiny climate tutor. See version 7.", own=own) == "A tiny climate tutor. See version 7."
    assert masked("As smolchat-9x said", own=own) == f"As {MARK} said"


def test_a_projects_words_are_hidden_wherever_they_stand_as_words():
    words = ("Zephyr", "blue sky", "زفير")
    text = "ZEPHYR, zephyrs, blue\nsky and وزفير"
    assert masked(text, words=words) == f"{MARK}, zephyrs, {MARK} and و{MARK}"
    assert has_word(text, "zephyr") and not has_word(text, "zeph") and not has_word(text, "sky blue")


def test_names_beside_each_other_are_one():
    assert masked("I am Google Gemini Pro by OpenAI GPT-4") == f"I am {MARK} by {MARK}"


def test_letters_that_grow_in_lower_case_move_nothing():
    assert masked("İİİ ChatGPT İ") == f"İİİ {MARK} İ"


@pytest.mark.parametrize(
    "text",
    [
        "I am " * 20_000,
        "my" + " " * 100_000 + "name",
        "as a " + "large " * 20_000,
        "chat " * 20_000,
        "i am gpt-4 " * 2_000,
    ],
    ids=lambda text: text[:8],
)
def test_long_hostile_texts_end(text):
    assert find_names(text + " google") is not None


NAMES = st.sampled_from(
    ["ChatGPT", "Claude", "gemini", "Google", "GPT-4", "Zephyr", "Version 7", "كلود", "open ai"]
)
PIECES = st.one_of(
    NAMES,
    st.sampled_from(
        [
            "I am",
            "I'm",
            "soy",
            "je suis",
            "أنا",
            "made by",
            "a large model",
            "as",
            "here,",
            " ",
            ", ",
            "\n",
            "*",
        ]
    ),
    st.text(max_size=8),
)
TEXTS = st.lists(PIECES, max_size=12).flatmap(
    lambda parts: st.sampled_from([" ".join(parts), "".join(parts)])
)
KNOWN = {"own": ("Version 7",), "words": ("Zephyr", "...")}


@given(TEXTS)
def test_whatever_the_text_spans_are_in_order_apart_and_inside(text):
    spans = find_names(text, **KNOWN)
    ends = [0, *(end for _start, end in spans)]
    assert all(before <= start < end <= len(text) for before, (start, end) in zip(ends, spans, strict=False))


@given(TEXTS)
def test_masked_again_nothing_changes(text):
    once = masked(text, **KNOWN)
    assert masked(once, **KNOWN) == once


@settings(max_examples=300)
@given(
    st.sampled_from([*EVERYWHERE, *EVERYWHERE_OTHER_SCRIPTS, *WHERE_ONE_SAYS_WHO]).flatmap(
        lambda name: st.from_regex(name, fullmatch=True)
    )
)
def test_no_name_is_passed_over_for_want_of_a_hint(name):
    assert any(hint in name for hint in HINTS)


@given(st.text(), st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_any_words_can_be_hidden(text, word, asked):
    assert hide(text, find_names(text, own=(word,), words=(word,), asked=asked), "") is not None
    if word.strip():
        around = f"{text} {word} {text}"
        assert find_names(around, words=(word,))


def test_a_word_to_hide_is_taken_letter_by_letter():
    assert masked("a.b (c) axb c", words=("a.b", "(c)")) == f"{MARK} axb c"
    assert masked("aaaa .* [a-z]+", words=(".*",)) == f"aaaa {MARK} [a-z]+"
