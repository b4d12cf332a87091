"""Crashes, damage, faults and load on purpose, and what must still hold afterwards.

Each module is a harness with a short form, which the suite runs, and a long one: `make torture`, or
`python -m tests.torture PART --rounds N --seed S`. What is random is drawn from the seed, which is printed.
"""
