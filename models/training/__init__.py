"""Training of the hazard pack: offline, seeded, and no part of the running product.

``python -m models.training`` fine-tunes and writes the pack; ``python -m models.training.measure``
prints its figures. Files that handle pictures and labels need NumPy and OpenCV only; the network,
the loss and the loop need torch, which the product does not install.
Clips in ``media/`` judge the result and are never read here for training.
"""
