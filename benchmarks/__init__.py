"""Measured comparisons: every figure a result of one run on one machine, which anyone can repeat."""
