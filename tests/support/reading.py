"""Watching what a request reads of what a browser sent, and who gets to see it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask, Request
from werkzeug.datastructures import ImmutableMultiDict

ROOT = Path(__file__).resolve().parent.parent.parent
# Whoever looks into a text: our verbs and fields, and what validates and normalises for them. Not what measures it.
LOOKING_INTO = (str(ROOT / "models"), "email_validator", "/idna/", "/argon2/")
MEASURING = (str(ROOT / "models" / "length.py"),)
START = 20


class Read:
    """The names that a request asked for."""

    def __init__(self) -> None:
        self.form: set[str] = set()
        self.query: set[str] = set()
        self.cookies: set[str] = set()
        self.headers: set[str] = set()

    def clear(self) -> None:
        """Forget them."""
        for each in (self.form, self.query, self.cookies, self.headers):
            each.clear()


class Watched(ImmutableMultiDict[str, str]):
    """What was sent, which remembers what it was asked for."""

    names: set[str]

    @classmethod
    def of(cls, sent: ImmutableMultiDict[str, str], names: set[str]) -> "Watched":
        """Returns the same, watched."""
        found = cls(sent)
        found.names = names
        return found

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, *default: Any, **options: Any) -> Any:  # type: ignore[override]
        """Returns the first value."""
        self.names.add(name)
        return super().get(name, *default, **options)

    def getlist(self, name: str, *options: Any, **more: Any) -> Any:  # type: ignore[override]
        """Returns all values."""
        self.names.add(name)
        return super().getlist(name, *options, **more)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


class WatchedHeaders(dict[str, Any]):
    """The environment of a request, which remembers the headers that it was asked for."""

    names: set[str]

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Returns a value, if there is one."""
        self._note(name)
        return super().get(name, default)

    def _note(self, name: str) -> None:
        if name.startswith(("HTTP_", "CONTENT_")):
            self.names.add(name)


def watch(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Have the application's requests note what they read."""
    read = Read()
    heads: Any = app.wsgi_app
    inner = heads.application

    class Request_(app.request_class):  # type: ignore[name-defined,misc]
        @cached_property
        def args(self) -> Watched:
            return Watched.of(super().args, read.query)

        @cached_property
        def cookies(self) -> Watched:
            return Watched.of(super().cookies, read.cookies)

        @cached_property
        def form(self) -> Watched:
            return Watched.of(super().form, read.form)

    def noting(environ: dict[str, Any], start: Any) -> Any:
        watched = WatchedHeaders(environ)
        watched.names = read.headers
        return inner(watched, start)

    monkeypatch.setattr(app, "request_class", Request_)
    monkeypatch.setattr(heads, "application", noting)
    assert issubclass(app.request_class, Request)
    return read


class Seen:
    """Who was handed a text, and how many calls there were in all."""

    def __init__(self) -> None:
        self.looked_into_by: set[str] = set()
        self.calls = 0


@contextmanager
def following(text: str) -> Iterator[Seen]:
    """Follow a text through every call of this thread."""
    seen, start = Seen(), text[:START]

    def on(frame: FrameType, event: str, _: Any) -> None:
        seen.calls += 1
        file = frame.f_code.co_filename
        if event != "call" or file in MEASURING or not any(each in file for each in LOOKING_INTO):
            return
        if any(isinstance(each, str) and start in each for each in frame.f_locals.values()):
            seen.looked_into_by.add(frame.f_code.co_qualname)

    sys.setprofile(on)
    try:
        yield seen
    finally:
        sys.setprofile(None)
