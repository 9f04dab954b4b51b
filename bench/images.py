"""The images that the private engine runs, made of this machine's programs."""

import io
import os
import shutil
import subprocess
import tarfile

import docker

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
NO_SHELL = "acme/bare:1"
APPLETS = ("sh", "httpd", "wget", "nc", "sleep", "tail", "timeout", "rm")
SERVE = ["httpd", "-f", "-p", "8080", "-h", "/www"]
IMAGES = {
    "acme/web:1": SERVE,
    "acme/web:2": SERVE,
    "acme/ends:1": ["sh", "-c", "exit 3"],
    "acme/greedy:1": ["tail", "/dev/zero"],
    "acme/bare:1": SERVE,
    "acme/stubborn:1": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
}


def program(name: str) -> str:
    """Returns the path of a program of this machine."""
    found = shutil.which(name, path=PATH)
    assert found, name
    return found


def fill(api: docker.APIClient) -> None:
    """Puts all of them on an engine."""
    for name, command in IMAGES.items():
        make(api, name, command)
    api.import_image_from_data(_memcached(), repository="memcached", tag="1.6", changes=["USER 11211"])


def make(api: docker.APIClient, name: str, command: list[str], page: str = "") -> None:
    """Puts one on an engine: busybox with a page that says which image it is, or something else, and a command."""
    repository, _, tag = name.rpartition(":")
    quoted = ", ".join(f'"{each}"' for each in command)
    api.import_image_from_data(
        _busybox(name, page or name), repository=repository, tag=tag, changes=[f"CMD [{quoted}]", "EXPOSE 8080"]
    )


def _busybox(name: str, page: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", dereference=True) as archive:
        _add_program(archive, "busybox", "bin/busybox")
        for applet in APPLETS if name != NO_SHELL else ("httpd",):
            _link(archive, f"bin/{applet}", "busybox")
        for path, content in {"www/index.html": page, "www/health": "well", "etc/passwd": ""}.items():
            _file(archive, path, content.encode())
    return out.getvalue()


def _memcached() -> bytes:
    """Debian's own; told to be a user other than root, as the official image is."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", dereference=True) as archive:
        _add_program(archive, "memcached", "usr/bin/memcached")
        _file(archive, "etc/passwd", b"root:x:0:0::/:/bin/sh\nmemcache:x:11211:11211::/:/bin/sh\n")
    return out.getvalue()


def _add_program(archive: tarfile.TarFile, name: str, path: str) -> None:
    """With the libraries that it names."""
    found = program(name)
    archive.add(found, path, filter=_plain)
    libraries = subprocess.run(["ldd", found], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607
    for word in libraries.split():
        if word.startswith("/"):
            archive.add(word, word.lstrip("/"), filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return member


def _link(archive: tarfile.TarFile, path: str, target: str) -> None:
    member = tarfile.TarInfo(path)
    member.type, member.linkname = tarfile.SYMTYPE, target
    archive.addfile(member)


def _file(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))
