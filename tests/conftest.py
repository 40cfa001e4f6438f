"""Seeds of randomised tests: printed, and taken from ``--seed`` or ``LIGHTLOOM_SEED``.

And Verilog that is converted once: but for blocks that a test has broken.
"""

import os
import random

import pytest

from lightloom.flow import cache

_CHANGES = ("setattr", "delattr", "setitem", "delitem")
_changed = set()
"""Patches that have changed something and not yet undone it."""


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="seed of all randomised tests")


def pytest_sessionstart():
    for name in (*_CHANGES, "undo"):
        setattr(pytest.MonkeyPatch, name, _noted(getattr(pytest.MonkeyPatch, name), name))


def _noted(method, name):
    """A method of a patch, after which the cache knows whether the sources hold."""
    def noted(self, *arguments, **options):
        (_changed.add if name in _CHANGES else _changed.discard)(id(self))
        cache.sources_hold = not _changed
        return method(self, *arguments, **options)
    return noted


@pytest.fixture
def seed(request, record_property):
    value = request.config.getoption("--seed")
    if value is None:
        value = int(os.environ.get("LIGHTLOOM_SEED", random.randrange(2**31)))
    record_property("seed", value)
    print(f"seed {value}: repeat with --seed {value}")
    return value


def pytest_collection_modifyitems(items):
    """Begin the slow tests first, so that no core is left with one of them at the end.

    Of two workers one begins at the start and one in the middle. The latter compiles the models;
    the former has tests of exports first, which need none, and finds them compiled.
    """
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None,
                                 item.path.parent.name not in ("export", "config", "formal")))
