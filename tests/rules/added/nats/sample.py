"""A NATS to try."""

from tests.support.kinds import Sample

SAMPLE = Sample(
    usual={"name": "Events", "handle": "it"},
    changed={"memory_mib": "256"},
    told={"memory_mib": [128, 256]},
    other={"memory_mib": 512},
    taken={"name": ["x", "n" * 77], "memory_mib": [64, "4096"]},
    refused={"name": ["", "n" * 78], "memory_mib": [63, 4097, "", "1.5"]},
)
