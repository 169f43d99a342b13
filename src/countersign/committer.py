"""Group commit: many threads hand in work, one writes it in one transaction, publishes once, then answers all.

- A piece of work is a function of the transaction. It stages its own entry; what it returns is its answer.
- Each stands alone: one that fails is undone to its beginning and answered with its own error; the others go on.
- An answer means published: the entry is under a signed checkpoint. Work whose group could not be written or
  published is answered with that error. What was written but not published takes effect with the next
  publication, so whoever asked must ask again; the same work with the same id changes nothing the second time.

While one group is on its way to the disk, the next one gathers; it waits for company a millisecond at most.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from countersign.errors import AuditLogUnavailable, StoreUnavailable
from countersign.ports import Publisher, Store, Transaction

COMPANY_S = 0.001  # at most, for as many as there were lately
AT_MOST = 512  # pieces of work in one transaction: others wait no longer than these take

T = TypeVar("T")
Work = Callable[[Transaction], Any]


class Committer:
    """One writer for many threads. Close it, or use it in a `with`; what was handed in before is finished."""

    def __init__(self, store: Store, publisher: Publisher, at_most: int = AT_MOST) -> None:
        self._store = store
        self._publisher = publisher
        self._at_most = at_most
        self._handed_in: deque[tuple[Work, Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._lately = 0  # pieces in the last group
        self._writer = threading.Thread(target=self._write, name="committer", daemon=True)
        self._writer.start()

    def hand_in(self, work: Callable[[Transaction], T]) -> "Future[T]":
        """The answer to come: what `work` returns, once its entry is published."""
        answer: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise AuditLogUnavailable("nothing more is written: the writer was closed")
            self._handed_in.append((work, answer))
            self._changed.notify()
        return answer

    def commit(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns, once its entry is published; or its error."""
        return self.hand_in(work).result()

    def close(self) -> None:
        """Finish what was handed in, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        while group := self._next():
            self._lately = len(group)
            for answer in _told(group, self._store, self._publisher):
                answer()
            if not self._handed_in:
                self._publisher.tidy()

    def _next(self) -> list[tuple[Work, Future[Any]]]:
        """All that waits, at most so much; nothing when it was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._handed_in or self._closed)
            # Those who were answered just now are about to ask again: alone, each would cost a trip to the disk.
            self._changed.wait_for(lambda: len(self._handed_in) >= self._lately or self._closed, COMPANY_S)
            return [self._handed_in.popleft() for _ in range(min(len(self._handed_in), self._at_most))]


def _told(
    group: list[tuple[Work, Future[Any]]], store: Store, publisher: Publisher
) -> list[Callable[[], None]]:
    """Write a group; how to answer each of it."""
    answers: list[Callable[[], None]] = []
    done: list[tuple[Future[Any], Any]] = []
    try:
        with store.transaction() as tx:
            for work, answer in group:
                try:
                    with tx.savepoint():
                        done.append((answer, work(tx)))
                except StoreUnavailable:  # there may be no transaction any more to go on with
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, it is that piece's own answer
                    answers.append(_failed(answer, error))
            head = tx.log.sequence()
        # A crash here leaves the changes and their entries, with indexes: the next publication takes them up.
        publisher.publish(head)
    except Exception as error:  # noqa: BLE001 - every caller is told
        return [_failed(answer, error) for _, answer in group]
    return [*answers, *(_done(answer, result) for answer, result in done)]


def _failed(answer: Future[Any], error: Exception) -> Callable[[], None]:
    return lambda: answer.set_exception(error)


def _done(answer: Future[Any], result: object) -> Callable[[], None]:
    return lambda: answer.set_result(result)
