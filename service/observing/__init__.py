"""What happens in a running service, as figures, lines of a log and counts by the hour.

Counts and times what it is told, and keeps nothing personal. Knows nothing of how requests are answered.
"""
