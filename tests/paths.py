"""Where the checkout is, and the tests in it."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
