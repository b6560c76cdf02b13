"""Who may do what: accounts, logins, sessions, tokens, and the gate before every route.

- A route without a gate is on a short list of public ones; a test walks over all routes.
- What a request may touch follows from the loaded object's place, never from an id alone. A
  foreign object and one that doesn't exist give the same answer, 404.
- Of passwords, cookies and tokens the database holds hashes only.
"""
