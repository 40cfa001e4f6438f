"""Seeds of randomised tests: printed, and taken from ``--seed`` or ``LIGHTLOOM_SEED``."""

import os
import random

import pytest


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="seed of all randomised tests")


@pytest.fixture
def seed(request):
    value = request.config.getoption("--seed")
    if value is None:
        value = int(os.environ.get("LIGHTLOOM_SEED", random.randrange(2**31)))
    print(f"seed {value}: repeat with --seed {value}")
    return value
