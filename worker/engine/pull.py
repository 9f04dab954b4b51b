"""Images: pulled for each deployment with the credentials of its own registry, and told apart why one is not to be had.

Never taken from what lies on the engine already: another organisation may have pulled it with credentials that this one
does not have. Only what was never pulled from anywhere, since the operator built or loaded it there, is used as it is.
"""

import logging
import re
import time
from typing import Any

from docker.errors import APIError, ImageNotFound
from urllib3.exceptions import HTTPError

from models.jobs.deployment import short
from models.jobs.fault import Fault
from models.kinds.specification import Specification
from worker.engine.faults import EngineFault
from worker.engine.interface import CannotDeploy, Image, Tick
from worker.engine.masking import masked

log = logging.getLogger(__name__)
# In this order: a registry that cannot be reached may be told in the words of a refusal.
UNREACHABLE = re.compile(
    r"connection refused|no such host|\btimeout\b|timed out|no route to host|network is unreachable|x509:|\btls:|"
    r"server gave HTTP response|connection reset|\bEOF\b|temporary failure|server misbehaving|\bdial tcp\b",
    re.IGNORECASE,
)
DENIED = re.compile(r"unauthorized|authentication required|no basic auth|incorrect username|denied", re.IGNORECASE)
MISSING = re.compile(r"not found|manifest unknown|name unknown|does not exist|no matching manifest", re.IGNORECASE)
# In the engine's own words; a registry's begin with a code of its own.
DISK_FULL = re.compile(r"^(?:failed to register layer|[a-z]+ /).*no space left on device", re.IGNORECASE)
DIGEST = re.compile(r"Digest: (sha256:[0-9a-f]{64})")
PULL_SECONDS = 900
UNAVAILABLE = 503


def present(api: Any, wanted: Specification, tick: Tick) -> Image:
    """Have what the name of the image stands for now. Raises CannotDeploy."""
    found = _inspected(api, wanted.image)
    if found is not None and not found.get("RepoDigests"):
        return Image(found["Id"], found["Id"])
    digest = _pull(api, wanted.image, wanted, tick)
    # By its digest: the name may stand for another one by now, that someone else has pulled with other credentials.
    found = _inspected(api, f"{_repository(wanted.image)}@{digest}" if digest else wanted.image)
    if found is None:
        raise CannotDeploy(f"image {wanted.named} was pulled and is gone from the engine again")
    return Image(found["Id"], digest or _digest(found))


def again(api: Any, wanted: Specification, deployed: Image, tick: Tick) -> Image:
    """Have the very content that was deployed, whatever its name stands for now. Raises CannotDeploy."""
    if _inspected(api, deployed.id) is not None:
        return deployed
    why = "it was made on the engine and is gone from there"
    if deployed.digest != deployed.id:
        reference = f"{_repository(wanted.image)}@{deployed.digest}"
        try:
            _pull(api, reference, wanted, tick)
        except CannotDeploy as refused:
            why = str(refused)
        else:
            if found := _inspected(api, reference):
                return Image(found["Id"], deployed.digest)
            why = "it is gone from the engine again"
    raise CannotDeploy(
        f"what was deployed, {wanted.named} as {short(deployed.digest)}, is not to be had any more ({why}); deploy "
        "again to run what the name stands for now"
    )


def _pull(api: Any, reference: str, wanted: Specification, tick: Tick) -> str:
    """Pull an image; returns the digest that the registry gave for it. Raises CannotDeploy."""
    credentials = wanted.credentials
    # Empty and not None, for which the SDK would send what the worker's own user has saved.
    auth = {"username": credentials.username, "password": credentials.password} if credentials else {}
    end = time.monotonic() + PULL_SECONDS
    digest = ""
    try:
        for event in api.pull(reference, stream=True, decode=True, auth_config=auth):
            if "error" in event:
                raise CannotDeploy(reason(str(event["error"]), wanted))
            if told := DIGEST.fullmatch(str(event.get("status", ""))):
                digest = told[1]
            if time.monotonic() > end:
                raise CannotDeploy(f"image {wanted.named} was not pulled within {PULL_SECONDS // 60} minutes")
            tick()
    except APIError as error:
        if error.status_code == UNAVAILABLE:
            raise
        raise CannotDeploy(reason(str(error.explanation or error), wanted)) from None
    except (OSError, HTTPError):  # of requests, of urllib3 below it, or of the socket
        api.ping()  # or it is the engine that is gone
        raise CannotDeploy(f"{_registry(wanted)} stopped answering") from None
    return digest


def reason(said: str, wanted: Specification) -> str:
    """Why an image is not to be had, from the engine's words. Raises EngineFault."""
    said = said.replace(wanted.image, "").replace(wanted.named, "")  # its name may hold any of those words
    if DISK_FULL.search(said):
        log.warning("image %s could not be pulled: %s", wanted.named, masked(said, wanted.confidential))
        raise EngineFault(Fault.DISK_FULL)
    registry = _registry(wanted)
    if UNREACHABLE.search(said):
        return f"{registry} cannot be reached"
    if wanted.credentials is None and DENIED.search(said):
        return f"image {wanted.named} not found, or its registry wants credentials"
    if DENIED.search(said):
        return f"{registry} refused the credentials of {wanted.credentials.handle}"  # type: ignore[union-attr]
    if MISSING.search(said):
        return f"image {wanted.named} not found"
    log.warning("image %s could not be pulled: %s", wanted.named, masked(said, wanted.confidential))
    return f"image {wanted.named} could not be pulled: {registry} answers with an error"


def _registry(wanted: Specification) -> str:
    return f"registry {wanted.credentials.server}" if wanted.credentials else "its registry"


def _inspected(api: Any, image: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.inspect_image(image)
    except ImageNotFound:
        return None
    return found


def _repository(image: str) -> str:
    """An image's name without its tag and its digest."""
    name = image.partition("@")[0]
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def _digest(found: dict[str, Any]) -> str:
    return str(found["RepoDigests"][0]).partition("@")[2] if found.get("RepoDigests") else str(found["Id"])
