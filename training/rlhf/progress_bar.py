"""A progress bar on standard error where that is a terminal."""

from collections.abc import Mapping

from tqdm import tqdm

# The metrics that matter most; the first few that a stage reports are shown.
_SHOWN = ("loss", "accuracy", "score", "kl", "eos_rate")
_AT_ONCE = 3


class ProgressBar:
    """Stage, step of total, time left and some metrics; silent when standard error is no terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None

    def show(self, stage: str, step: int, total: int, metrics: Mapping[str, float]) -> None:
        if self._bar is None:
            # The steps before a resumed run began must not count for its speed.
            self._bar = tqdm(total=total, initial=step, desc=stage, unit="", disable=None)
        chosen = [name for name in _SHOWN if name in metrics][:_AT_ONCE]
        self._bar.set_postfix({name: f"{metrics[name]:.3g}" for name in chosen}, refresh=False)
        self._bar.update(step - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it is, on a line of its own."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
