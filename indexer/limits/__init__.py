"""Limits of time and memory for work on untrusted data, and a watchdog over a process that must make progress."""
