"""The kinds of resource that live in a project."""
