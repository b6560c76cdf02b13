"""Real processes, killed again and again, while alerts come in and people send help.

- What a worker's spool took is in the database at the end, and each decision that the service
  said yes to has one order a target, which arrived once.
- Nothing is faked but cameras and crews: the spool, the publisher, Redis, the service, its API, the
  outbox, webhooks and receipts are the product's. Nothing leaves the loopback interface.
- Every process is ended by its own id, also on ^C; every wait has a limit.

``python -m tests.chaos`` for the campaign, ``--load`` for a flood, ``--sick`` for targets that
hang, lie and fail. docs/orders.md, "Chaos", says what the figures mean.
"""
