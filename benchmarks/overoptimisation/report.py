"""What `overoptimisation` measured, as figures, a table and a picture."""

import argparse
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.line_chart import Curve, chart
from training.rlhf.rundir import write_json, write_text

OUT = Path("build/bench")


@dataclass(frozen=True)
class Point:
    """One policy on held-out prompts: raw means, KL per answer to the starter in nats."""

    step: int
    kl: float
    proxy: float
    gold: float
    accurate: float
    proxy_deviation: float
    gold_deviation: float


def write_report(options: argparse.Namespace, curves: dict[int, list[Point]], seconds: float) -> None:
    """Write build/bench/overoptimisation.json, and page and picture to the folder of the documents."""
    settings = {name: str(v) if isinstance(v, Path) else v for name, v in vars(options).items()}
    runs = {str(n): [asdict(point) for point in points] for n, points in curves.items()}
    write_json(OUT / "overoptimisation.json", {"settings": settings, "seconds": seconds, "curves": runs})
    lines = []
    for group, (rankings, points) in enumerate(curves.items()):
        scaled = _in_deviations(points)
        lines.append(Curve(f"gold, {rankings} rankings", group, [(x, gold) for x, _, gold in scaled]))
        lines.append(Curve(f"proxy, {rankings}", group, [(x, proxy) for x, proxy, _ in scaled], dashed=True))
    (options.docs / "img").mkdir(parents=True, exist_ok=True)
    picture = chart(
        lines,
        title="Gold and proxy reward against the square root of KL",
        x_label="√KL per answer, nats",
        y_label="deviations of the starter's answers",
    )
    write_text(options.docs / "img" / "overoptimisation.svg", picture)
    write_text(options.docs / "overoptimisation.md", _page(options, curves))


def _in_deviations(points: list[Point]) -> list[tuple[float, float, float]]:
    """(√KL, proxy, gold), both judges in deviations of the starter's answers from their mean."""
    first = points[0]
    scales = max(first.proxy_deviation, 1e-6), max(first.gold_deviation, 1e-6)
    return [
        (math.sqrt(p.kl), (p.proxy - first.proxy) / scales[0], (p.gold - first.gold) / scales[1])
        for p in points
    ]


def _page(options: argparse.Namespace, curves: dict[int, list[Point]]) -> str:
    tops = []
    rows = []
    for rankings, points in curves.items():
        best = max(points, key=lambda point: point.gold)
        tops.append(f"| {rankings} | {best.kl:.1f} | {best.accurate:.3f} | {points[-1].kl:.1f} | "
                    f"{points[-1].accurate:.3f} |")  # fmt: skip
        for point, (x, proxy, gold) in zip(points, _in_deviations(points), strict=True):
            rows.append(f"| {rankings} | {point.step} | {x:.2f} | {proxy:.2f} | {gold:.2f} | "
                        f"{point.accurate:.3f} |")  # fmt: skip
    return f"""# How far to follow a reward model

A policy that follows its reward model too far gets worse (over-optimisation; Gao, Schulman and Hilton 2022).
Here the starter model is trained against reward models made of different numbers of simulated rankings, with
a KL penalty so low ({options.kl_coef:g}) that it drifts far. Solid lines are the gold reward (the corpus's
labels), dashed lines the proxy reward (the reward model), both on held-out questions. Where they part, stop.

Made by `make bench-overoptimisation`: seed {options.seed}, {options.steps} iterations of
{options.batch_size} answers.

![Gold and proxy reward against the square root of KL](img/overoptimisation.svg)

| rankings | KL where gold is highest | accurate there | KL at the end | accurate at the end |
|---|---|---|---|---|
{chr(10).join(tops)}

Every policy that was measured:

| rankings | iteration | √KL | proxy | gold | accurate |
|---|---|---|---|---|---|
{chr(10).join(rows)}
"""
