"""Text in, unit vectors out. Knows nothing of articles, FAISS or HTTP."""

import os

# From its import on, ONNX Runtime would report its use to Microsoft, and keep files in the user's cache for it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
