"""Text in, unit vectors out. Knows nothing of articles, FAISS or HTTP."""

import os

# Without this, ONNX Runtime reports its use to Microsoft once it is imported, and keeps files in the user's cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
