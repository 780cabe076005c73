"""Progress of a start: what is done, what is under way, and what it waits for.

At a terminal the present step turns until it is done, with the time it took; elsewhere each step is a line.
"""

import contextlib
import sys
import time
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_WIDTH: Final = 7


class Progress:
    """Prints steps. Call it with each one; `waits` says what the present one waits for."""

    def __init__(self) -> None:
        self._started = self._step_began = time.monotonic()
        self._turning = _Turning() if sys.stdout.isatty() else None
        self._step = ""

    def __call__(self, text: str) -> None:
        """Begin a step; the one before is done."""
        with contextlib.suppress(OSError):  # a full disk or a closed pipe must stop nothing
            if self._turning is None:
                print(f"[{time.monotonic() - self._started:5.1f} s] {text}", flush=True)
                return
            self._done()
            self._step, self._step_began = text, time.monotonic()
            self._turning.draw(text)

    def waits(self, text: str) -> None:
        """Show what the present step waits for; call it often."""
        with contextlib.suppress(OSError):
            if self._turning is not None:
                took = f"{time.monotonic() - self._step_began:.0f} s"
                self._turning.draw(f"{self._step} ({text}, {took})" if text else f"{self._step} ({took})")

    def title(self, text: str) -> None:
        """Print a line above what follows it; nothing turns."""
        with contextlib.suppress(OSError):
            line = f"[{time.monotonic() - self._started:5.1f} s] {text}"
            if self._turning is None:
                print(line, flush=True)
            else:
                self._turning.bold(line)

    def end(self) -> None:
        """The last step is done: the screen is free again."""
        with contextlib.suppress(OSError):
            if self._turning is not None:
                self._done()
                self._turning.stop()
                self._turning = _Turning()

    def stop(self) -> None:
        """Free the screen; the present step is not done."""
        with contextlib.suppress(OSError):
            if self._turning is not None:
                self._turning.stop()

    def _done(self) -> None:
        if self._turning is not None and self._step:
            self._turning.done(self._step, time.monotonic() - self._step_began)
        self._step = ""


class _Turning:
    """The line of the present step, below those that are done. It has no thread: each call draws."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        is_unicode = self._console.encoding.startswith("utf")
        self._mark = "✓" if is_unicode else "+"
        self._spinner = Spinner("dots" if is_unicode else "line", style="cyan")
        self._live = Live(
            self._spinner,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def draw(self, text: str) -> None:
        """Show a step."""
        if not self._live.is_started:
            self._live.start()
        self._spinner.update(text=text)
        self._live.refresh()

    def done(self, text: str, took_s: float) -> None:
        """Leave a step that is done on the screen."""
        took = f"{took_s:{_WIDTH - 2}.1f} s"
        self._console.print(Text.assemble((self._mark, "green"), " ", (took, "dim"), "  ", text))

    def bold(self, text: str) -> None:
        """Print a line in bold."""
        self._console.print(text, style="bold")

    def stop(self) -> None:
        """Remove the line."""
        self._live.stop()
