"""Proofs that a log was only ever added to: each file follows one published standard, and imports nothing of ours."""
