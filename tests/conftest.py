"""Lets every test import the helpers in tests/lib; tests that make test leaves
to others have a mark."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
sys.dont_write_bytecode = True


def pytest_configure(config):
    config.addinivalue_line("markers",
                            "long: left to make test-long by make test")
    config.addinivalue_line("markers",
                            "coroner: of a lab build, left to make coroner")
