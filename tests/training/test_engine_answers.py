"""What the engine is asked without a run directory."""

from pathlib import Path

from training.launching import engine_answers
from training.launching.engine_answers import ask_engine


def test_an_engine_that_takes_too_long_is_ended_and_meanwhile_work_is_held(monkeypatch, tmp_path: Path):
    script = tmp_path / "engine"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    monkeypatch.setattr(engine_answers.sys, "executable", str(script))
    monkeypatch.setattr(engine_answers, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(engine_answers, "LONGEST_SECONDS", 0.3)
    beats: list[int] = []
    answer = ask_engine(["check"], beat=lambda: beats.append(1))
    assert beats and answer.status != 0 and "took longer than" in answer.last_words
