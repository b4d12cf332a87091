"""What others write to the archive, how it comes to be served, and how it goes again.

A put or a delete checked and kept, the process that ingests, and where an article stands when it is taken down. Knows
nothing of Flask, nor of how an article is indexed.
"""
