"""Many feeds at once; ``crowd`` as a script measures 200."""

import asyncio

from tests.service.feed.crowd import gather, logins, one_that_reads_nothing, share
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.process import serving


@ON_SQLITE
def test_fifty_feeds_hear_all_in_time_and_one_that_reads_nothing_delays_none(given: Parts) -> None:
    secrets = logins(given.database, 5, 11)
    with (
        serving(given.settings) as url,
        one_that_reads_nothing(url, secrets[0], given.database),
    ):
        crowd = asyncio.run(gather(url, secrets[5:], given.client, events=20, per_s=10.0))
    assert [len(one) for one in crowd.heard] == [20] * 50
    # No promise but a bound: whoever waited for the one that reads nothing would wait 20 s.
    assert share(crowd.late_s, 0.95) < 5.0
