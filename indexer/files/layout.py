"""The names of a home's files. Imports nothing, so that importing it costs nothing."""

CURRENT_FILE = "CURRENT"
"""The file that names the current snapshot."""

SNAPSHOTS = "snapshots"
"""The directory that holds the snapshots."""

MANIFEST_FILE = "manifest.json"
"""The file that describes a snapshot."""

WORD_INDEX = "words"
"""The directory of a snapshot's word index."""

LIVE = "live"
"""The directory of live snapshots, itself a home: the API's changes since the last publication."""
