"""How it is said, in Vietnamese and in English.

Every word that a page shows, a module for each kind of page; `strings` has those of readers and what all share. Imports
nothing of the service.
"""
