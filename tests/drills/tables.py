"""How a drill prints what it did and counted."""

from collections.abc import Sequence


def show(title: str, rows: Sequence[dict[str, object]]) -> None:
    """A table: the first row's keys are its head."""
    head = list(rows[0])
    lines = [head, *([str(row.get(name, "")) for name in head] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    print(f"\n\n{title}")
    for line in lines:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
