"""Kinds that are added to a copy of the source, as the recipe in docs/architecture.md asks for them."""
