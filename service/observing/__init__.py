"""Observation of a running service: metrics, log lines, hourly counts.

Keeps nothing personal. Knows nothing of how requests are answered.
"""
