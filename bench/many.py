"""Many containers at once, which would take the verbs minutes."""

from sqlalchemy import text

from models.database import db
from models.project import Project

IMAGE = "nginx:1.28"


def make_containers(project: Project, count: int) -> list[tuple[int, str]]:
    """Inserts active containers that nothing runs, not told of in the log; returns their ids and names."""
    values = {"organisation": project.organisation_id, "project": project.id, "count": count, "image": IMAGE}
    return [(row.id, row.name) for row in db.session.execute(CONTAINERS, values)]


CONTAINERS = text("""
    INSERT INTO containers (organisation_id, project_id, handle, name, state, version, image, port, health_path,
                            cpu_millicores, memory_mib, environment, secrets)
    SELECT :organisation, :project, 'service-' || n, 'service-' || n, 'active', 1, :image, 8080, '', 250, 256, '', '{}'
      FROM generate_series(1, :count) AS n
 RETURNING id, name
""")
