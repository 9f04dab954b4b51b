"""A registry to try."""

from tests.support.kinds import Sample

SAMPLE = Sample(
    usual={"handle": "it", "server": "registry.example.com", "username": "ci", "password": "p"},
    changed={"username": "bot", "password": "q"},
    told={"username": ["ci", "bot"], "password": ["changed"]},
    other={"password": "r"},
    taken={
        "server": ["r", "registry.example.com:5000", "s" * 255],
        "username": ["u", "u" * 255],
        "password": ["p", " p ", "line\nline", "p" * 4096],
    },
    refused={
        "server": ["", "https://registry.example.com", "a b", "-a", "a:", "a:123456", "s" * 256, "a\x00"],
        "username": ["", "u" * 256, "a\x00", "a\nb"],
        "password": ["", "p" * 4097, "a\x00b", "a\x1bb"],
    },
)
