"""The files of a home: names, permissions, arrays, checksums, the progress of a build.

The lowest room: knows nothing of the files' meaning.
"""
