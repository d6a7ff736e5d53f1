"""The reading of prompt files, without a database."""

import csv
import io
import json

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from annotator.imports.file_formats import BY_A_COMMAND, ON_A_PAGE
from annotator.imports.prompt_files import MAX_CHARACTERS, PromptFile, read_prompt_file
from annotator.models.prompts import without_system
from annotator.text.storable import is_blank


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, str]:
    return {"role": "system", "content": text}


def jsonl(*lines: str) -> PromptFile:
    return read_prompt_file("\n".join(lines).encode("utf-8", "surrogatepass"), "prompts.jsonl")


def csv_file(text: str, encoding: str = "utf-8") -> PromptFile:
    return read_prompt_file(text.encode(encoding), "prompts.csv")


def questions(result: PromptFile) -> list[str]:
    assert result.errors == []
    return [draft.messages[-1]["content"] for draft in result.drafts]


@pytest.mark.parametrize("column", ["prompt", "question", "Prompt "])
def test_csv_takes_prompt_or_question(column):
    assert questions(csv_file(f"{column},language\nWhy?,de\n")) == ["Why?"]


def test_csv_keeps_quoted_newlines_and_counts_lines_by_the_file():
    result = csv_file('prompt,source\r\n"One\r\ntwo",a\r\n\r\n"x"\r\n')
    assert [str(note) for note in result.errors] == [
        "line 5: 1 fields, but the first line names 2; texts with a comma need quotes"
    ]
    assert [str(note) for note in result.skipped] == ["line 4: the line is empty"]
    assert result.drafts[0].messages == [user("One\ntwo")]
    assert result.drafts[0].line == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_may_be_separated_as_spreadsheets_do(delimiter):
    result = csv_file(f"prompt{delimiter}language\nWhy?{delimiter}pt-BR\n")
    assert result.drafts[0].language == "pt-BR"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_that_spreadsheets_write_are_read(encoding):
    assert questions(csv_file("prompt\nÇa va : 氷?\n", encoding)) == ["Ça va : 氷?"]


def test_csv_takes_conversations_from_a_json_column():
    messages = [user("What is albedo?"), assistant("Reflection."), user("And sea ice?")]
    text = io.StringIO()
    csv.writer(text).writerows([["messages"], [json.dumps(messages)]])
    assert csv_file(text.getvalue()).drafts[0].messages == messages


def test_jsonl_takes_texts_and_conversations():
    turns = [user("a"), assistant("b"), user("c")]
    result = jsonl(
        '{"prompt": "Why?", "language": "fr", "source": "letter"}',
        "",
        json.dumps({"prompt": turns}),
        json.dumps({"messages": turns[:1], "language": None}) + "\r",
    )
    assert result.errors == []
    assert [draft.messages for draft in result.drafts] == [[user("Why?")], turns, turns[:1]]
    assert (result.drafts[0].language, result.drafts[0].source) == ("fr", "letter")
    assert [note.line for note in result.skipped] == [2]


@pytest.mark.parametrize("line", ["{", '{"prompt": NaN}', '{"prompt": "\\u0000"}'])
def test_what_is_wrong_with_the_json_is_named_in_the_readers_language(line):
    (english,) = jsonl(line).errors
    with override("fr"):
        (french,) = jsonl(line).errors
    assert french.reason != english.reason


