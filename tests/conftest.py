"""Lets every test import the helpers in tests/lib; long tests have a mark."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
sys.dont_write_bytecode = True


def pytest_configure(config):
    config.addinivalue_line("markers",
                            "long: left to make test-long by make test")
