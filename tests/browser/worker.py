"""A worker whose engines are forked, so that none loads its libraries anew.

`python -m tests.browser.worker BASE` makes a base model of a few thousand parameters in the folder BASE, and
then `ready` beside it.
"""

import sys
from pathlib import Path


def main(base: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from tests.rlhf.engine import ForkedEngine, ask, fork, status_of
    from tests.rlhf.making import make_base
    from training.launching import launcher
    from training.launching.engine_answers import EngineAnswer
    from training.services.base_models import check

    launcher.EngineProcess = ForkedEngine  # type: ignore[misc,assignment]
    check.ask_engine = lambda arguments, **_: EngineAnswer(*ask(list(arguments)))
    assert status_of(fork(make_base, "qwen3", base)) == 0
    base.with_name("ready").touch()
    call_command("db_worker", reload=False, startup_delay=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
