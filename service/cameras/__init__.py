"""The registry of cameras, and how each change reaches the camera's worker.

- A camera states purpose, legal basis, owner, place type and who confirmed the sign, or it is
  not registered. Homes, hotel rooms, wards and other places that the design rules out are refused.
- Credentials are sealed for the workers as they come in. The service can't open them, so no
  route, log or backup can show them.
- A worker is told of a change that concerns it and of nothing else.
"""
