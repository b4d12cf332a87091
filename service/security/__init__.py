"""Access control: who may request what, from where, and what a browser may load.

Keys, sessions, access to the newsroom's pages, and rights of other sites. Knows nothing of Flask, nor of the protected
content.
"""
