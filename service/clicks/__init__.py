"""Which related lists were shown and clicked, and what clicks say of two rankings.

Lists that can be told again, counts of them, trials of two rankings, and the report with how sure it is. Knows nothing
of readers, nor of how a list is made.
"""
