"""Which passage of an article shows why it is found, and what in it is marked. Knows nothing of HTTP."""
