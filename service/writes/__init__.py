"""Writes to the archive by the API, their ingestion, and takedowns.

Puts and deletes checked and stored, the process that ingests, and the lists of an article that is taken down. Knows
nothing of Flask, nor of how an article is indexed.
"""
