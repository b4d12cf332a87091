"""From sources and the API's changes to a published snapshot."""
