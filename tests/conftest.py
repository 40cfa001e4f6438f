"""Seeds of randomised tests: printed, and taken from ``--seed`` or ``LIGHTLOOM_SEED``."""

import os
import random

import pytest


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="seed of all randomised tests")


@pytest.fixture
def seed(request, record_property):
    value = request.config.getoption("--seed")
    if value is None:
        value = int(os.environ.get("LIGHTLOOM_SEED", random.randrange(2**31)))
    record_property("seed", value)
    print(f"seed {value}: repeat with --seed {value}")
    return value


def pytest_collection_modifyitems(items):
    """Begin the slow tests first, so that no core is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
