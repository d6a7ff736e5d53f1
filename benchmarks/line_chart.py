"""Line charts as SVG, without a library for it: what `docs/` shows of a benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 420, 60, 190, 20, 50
_COLOURS = ("#0b6e99", "#c2571a", "#4a7a2c", "#7a3e9d")
_GREY = "#777777"  # legible on white and on black


@dataclass(frozen=True)
class Curve:
    """Points (x, y) in their order; curves of one group share a colour, dashed ones are a second kind."""

    name: str
    group: int
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def chart(curves: Sequence[Curve], *, title: str, x_label: str, y_label: str) -> str:
    """The text of an SVG file; every curve needs at least one point."""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    x_ticks, y_ticks = _ticks(0.0, max(xs)), _ticks(min(0.0, *ys), max(ys))
    low, high = y_ticks[0], y_ticks[-1]
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + inner_width * x / x_ticks[-1]
        return round(across, 1), round(_TOP + inner_height * (high - y) / (high - low), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{_GREY}"><title>{escape(title)}</title>'
    ]
    for tick in y_ticks:
        _, y = place(0, tick)
        parts.append(
            f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{_GREY}" stroke-opacity="0.3"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick:g}</text>'
        )
    for tick in x_ticks:
        x, y = place(tick, low)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{tick:g}</text>')
    parts += [
        f'<text x="{_LEFT + inner_width / 2}" y="{_HEIGHT - 10}" text-anchor="middle">'
        f"{escape(x_label)}</text>",
        f'<text transform="translate(16 {_TOP + inner_height / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>",
    ]
    for number, curve in enumerate(curves):
        colour = _COLOURS[curve.group % len(_COLOURS)]
        dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
        line = " ".join(f"{x},{y}" for x, y in (place(*point) for point in curve.points))
        style = f'fill="none" stroke="{colour}" stroke-width="2"{dash}'
        y = _TOP + 12 + 20 * number
        x = _WIDTH - _RIGHT + 16
        parts += [
            f'<polyline points="{line}" {style}/>',
            f'<path d="M{x} {y - 4}h24" {style}/><text x="{x + 30}" y="{y}">{escape(curve.name)}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose the range, about six of them."""
    span = max(high - low, 1e-9)
    power = 10.0 ** len(str(int(1 / span))) if span < 1 else 1.0
    unit = 1 / power
    while span / unit > 60:
        unit *= 10
    step = next(unit * factor for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10) if span / (unit * factor) <= 6)
    first, last = int(low // step), -int(-high // step)
    return [round(step * i, 10) for i in range(first, max(last, first + 1) + 1)]
