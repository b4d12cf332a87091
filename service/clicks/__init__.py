"""Clicks on related lists, and comparisons of two rankings by clicks.

Signed lists, counts of them, trials of two rankings, and the report with its confidence. Knows nothing of readers, nor
of how a list is made.
"""
