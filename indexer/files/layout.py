"""What a home calls its files. Imports nothing, so that what has to be quick may know it."""

CURRENT_FILE = "CURRENT"
"""Names the current snapshot."""

SNAPSHOTS = "snapshots"
"""The directory that snapshots lie in, each under its name."""

MANIFEST_FILE = "manifest.json"
"""What a snapshot says of itself."""

LIVE = "live"
"""The directory, a home in itself, of what the API wrote since the last publication."""
