"""The health of this installation, and what to do about problems.

The doctor's findings, settings explained, and the operators' view of snapshots, builds and sources. Knows nothing of
Flask, nor of how a finding is shown.
"""