def test_a_line_separator_inside_a_json_string_does_not_end_the_line():
    assert questions(jsonl('{"prompt": "one\u2028two"}')) == ["one\u2028two"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("nonsense", "not JSON"),
        ('{"prompt": NaN}', "not a number"),
        pytest.param('{"prompt": ' + "9" * 5000 + "}", "not a number", id="many digits"),
        ('{"prompt": ' + "[" * 50_000, "nested too deeply"),
        ('{"prompt": "a", "prompt": "b"}', "the key prompt is there twice"),
        ("[]", "expected an object, not a list"),
        ("null", "expected an object, not null"),
        ('{"prompt": 3}', "not a number"),
        ('{"prompt": true}', "not true or false"),
        ('{"prompt": {}}', "not an object"),
        ('{"messages": "text"}', "must be a list of messages"),
        ('{"messages": {}}', "must be a list of messages"),
        ('{"prompt": "a", "question": "b"}', "both prompt and question"),
        ('{"prompt": []}', "0 messages"),
        ('{"prompt": ["a"]}', "message 1 must be an object, not a text"),
        ('{"prompt": [{"role": "assistant", "content": "a"}]}', "message 1 must be the user's"),
        ('{"prompt": [{"role": "system", "content": "a"}]}', "the last message must be the user's"),
        (json.dumps({"messages": [user("a"), system("b"), user("c")]}), "message 2 is a system message"),
        (json.dumps({"messages": [system("a"), system("b"), user("c")]}), "message 2 is a system message"),
        (json.dumps({"messages": [user("\u200b"), assistant("b"), user("c")]}), "message 1 is empty"),
        ('{"prompt": [{"role": "owner", "content": "a"}]}', "must be user or assistant"),
        ('{"prompt": [{"role": ["user"], "content": "a"}]}', "must be user or assistant"),
        ('{"prompt": [{"role": "user", "content": null}]}', "must be a text, not null"),
        ('{"prompt": [{"role": "user", "content": " "}]}', "message 1 is empty"),
        (json.dumps({"messages": [user("a"), user("b")]}), "message 2 must be the assistant's"),
        (json.dumps({"messages": [user("a"), assistant("b")]}), "the last message must be the user's"),
        (json.dumps({"messages": [user("a"), assistant("b")] * 60}), "120 messages"),
        ('{"prompt": "a\\u0000b"}', "NUL"),
        ('{"prompt": "\\ud800"}', "surrogate"),
        ('{"prompt": "a", "source": "\\udfff"}', "surrogate"),
        ('{"prompt": "a", "source": 1}', "source must be a text"),
        ('{"prompt": "a", "source": "%s"}' % ("x" * 201), "source has 201 characters"),
        ('{"prompt": "a", "language": 7}', "language"),
        ('{"prompt": "a", "language": "english please"}', "language"),
        (json.dumps({"prompt": "x" * (MAX_CHARACTERS + 1)}), "at most 20000"),
    ],
)
def test_a_wrong_line_is_an_error_with_its_number_and_reason(line, reason):
    result = jsonl('{"prompt": "fine"}', line)
    assert [note.line for note in result.errors] == [2]
    assert reason in result.errors[0].reason


@pytest.mark.parametrize(
    "line",
    ["", "   ", "{}", '{"prompt": null}', '{"prompt": " \\n "}', '{"prompt": "\\u200b"}', '{"source": "x"}'],
)
def test_a_line_with_nothing_in_it_is_skipped(line):
    result = jsonl('{"prompt": "fine"}', line, '{"prompt": "too"}')
    assert result.errors == []
    assert [note.line for note in result.skipped] == [2]
    assert len(result.drafts) == 2


@pytest.mark.parametrize(
    "field",
    ["NaN", "-Infinity", "1e999", str(2**65), "9" * 5000, '"\\u0000"', '"\\ud800"', '{"a": [[NaN]]}'],
    ids=lambda value: value[:20],
)
def test_a_field_that_is_not_read_refuses_nothing(field):
    assert questions(jsonl(f'{{"prompt": "fine", "score": {field}}}')) == ["fine"]


@pytest.mark.parametrize("cell", ["x" * 200_000, "a\0b", "NaN"], ids=["long", "NUL", "NaN"])
def test_a_cell_that_is_not_read_refuses_nothing(cell):
    assert questions(csv_file(f"prompt,note,note\nfine,{cell},\n")) == ["fine"]


def test_a_long_cell_that_is_read_refuses_its_line_alone():
    result = csv_file("prompt\n" + "x" * 200_000 + "\nfine\n")
    assert [note.line for note in result.errors] == [2] and "at most 20000" in result.errors[0].reason
    assert len(result.drafts) == 1


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_may_end_in_any_of_the_three_ways(end):
    rows = ["prompt,language", "Why; what; how; who; whence?,en", "When; where?,en", ""]
    assert questions(csv_file(end.join(rows))) == ["Why; what; how; who; whence?", "When; where?"]
    result = read_prompt_file(end.join(['{"prompt": "a"}', "", '{"prompt": "b"}', ""]).encode(), "a.jsonl")
    assert questions(result) == ["a", "b"] and [note.line for note in result.skipped] == [2]


