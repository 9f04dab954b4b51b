"""A volume to try."""

from tests.support.kinds import Sample

SAMPLE = Sample(
    usual={"name": "Data", "handle": "it"},
    changed={"size_gib": "20"},
    told={"size_gib": [10, 20]},
    other={"size_gib": 30},
    taken={"name": ["x", "n" * 77], "size_gib": [1, "4096"]},
    refused={"name": ["", "n" * 78], "size_gib": [0, 4097, "", "1.5"]},
)
