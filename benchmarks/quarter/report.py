"""What a simulated quarter came to: tables, figures and pictures."""

from collections.abc import Sequence
from dataclasses import asdict

from annotator.models import Project
from benchmarks.line_chart import Curve, chart
from benchmarks.processes import ROOT
from ranking.models.reliability import fit_of
from training.rlhf.rundir import write_json, write_text
from training.services.gate.blind_test import FEWEST_PROMPTS
from training.services.timeline import RoundLine, line_of, rounds_of

from .weeks import WeekEnd

RESULTS = ROOT / "build/bench/quarter.json"
DOCS = ROOT / "docs"
COLUMNS = ("round", "opened", "state", "judgments", "agreement", "live version", "win rate", "minutes", "Wh")
ACCURACY = "Accurate answers of the live version, week by week"
ENERGY = "Electricity of sampling and updates"
EVENTS = {
    "schedule.passed_over": "weeks passed over for want of data",
    "gate.test_started": "blind tests",
    "version.released": "versions released",
    "gate.failed": "candidates that the gate turned down",
    "version.rolled_back": "versions taken back",
}
BY_HAND = {
    "version.released": "of the releases by the coordinator",
    "version.rejected": "candidates turned down by the coordinator",
}


def write_report(project: Project, ends: list[WeekEnd], differences: list[str], seconds: float) -> str:
    """Write build/bench/quarter.json, and docs/quarter.md with its pictures; returns the page."""
    fit = fit_of(project)
    rounds = [_cells(line_of(one, fit)) for one in rounds_of(project).reverse()]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    events = {words: project.audit_events.filter(verb=verb).count() for verb, words in EVENTS.items()}
    by_hand = project.audit_events.filter(actor__isnull=False)
    events |= {words: by_hand.filter(verb=verb).count() for verb, words in BY_HAND.items()}
    write_json(
        RESULTS,
        {
            "seconds": seconds,
            "differences": differences,
            "events": events,
            "weeks": [asdict(end) for end in ends],
            "rounds": [dict(zip(COLUMNS, cells, strict=True)) for cells in rounds],
        },
    )
    accurate = Curve("live version", 0, [(end.week, end.accurate) for end in ends])
    used = Curve("all so far", 1, [(end.week, end.watt_hours) for end in ends])
    pictures = {
        "accuracy": chart([accurate], title=ACCURACY, x_label="week", y_label="share of accurate answers"),
        "energy": chart([used], title=ENERGY, x_label="week", y_label="Wh, an estimate"),
    }
    for name, picture in pictures.items():
        write_text(DOCS / "img" / f"quarter-{name}.svg", picture)
    page = _page(rounds, events, ends, seconds)
    write_text(DOCS / "quarter.md", page)
    return page


def _cells(line: RoundLine) -> tuple[str, ...]:
    opened, agreement, kwh = line.round.opened_at, line.collected.agreement.share, line.expense.kwh
    versions = [str(version.number) for version in (line.before, line.after) if version]
    metrics = line.candidate.metrics if line.candidate else {}
    return (
        str(line.round.number),
        f"{opened.astimezone(line.round.project.zone):%d %b %H:%M}" if opened else "–",
        line.round.get_state_display(),
        str(line.collected.judgments),
        "–" if agreement is None else f"{agreement:.0%}",
        " → ".join(dict.fromkeys(versions)),
        "{win_rate:.2f} [{win_rate_low:.2f}, {win_rate_high:.2f}]".format(**metrics) if metrics else "–",
        f"{line.expense.seconds / 60:.1f}",
        "–" if kwh is None else f"{1000 * kwh:.2f}",
    )


def _page(rounds: list[tuple[str, ...]], events: dict[str, int], ends: list[WeekEnd], seconds: float) -> str:
    weeks = [(str(e.week), str(e.version), f"{e.accurate:.3f}", f"{e.watt_hours:.2f}") for e in ends]
    return f"""# A quarter that runs by itself

Twelve weeks of the starter model by its schedule; the gate decides where it can. `make quarter` moves time,
simulated volunteers rank and test, and the rest is the site's own clock, worker, engines, gate and database.
Every number of the table of rounds was counted again from raw rows. It took {seconds / 60:.0f} minutes.

![{ACCURACY}](img/quarter-accuracy.svg)

![{ENERGY}](img/quarter-energy.svg)

{_table(("week", "live version", "accurate", "Wh so far"), weeks)}

What happened: {", ".join(f"{count} {words}" for words, count in events.items())}.

- In week 5 a coordinator tried PPO without a price for leaving the version before.
- In weeks 6 and 7 people gave forty rankings each; an update asks for a hundred. Between the two the clocks
  were set back.
- The day after the update of week 8 the coordinator took the live version back.
- In week 10 the worker was killed in PPO, and another went on from its checkpoint.

A blind test needs {FEWEST_PROMPTS} held-out questions that no test has asked and on which versions differ.
In weeks that had fewer, the coordinator released what passed otherwise, and turned down what people could not
decide about.

What is accurate is told by the corpus's labels, on the held-out questions of the first day. Neither the
engine nor the gate sees them.

{_table(COLUMNS, rounds)}
"""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
