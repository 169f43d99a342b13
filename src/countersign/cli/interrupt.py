"""Ctrl-C that ends a command between two looks, never inside one."""

import signal
from types import FrameType


class Asked:
    """Whether Ctrl-C was pressed; a second one does not wait."""

    def __init__(self) -> None:
        self.to_end = False
        signal.signal(signal.SIGINT, self._end)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.to_end = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
