"""What keeps a process answering when there is too much to do, or something is missing.

Who is let in, how much time a request has left, the encoder that may not be there yet, snapshots that are refused, and
gunicorn's worker. Knows nothing of what is asked.
"""