def test_a_lone_carriage_return_in_a_text_is_a_line_end():
    assert questions(jsonl('{"prompt": "one\\rtwo\\r\\nthree"}')) == ["one\ntwo\nthree"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_list_is_read_and_its_entries_are_counted(name, indent):
    content = json.dumps([{"prompt": "a"}, {}, {"prompt": 3}], indent=indent).encode()
    result = read_prompt_file(content, name)
    assert [draft.line for draft in result.drafts] == [1]
    assert [note.line for note in result.skipped] == [2] and [note.line for note in result.errors] == [3]


def test_json_lines_may_be_named_json():
    assert questions(read_prompt_file(b'{"prompt": "a"}\n{"prompt": "b"}\n', "a.json")) == ["a", "b"]


def test_a_tag_with_an_underscore_is_a_language_tag():
    assert jsonl('{"prompt": "Por que?", "language": "pt_BR"}').drafts[0].language == "pt-BR"


def test_a_first_system_message_is_kept():
    messages = [system("Be brief."), user("Why?")]
    assert jsonl(json.dumps({"prompt": messages})).drafts[0].messages == messages


@pytest.mark.parametrize(
    ("content", "filename", "reason"),
    [
        (b"", "a.csv", "name the columns"),
        (b"a,b\n1,2\n", "a.csv", "name the columns"),
        (b"prompt,prompt\n1,2\n", "a.csv", "twice"),
        (b'[{"prompt": "a"},\n', "a.json", "begins like a JSON list"),
        (b"[]", "a.json", "no prompt"),
        (b"prompt\n", "a.csv", "no prompt"),
        (b'prompt\n"open', "a.csv", "line 2"),
        (b'prompt\n"a"b\n', "a.csv", "line 2"),
        (b"prompt\nok\n\xff\xfe\n", "a.csv", "line 3"),
        (b"\xff\xfea", "a.csv", "not UTF-8"),
        (b"", "a.jsonl", "no prompt"),
        (b"{}", "a.xlsx", "reads .csv"),
        (b"{}", "prompts", "reads .csv"),
        (b"prompt" + b"," * 1000 + b"\n", "a.csv", "more than 1000 columns"),
        (b"[[" + b"0," * 600_000 + b"0]]", "a.json", "more than 500000 values"),
        (b"{" + b'"a":[],' * 60_000 + b'"b":0}', "a.jsonl", "more than 100000 values"),
        (b"{" + b",".join(b'"%d":0' % n for n in range(10_001)) + b"}", "a.jsonl", "more than 10000 keys"),
        (b'{"prompt": "' + b"Human: a\\n" * 30_000 + b'"}', "a.jsonl", "at most 20000"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_that_is_wrong_as_a_whole_gives_one_error(content, filename, reason):
    result = read_prompt_file(content, filename)
    assert len(result.errors) == 1
    assert reason in str(result.errors[0])
    assert result.drafts == []


@pytest.mark.parametrize("limits", [ON_A_PAGE, BY_A_COMMAND])
def test_a_file_beyond_its_limits_is_refused_as_a_whole(limits):
    too_large = read_prompt_file(b"x" * (limits.bytes + 1), "a.csv", limits)
    assert f"larger than {limits.bytes // 1024**2} MiB" in str(too_large.errors)
    for content, filename in [
        (b"\n" * (limits.lines + 1), "a.jsonl"),
        (b"{\n" * (limits.lines + 1), "a.jsonl"),
        (b"[" + b"0," * limits.lines + b"0]", "a.json"),
        (b"prompt\n" + b",\n" * limits.lines + b",\n", "a.csv"),
        (b"prompt\r" + b",\r" * limits.lines, "a.csv"),
    ]:
        result = read_prompt_file(content, filename, limits)
        assert len(result.errors) == 1 and f"more than {limits.lines:,} lines" in str(result.errors[0])
        assert result.drafts == []


filenames = st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json"])


def assert_sound(result: PromptFile) -> None:
    assert result.errors or result.drafts
    for draft in result.drafts:
        turns = without_system(draft.messages)
        assert [message["role"] for message in turns][::2] == ["user"] * (len(turns) // 2 + 1)
        for message in draft.messages:
            assert message["content"] == message["content"].strip() and not is_blank(message["content"])
            assert "\r" not in message["content"]
            assert "\0" not in message["content"]
            message["content"].encode("utf-8")


@given(st.binary(max_size=300), filenames)
def test_no_bytes_make_the_reader_fail(content, filename):
    assert_sound(read_prompt_file(content, filename))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["prompt", "messages", "role", "content", "language", "source"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4))
def test_no_json_makes_the_reader_fail(values):
    assert_sound(jsonl(*(json.dumps(value) for value in values)))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=40).filter(
    lambda text: not is_blank(text)
)


@given(st.lists(texts, min_size=1, max_size=5))
def test_what_a_csv_writer_writes_is_read_back(prompts):
    text = io.StringIO()
    csv.writer(text).writerows([["prompt", "language"], *([prompt, "en"] for prompt in prompts)])
    assert questions(csv_file(text.getvalue())) == [prompt.strip() for prompt in prompts]


@given(st.lists(texts, min_size=1, max_size=5), st.booleans())
def test_what_a_json_writer_writes_is_read_back(prompts, ascii_only):
    lines = [json.dumps({"prompt": prompt}, ensure_ascii=ascii_only) for prompt in prompts]
    assert questions(jsonl(*lines)) == [prompt.strip() for prompt in prompts]
