"""What the verbs would take too long to make, as they would leave it."""

from bench.many import IMAGE, make_containers
from models.log.actor import Actor
from models.log.record import Action, ProjectName, Subject, record_each
from models.project import Project


def many_containers(project: Project, actor: Actor, count: int) -> None:
    """Makes containers, each with the entry of its creation, in the caller's transaction."""
    scope = Subject(project.organisation_id, "container", 0, "", ProjectName(project.id, project.name))
    record_each(actor, Action.CREATE, scope, make_containers(project, count), {"image": [None, IMAGE]})
