"""A memcached to try."""

from tests.support.kinds import Sample

SAMPLE = Sample(
    usual={"name": "Cache", "handle": "it"},
    changed={"memory_mib": "512"},
    told={"memory_mib": [256, 512]},
    other={"memory_mib": 1024},
    taken={
        "name": ["x", "n" * 77],
        "memory_mib": [64, "8192"],
        "nodes": [1, 9],
        "max_item_mib": [1, 128],
    },
    refused={
        "name": ["", "n" * 78, "a\tb"],
        "memory_mib": [0, 63, 65, 96, 16_384, "", None],
        "nodes": [0, 10],
        "max_item_mib": [0, 129],
    },
)
