"""Where blocks run: in this process, or on a Dask cluster, on this machine or elsewhere.

One interface: `run(function, units)` yields (index, result or Failure) once per unit, as they end. The function is a
pure module-level function of plain data, so that a unit may be tried again; only the caller writes.
"""

from __future__ import annotations

import gc
import itertools
import logging
import os
import signal
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from robustfit import __version__
from robustfit.errors import Failure, RobustfitError
from robustfit.parameters import Parametrised, parameter
from robustfit.store import numerics

if TYPE_CHECKING:
    from robustfit.study import Runner


class Engine(Parametrised, ABC):
    """A place where units of work are computed."""

    @property
    @abstractmethod
    def processes(self) -> int:
        """How many units are computed at a time, as far as is known before it is opened."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Runner]:
        """The place made ready, for as many runs as there are inside the context."""

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """The units' results or failures, each index once, in the order in which they end."""
        if units:
            with self.open() as runner:
                yield from runner.run(function, units)


def attempt(function: Callable[[Any], Any], unit: Any) -> Any:
    """The result of one unit, or its failure as a value.

    >>> attempt(lambda unit: 1 / unit, 0).reason
    'ZeroDivisionError: division by zero'
    """
    try:
        return function(unit)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


@dataclass(frozen=True)
class Serial(Engine):
    """In this process, one unit after the other."""

    processes = 1

    def open(self) -> AbstractContextManager[Runner]:
        return nullcontext(self)

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for index, unit in enumerate(units):
            yield index, attempt(function, unit)


@dataclass(frozen=True)
class Dask(Engine):
    """On a Dask cluster: one of this machine's cores when no address is given, else the one at the address.

    A killed worker's units are computed again elsewhere; a unit that kills its worker every time comes back as a
    failure. At most `window` units per worker are in flight, so that memory does not grow with the study. Everything a
    local cluster opens is on the loopback interface.

    Args:
        address: of a scheduler, such as tcp://host:8786; null starts workers on this machine.
        workers: how many of them; null is one per core.
        retries: how often a unit is tried again when its worker dies.
        window: units in flight per worker.
        timeout: seconds to wait for the scheduler, and for its first worker.
    """

    address: str | None = None
    workers: int | None = parameter(None, at_least=1)
    retries: int = parameter(2, at_least=0)
    window: int = parameter(4, at_least=1)
    timeout: float = parameter(10.0, above=0)

    @property
    def processes(self) -> int:
        return self.workers or os.cpu_count() or 1

    @contextmanager
    def open(self) -> Iterator[Runner]:
        with _quiet(), self._client() as client:
            _check_versions(client)
            yield Connected(client, self.window)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        import dask
        from distributed import Client

        settings = {
            "distributed.scheduler.allowed-failures": self.retries,
            "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
            "distributed.worker.profile.enabled": False,
        }
        with dask.config.set(settings):
            if self.address is not None:
                with self._remote() as client:
                    yield client
            else:
                with _deaf():
                    cluster = _started(self._local)
                with cluster, Client(cluster, timeout=self.timeout) as client:
                    yield client

    @contextmanager
    def _remote(self) -> Iterator[Any]:
        """A client of the scheduler at the address, which has at least one worker."""
        from distributed import Client

        try:
            client = Client(self.address, timeout=self.timeout)
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).partition("\n")[0]
            _forget(error)
            raise RobustfitError(f"engine.address={self.address}: no Dask scheduler answers ({reason})") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=self.timeout)
            except TimeoutError:
                raise RobustfitError(f"engine.address={self.address}: the scheduler there has no workers") from None
            yield client

    def _local(self) -> Any:
        from distributed import LocalCluster

        loopback = "127.0.0.1:0"
        return LocalCluster(
            n_workers=self.processes, threads_per_worker=1, host="127.0.0.1", silence_logs=50,
            dashboard_address=loopback, worker_dashboard_address=loopback,
        )  # fmt: skip


@dataclass(frozen=True)
class Connected:
    """A cluster that is up: a client of it, and how many units per worker are in flight."""

    client: Any
    window: int

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """All units, a bounded number in flight; those whose worker died are then tried alone, one by one.

        A worker takes those that wait for it with it when it dies: only alone is it seen which of them kills it.
        """
        ahead = self.window * max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))
        suspects = []
        for index, result in _flight(self.client, function, units, range(len(units)), ahead):
            if isinstance(result, Failure) and result.reason.startswith(DIED):
                suspects.append(index)
            else:
                yield index, result
        yield from _flight(self.client, function, units, suspects, 1)


DIED = "the worker died"

WORKER_ENVIRONMENT = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")},
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
    "MALLOC_TOP_PAD_": str(2**26),
}
"""One thread inside a block: the workers are the parallelism. And memory that is freed is kept for the next array: with
Dask's own setting glibc hands every array of a block back to the system, which doubles the time of a fit."""


def _flight(
    client: Any, function: Callable[[Any], Any], units: Sequence[Any], indices: Sequence[int], ahead: int
) -> Iterator[tuple[int, Any]]:
    """The results of some units as they end, so many of them submitted at a time."""
    from distributed import as_completed

    waiting, places, done = iter(indices), {}, as_completed()

    def submit(count: int) -> None:
        for index in itertools.islice(waiting, count):
            future = client.submit(attempt, function, units[index], pure=False)
            places[future.key] = index
            done.add(future)

    submit(ahead)
    for future in done:
        yield places.pop(future.key), _result(future)
        submit(1)


def _result(future: Any) -> Any:
    """What a future holds; the failure where its worker died too often."""
    error = future.exception()
    if error is None:
        return future.result()
    return Failure(f"{DIED} ({type(error).__name__})", str(error))


def _forget(error: Exception) -> None:
    """Let go of the client that could not be made, at once: collected later, while Dask starts a loop, it would wait
    for a lock that its own thread holds.
    """
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None
    gc.collect()


def _started(cluster: Callable[[], Any]) -> Any:
    """A cluster of processes on this machine.

    Raises:
        RobustfitError: they do not start.
    """
    try:
        return cluster()
    except RuntimeError as error:
        hint = 'a script that starts them must do so under `if __name__ == "__main__":`'
        raise RobustfitError(
            f"engine=dask: the workers do not start ({str(error).split(chr(10))[0]}); {hint}"
        ) from error


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that start meanwhile ignore Control-C: it goes to all of a terminal's, and the caller ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Dask's own log: what a user can act on comes as a failure or an error of ours."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_versions(client: Any) -> None:
    """Refuse workers that compute with another robustfit, NumPy or SciPy.

    Raises:
        RobustfitError: names the versions.
    """
    here = versions()
    try:
        everywhere = client.run(versions)
    except Exception as error:  # whatever unpickling raises there
        raise RobustfitError(f"the workers cannot import robustfit ({type(error).__name__}: {error})") from error
    for worker, there in everywhere.items():
        if there != here:
            raise RobustfitError(f"worker {worker} has {there}, this process {here}: they must be the same")


def versions() -> dict[str, str]:
    """The versions that decide the numbers.

    >>> sorted(versions())
    ['numerics', 'numpy', 'robustfit', 'scipy']
    """
    installed = {"numpy": version("numpy"), "scipy": version("scipy")}
    return {"robustfit": __version__, "numerics": numerics(), **installed}
