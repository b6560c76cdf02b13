"""Rules: what was seen and a state in, events and a new state out. Pure, without a clock."""
