"""Articles in, a published snapshot out. Knows nothing of HTTP or of how hits are ranked for a reader."""
