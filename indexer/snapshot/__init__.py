"""Snapshots: immutable directories of segments, one of them current; published, verified, opened, rolled back."""
