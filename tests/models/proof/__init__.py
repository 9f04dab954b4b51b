"""The pure parts of proofs, held against standards and against code that nobody here wrote."""
