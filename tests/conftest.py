"""Lets every test import the helpers in tests/lib, and orders nothing else."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
sys.dont_write_bytecode = True
