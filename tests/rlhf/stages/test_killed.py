"""PPO killed again and again, at moments drawn by lot, ends as a run does that nobody touched."""

import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.rlhf.engine import fork, log_of, status_of, work
from tests.rlhf.making import progress_of
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.ppo.learner import Learner
from training.rlhf.stages.ppo.stage import PPO

# A moment is a call or a return, of Python or C, inside one of these.
PLACES: dict[CodeType, str] = {
    PPO._sample.__code__: "rollout",
    PPO._assess.__code__: "scoring",
    Learner.update.__code__: "update",
    PPO._checkpoint_if_due.__code__: "save",
    RunDirectory.finish.__code__: "finish",
}
STEPS = 7  # more than the kills are let through
SMALL = {"batch_size": 4, "minibatches": 2, "max_new_tokens": 5, "calibration_answers": 4}


def attempt(folder: str, place: str | None, moment: int) -> None:
    """The engine, which kills itself at so many moments inside a place; else it tells how many there were."""
    seen: Counter[str] = Counter()
    inside: list[str] = []

    def watch(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code in PLACES:
            inside.append(PLACES[frame.f_code])
        if inside:
            seen[inside[-1]] += 1
            if inside[-1] == place and seen[place] == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        if event == "return" and frame.f_code in PLACES:
            inside.pop()

    sys.setprofile(watch)
    try:
        work("ppo", folder, str(log_of(Path(folder))))
    finally:
        sys.setprofile(None)
        moments_in(Path(folder)).write_text(json.dumps(seen))


def kill(folder: Path, place: str, moment: int) -> None:
    print(f"killed at moment {moment} inside the {place}")
    assert status_of(fork(attempt, str(folder), place, moment)) == -signal.SIGKILL


def moments_in(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.moments.json")


def left_by(folder: Path) -> tuple[dict[str, float], dict[str, str], dict[int, dict[str, float]]]:
    """Metrics, checksums of the output, and each step's progress, without what tells of time and energy."""
    result = json.loads((folder / "result.json").read_text())
    del result["files"]["README.md"]
    reported = {
        line["step"]: {name: value for name, value in line["metrics"].items() if "seconds" not in name}
        for line in progress_of(folder)
    }
    return result["metrics"], result["files"], reported


def test_killed_again_and_again_a_run_ends_with_the_same_bytes(
    ppo_settings: dict[str, Any], make_run: Callable[..., Path]
) -> None:
    seed = int(os.environ.get("CHORUS_TEST_SEED") or random.SystemRandom().randrange(10**9))
    print(f"To be killed at the same moments again: CHORUS_TEST_SEED={seed}")
    lot = random.Random(seed)
    settings = ppo_settings | SMALL | {"steps": STEPS, "checkpoint_every": 1}
    whole, killed = make_run(settings, "whole"), make_run(settings, "killed")
    assert status_of(fork(attempt, str(whole), None, 0)) == 0, log_of(whole).read_text()
    moments = json.loads(moments_in(whole).read_text())

    places = ["rollout", "scoring", "update", "save"]
    lot.shuffle(places)
    for place in places:
        each = moments[place] // STEPS
        # In the second step of the attempt, so that it has left a checkpoint; or in the first save.
        kill(killed, place, lot.randint(1, each) if place == "save" else lot.randint(each + 1, each * 3 // 2))
    latest = RunDirectory(killed).latest_checkpoint()
    assert latest is not None and 0 < latest[0] < STEPS, "there is something to go on from, and more to do"
    kill(killed, "finish", lot.randint(1, moments["finish"]))
    assert status_of(fork(attempt, str(killed), None, 0)) == 0, log_of(killed).read_text()

    assert left_by(killed) == left_by(whole)
    assert sorted(path.name for path in (killed / "checkpoints").iterdir()) == [
        f"step-{STEPS - 1:06d}",
        f"step-{STEPS:06d}",
    ]
