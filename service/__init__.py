"""Alerts in, incidents and orders out: the service that operators look at.

What holds in this room:

- Of the product it imports ``pipelines.messages``, ``pipelines.streams`` and ``vision.hazards``.
  It opens no camera and decodes no picture: ``av``, ``cv2``, ``numpy`` and ``onnxruntime`` are
  absent (a failing import contract holds this).
- An alert is confirmed to the workers only after the transaction that holds it has committed,
  and taken off the stream only after that. So a crash repeats work and never loses any, and
  every step may be repeated.
- Every order is written in the transaction of its decision (``orders`` is the outbox) and gets
  into its stream at most once.
- A drill's order goes to ``dispatch.drill`` and nowhere else. No alert of a real hazard makes an
  order: that is a person's decision.
- Merging and waiting go by the time of the event; the clock of this machine decides only which
  messages lie too far in the future to be believed.
- Every client of the feed reads by a cursor of its own: none can hold up another.
- Every route but the few that a login needs asks ``accounts.gate``, and what is loaded is shown
  only if its own place lies in those of who asks. Beyond loopback nothing is served without TLS.
"""
