"""What a centre reports of a period: how many, how soon, how often for nothing.

``periods`` are days on the wall's clock, ``queries`` reads plain numbers, ``figures`` makes of them
what is shown (pure), ``sheet`` writes it for spreadsheets. docs/statistics.md defines each figure.
Drills are never counted, and incidents that became part of another once. Absent: whoever did it,
and anything about people.
"""
