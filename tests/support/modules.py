"""The product's modules, found by walking its packages: what is new is looked at without being listed."""

import pkgutil
from importlib import import_module
from types import ModuleType

import models

# Run by Alembic, which must have begun.
NOT_IMPORTED = ("models.migrations.",)


def modules() -> list[ModuleType]:
    """Returns every module of `models`, imported: what it declares is known from then on."""
    names = [each.name for each in pkgutil.walk_packages(models.__path__, "models.")]
    return [import_module(each) for each in names if not each.startswith(NOT_IMPORTED)]
