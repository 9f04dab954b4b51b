"""How our containers and networks are named and labelled on the engine, so that they are found again and known."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from models.jobs.deployment import Mark
from models.jobs.observation import TABLES, ResourceKey
from models.jobs.watch import Vitals
from models.numbers import whole_number
from worker.engine.exits import Exit
from worker.engine.interface import Instance, Network

PREFIX = "activity-log"
# In a container's name while it comes up, and the number of the attempt behind it.
COMING = "-coming-"
ASIDE = "-aside-"
# "Up 3 seconds": one that was started again is looked at in each of the rounds of the next minutes.
RECENT = re.compile(r"^Up (?:Less than|About a minute|\d+ seconds?|[1-4] minutes?)\b|\(unhealthy\)")
NOBODYS = "unreadable"
INTEGER, BIGINT = 2**31 - 1, 2**63 - 1


class Labels:
    """The names and labels of one installation, which tell its containers from another's on the same engine."""

    def __init__(self, platform_id: str) -> None:
        self._platform = platform_id

    def of(self, **what: int | str | None) -> dict[str, str]:
        """The labels of something: what it belongs to, and what it is."""
        found = {"platform": self._platform, **what}
        return {f"{PREFIX}.{name}": str(value) for name, value in found.items() if value is not None}

    def matching(self, **what: int | str | None) -> dict[str, list[str]]:
        """The filter that finds what bears these labels."""
        return {"label": [f"{name}={value}" for name, value in self.of(**what).items()]}

    def container(self, key: ResourceKey, revision: int, node: int) -> str:
        """The name of a container that serves."""
        return f"{PREFIX}-{self._platform[:8]}-{key.organisation_id}-{key.noun}-{key.id}-{revision}-{node}"

    def coming(self, key: ResourceKey, revision: int, node: int, attempt: int) -> str:
        """The name of a container that comes up, which no other attempt has."""
        return f"{self.container(key, revision, node)}{COMING}{attempt}"

    def network(self, organisation_id: int, project_id: int) -> str:
        """The name of a project's network."""
        return f"{PREFIX}-{self._platform[:8]}-{organisation_id}-{project_id}"


def aside(name: str, container: str) -> str:
    """The name of a container that had to leave its name to another one."""
    return f"{name}{ASIDE}{container[:12]}"


def instance(found: dict[str, Any]) -> Instance:
    """A container as its labels say; one whose labels were tampered with belongs to nothing that we know."""
    labels = found["Labels"]
    noun = labels.get(f"{PREFIX}.kind", "")
    key = ResourceKey(_number(found, "organisation"), noun if noun in TABLES else "", _number(found, "id", BIGINT))
    trouble = ""
    if found["State"] == "restarting":
        trouble = "it keeps ending and is started again"
    elif "(unhealthy)" in found["Status"]:
        trouble = "its health check fails"
    paused = found["State"] == "paused"
    running = paused or found["State"] in ("running", "restarting")
    name = (found["Names"] or [""])[0].lstrip("/")
    coming = name if COMING in name else ""
    revision, node = (_number(found, each) for each in ("revision", "node"))
    mark = Mark(_stamp(labels), labels.get(f"{PREFIX}.specification", ""), found["ImageID"])
    return Instance(found["Id"], key, revision, node, running, trouble, coming, mark, paused)


def deserves_a_look(found: dict[str, Any]) -> bool:
    """Whether a container that serves may have ended lately, or is not well: of all others there is nothing to ask."""
    if any(COMING in name for name in found["Names"] or []):
        return False
    return found["State"] == "restarting" or RECENT.search(found["Status"]) is not None


def vitals(found: dict[str, Any], heard: Exit) -> Vitals:
    """How a container is, as the engine describes it and as it was heard to end."""
    state = found["State"]
    code, exhausted_at = heard
    if not state["Running"] or state["Restarting"]:
        code = state["ExitCode"]
        if state["OOMKilled"] and exhausted_at is None:
            exhausted_at = datetime.fromisoformat(state["FinishedAt"])
    unhealthy = (state.get("Health") or {}).get("Status") == "unhealthy"
    created_at = datetime.fromisoformat(found["Created"])
    return Vitals(found["Id"], created_at, found["RestartCount"], code, exhausted_at, unhealthy)


def network(found: dict[str, Any]) -> Network:
    """A network as its labels say."""
    return Network(found["Id"], *(_number(found, name) for name in ("organisation", "project")))


def _stamp(labels: dict[str, str]) -> str:
    """The stamp, in the spelling of a UUID; a word that no deployment has where the label says something else."""
    told = labels.get(f"{PREFIX}.stamp", "")
    try:
        return str(UUID(told)) if told else ""
    except ValueError:
        return NOBODYS


def _number(found: dict[str, Any], label: str, most: int = INTEGER) -> int:
    """What a label says; 0, which is nobody's, where it says no number that a row could have."""
    try:
        return whole_number(found["Labels"].get(f"{PREFIX}.{label}", ""), most)
    except ValueError:
        return 0
