"""Removes an article: finds it in every store under every name, purges it, and ends its retention."""
