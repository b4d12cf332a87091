"""What an answer looks like, and how it is told of.

The models of answers, hits written as those models, how long an answer holds, and the OpenAPI document with its page.
Knows nothing of Flask, nor of how anything is found.
"""
