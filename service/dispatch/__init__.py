"""Orders: where they go, who decides, how they leave, and what comes back.

- An order is a row of the outbox (``orders``), written in the transaction of its decision; its id
  follows from incident, target and decision, and is the same at each attempt.
- Orders of one incident and target leave one after another; a lease says which replica sends. No
  transaction spans a sending, and no target waits for another.
- Nothing is dropped: an order is sent, waits and is counted, is a dead letter that can be sent
  again, or is withdrawn with its incident.
- Drills' orders and real ones never meet: ``dispatch.drill`` takes no real order, and a drill goes
  elsewhere only where the file of targets and a route both say so.

Absent: pictures, anything that leads to one, anything on people.
"""
