"""The port on which a well-known public image listens, to be proposed for a container that is made from it.

The numbers are those of the EXPOSE lines in the Dockerfiles of Docker's official images
(github.com/docker-library/official-images) and of the other images named here; of several, the one that serves.
"""

from models.field import Proposal
from models.kinds import images

LIBRARY = "library/"
PORTS = {
    "adminer": 8080,
    "axllent/mailpit": 8025,
    "caddy": 80,
    "cassandra": 9042,
    "couchdb": 5984,
    "drupal": 80,
    "ghost": 2368,
    "gitea/gitea": 3000,
    "grafana/grafana": 3000,
    "hashicorp/http-echo": 5678,
    "httpd": 80,
    "influxdb": 8086,
    "jetty": 8080,
    "joomla": 80,
    "mariadb": 3306,
    "memcached": 11211,
    "mongo": 27017,
    "mongo-express": 8081,
    "mysql": 3306,
    "nats": 4222,
    "neo4j": 7474,
    "nextcloud": 80,
    "nginx": 80,
    "nginxinc/nginx-unprivileged": 8080,
    "phpmyadmin": 80,
    "postgres": 5432,
    "prom/prometheus": 9090,
    "rabbitmq": 5672,
    "redis": 6379,
    "registry": 5000,
    "solr": 8983,
    "tomcat": 8080,
    "traefik": 80,
    "traefik/whoami": 80,
    "valkey/valkey": 6379,
    "wordpress": 80,
}


def usual(image: str) -> Proposal | None:
    """Returns the port of a well-known image of Docker Hub, whatever its tag; None for any other image."""
    host, rest = images.split(image.strip())
    if host is not None and images.canonical(host) != images.HUB:
        return None
    name = rest.partition("@")[0].partition(":")[0].removeprefix(LIBRARY)
    return Proposal(PORTS[name], name) if name in PORTS else None
