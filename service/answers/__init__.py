"""The form of answers, and its documentation.

The models of answers, hits written as those models, how long an answer is valid, and the OpenAPI document with its
page. Knows nothing of Flask, nor of how articles are found.
"""
