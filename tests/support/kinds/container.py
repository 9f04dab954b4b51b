"""A container to try."""

from tests.support.kinds import Sample

SAMPLE = Sample(
    usual={"name": "My API", "handle": "it", "image": "nginx:1.28"},
    changed={"image": "nginx:1.29"},
    told={"image": ["nginx:1.28", "nginx:1.29"]},
    other={"image": "nginx:1.30"},
    taken={
        "name": ["x", "ü" * 77],
        "image": [
            "nginx:1",
            "r.example.com:5000/a/b:v1.2_3-4",
            f"nginx@sha256:{'a' * 64}",
            "n" * 253 + ":1",
        ],
        "port": [1, "65535"],
        "health_path": ["", "/", "/health?x=1"],
        "cpu_millicores": [20, 64_000],
        "memory_mib": [64, 1_048_576],
        "environment": ["", "A=1", "A=", "discovery.type=x  ", "_a=b=c\nB2= d"],
    },
    refused={
        "name": ["", " ", "n" * 78, "a\x00b", "a\nb", "a\x1bb", "a\u202eb", "a\x85b"],
        "image": [
            *("", "nginx", "nginx:", "localhost:5000/nginx", "nginx:1 2", "nginx@sha256:abc"),
            *("n" * 254 + ":1", "a\x00:1"),
        ],
        "port": [0, 65_536, "", None, "http", "1.5", "-1"],
        "health_path": ["health", "/a b", "/" + "h" * 255, "/a\x00"],
        "cpu_millicores": [19, 64_001, "", "inf"],
        "memory_mib": [63, 1_048_577, "64 MiB"],
        "environment": [
            "A",
            "#A=1",
            "A B=1",
            "export A=1",
            "=1",
            "A=1\nA=2",
            "A=\x00",
            "A=" + "v" * 32_767,
            "A=\u202e",
        ],
    },
)
