"""Changing and following files that other processes read or write at the same time.

Files are replaced atomically, locked by one editor at a time, and read again once they have changed. Knows nothing of a
file's content.
"""
