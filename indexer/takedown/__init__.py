"""How an article leaves: found in every store under every name, purged, and gone after its retention."""
