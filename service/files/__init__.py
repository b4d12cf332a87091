"""How a file is changed, and followed, that others read or write at the same time.

Whole or not there, held by one editor at a time, read again once it has changed. Knows nothing of what a file says.
"""
