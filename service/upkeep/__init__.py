"""How this installation is, and what is to be done about it.

The doctor's findings, settings explained, and what operators see of snapshots, builds and sources. Knows nothing of
Flask, nor of how a finding is shown.
"""
