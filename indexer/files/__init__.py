"""The files of a home: what they are called, who may read them, arrays and checksums on disk, how far a build is.

The lowest room: knows nothing of what the files mean.
"""
