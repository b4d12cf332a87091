"""Who may ask for what, from where, and what a browser may load.

Keys, sessions, the newsroom's door, and what other sites are allowed. Knows nothing of Flask, nor of what lies behind a
door.
"""
