"""What is compared: stages with a reference answer, and the contenders that register for them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastanchor._errors import BackendError
from fastanchor._types import FloatArray

__all__ = ["CONTENDERS", "STAGES", "Case", "Contender", "Stage", "Unusable", "contender", "stage"]

Call = Callable[[], Any]


class Unusable(BackendError):
    """A package that is installed, and whose import fails; `package` names it."""

    def __init__(self, package: str, cause: Exception) -> None:
        self.package = package
        reason = (str(cause) or "no reason given").splitlines()[0]
        super().__init__(f"{package} is installed but cannot be imported ({type(cause).__name__}: {reason})")


@dataclass(frozen=True, eq=False)
class Case:
    """The same work for every contender of a stage.

    Attributes
    ----------
    wh : (n, 2) float64
        Box sizes, pixels.
    start : (k, 2) float64
        Centres, or anchors, from which all contenders start.
    threads : int
        For contenders that take a number.
    path : Path, optional
        Folder of the labels, for the stage that reads them.
    """

    wh: FloatArray
    start: FloatArray
    threads: int
    path: Path | None = None
    known: dict[str, Any] = field(default_factory=dict)

    def first(self, n: int) -> Case:
        """Return the case of the first n boxes, with the same start."""
        return self if n >= len(self.wh) else replace(self, wh=self.wh[:n].copy(), known={})


@dataclass(frozen=True)
class Stage:
    """A piece of the job: its answer by definition, how answers are compared, and what is said of them."""

    name: str
    reference: Callable[[Case], Any]
    agrees: Callable[[Any, Any], bool]
    rule: str
    quality: Callable[[Any, Case], str] = lambda answer, case: ""
    view: Callable[[Any], Any] = lambda answer: answer  # what is compared, taken outside the clock
    sized: bool = True  # whether the first n boxes are a smaller piece of the same work

    def expected(self, case: Case) -> Any:
        """Return the reference answer, computed once per case."""
        if self.name not in case.known:
            case.known[self.name] = self.reference(case)
        return case.known[self.name]


@dataclass(frozen=True)
class Contender:
    """One way to do a stage.

    `prepare` does what is outside the clock (conversions, imports) and returns the call that is timed. `needs` are
    packages; `rule` and `agrees` stand in for the stage's where the contender computes in another precision.
    """

    stage: str
    name: str
    prepare: Callable[[Case], Call]
    needs: tuple[str, ...] = ()
    rule: str = ""
    agrees: Callable[[Any, Any], bool] | None = None

    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


STAGES: dict[str, Stage] = {}
CONTENDERS: list[Contender] = []


def stage(name: str, **parts: Any) -> None:
    """Add a stage; the order in which they are added is the order of the tables."""
    STAGES[name] = Stage(name, **parts)


def contender(stage: str, name: str, *needs: str, **options: Any) -> Callable[[Callable[[Case], Call]], Any]:
    """Register the decorated function, ``prepare(case) -> call``; the first of a stage is what ratios refer to."""

    def register(prepare: Callable[[Case], Call]) -> Callable[[Case], Call]:
        CONTENDERS.append(Contender(stage, name, prepare, needs, **options))
        return prepare

    return register
