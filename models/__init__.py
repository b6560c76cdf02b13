"""Model packs, their loader, and the training that made the pack that ships.

A pack says what each label may become: ``hazard``, ``vehicle`` or ``mask``; there is no fourth
role, and a pack with a label that is an obvious name of people's attributes, faces or plates is
refused whole. Knows nothing of cameras or streams.
"""
