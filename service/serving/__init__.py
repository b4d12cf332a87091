"""Keeps a process answering under overload, or while something is missing.

Admission, deadlines, an encoder that may not be loaded yet, refused snapshots, and gunicorn's worker. Knows nothing of
the content of requests.
"""
