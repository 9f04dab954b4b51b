"""A secret to try."""

from tests.support.kinds import Sample

SAMPLE = Sample(
    usual={"handle": "it", "value": "v"},
    changed={"value": "w"},
    told={"value": ["changed"]},
    other={"value": "x"},
    taken={"value": ["v", "-----BEGIN\nKEY-----\n", "v" * 32_768]},
    refused={"value": ["", "v" * 32_769, "a\x00b"]},
)
