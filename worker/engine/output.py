"""What the containers of one deployment have written, masked before it leaves the process that has the engine."""

import logging
from collections.abc import Iterable, Sequence
from threading import BoundedSemaphore

from models.errors import Invalid
from models.jobs import deployment_history
from models.jobs.deployment import DeploymentKey
from models.jobs.output import KEPT_LETTERS_MOST, KEPT_LINES_MOST, Line, Output
from models.kinds.specification import Specification
from models.sealed import CannotOpen
from models.system import desired
from worker.engine.interface import EngineDown, Instance, Refused, Runtime
from worker.engine.masking import masked

log = logging.getLogger(__name__)
# Of the sixteen threads of the runtime. Whoever finds none free asks again, as everyone does who looks.
READERS = BoundedSemaphore(3)
UNKNOWN_VALUES = (
    "What it was given is not known any more, so that it cannot be hidden: deploy it again to see its output."
)


def read(runtime: Runtime, key: DeploymentKey) -> Output:
    """The last lines of what a deployment has on the engine, without anything that is sealed. Raises EngineDown."""
    found = deployment_history.brought_up(key)
    if found is None:
        return Output([], is_there=False)
    values = _confidential(key, found.specification)
    if values is None:
        return Output([], UNKNOWN_VALUES)
    mine = [each for each in runtime.instances(key=key.resource) if each.mark.stamp == found.stamp]
    return _of(runtime, mine, values)._replace(is_there=bool(mine)).shortened()


def last_words(runtime: Runtime, key: DeploymentKey, stamp: str, wanted: Specification) -> Output:
    """The last lines of what did not come up, few enough to be kept; none when the engine does not give them."""
    try:
        mine = [each for each in runtime.instances(key=key.resource) if each.mark.stamp == stamp]
        found = _of(runtime, mine, _given(wanted))
    except EngineDown as down:
        log.warning("the output of what did not come up is lost: %s", down)
        return Output([])
    return found.shortened(KEPT_LINES_MOST, KEPT_LETTERS_MOST)


def _of(runtime: Runtime, instances: Iterable[Instance], values: Sequence[str]) -> Output:
    lines: list[Line] = []
    for each in instances:
        try:
            lines += runtime.output(each)
        except Refused as refused:
            log.warning("container %s: %s", each.id[:12], refused)
    # As one text: each value is looked for once, and not in five hundred lines.
    told = masked("\n".join(each.text for each in lines), values).split("\n") if lines else []
    hidden = [line._replace(text=text) for line, text in zip(lines, told, strict=True)]
    return Output(sorted(hidden, key=lambda line: line.at))


def _confidential(key: DeploymentKey, kept: str) -> list[str] | None:
    """What its containers were given, and what they would be given now; None when only the latter is known."""
    try:
        wanted = desired.specification(key.resource, key.revision)
        was = Specification.opened(kept) if kept else None
    except (CannotOpen, Invalid):
        return None
    if wanted is None and was is None:
        return None
    return [value for each in (wanted, was) if each for value in _given(each)]


def _given(wanted: Specification) -> list[str]:
    return wanted.confidential
