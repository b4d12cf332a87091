import os

# Here several processes share the cores. Threads of OpenMP (FAISS, PyTorch, scikit-learn) that spin while they wait
# for each other then cost ten times what they compute. Read when the first of these is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
