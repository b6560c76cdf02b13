"""Looks at streams that somebody asked for: queued, done by workers, and what they found.

``asking`` puts cameras into the queue, ``limits`` says in whose turn and how many at a time,
``queue`` and ``dispatcher`` send what may start, ``results`` takes what comes back, ``store`` reads
for the routes, ``pictures`` shows a camera's place picture.

- A job is sent at least once: it is claimed in the database first and ticked off after Redis has
  it, and a claim that nobody ticks off is made again. What one worker does twice changes nothing.
- The limits are counted in the database inside the one writing transaction, so replicas share them.
- While no worker lives nothing is sent, so nothing runs out of time: what is asked waits.
- The service opens no camera. Of a place picture's name the audit keeps a hash, answers nothing.
"""
