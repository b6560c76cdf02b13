"""Which cameras a command is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.cli.client import Service, WrongValueError

PAGE: Final = 500

Row = dict[str, Any]
Query = dict[str, str | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Some cameras."""

    gb_ids: tuple[str, ...] = ()
    """These, by their ids."""
    place: str | None = None
    """Or those there and below."""
    import_id: str | None = None
    """Or those of a file; without any of the three, all."""
    import_changed: bool = False
    """Of a file's, only those of rows that were new or changed something."""
    probe: str | None = None
    """Only those whose last probe came to that."""

    def queries(self) -> list[Query]:
        """Return what lists the cameras that are meant."""
        wanted = {"place": self.place, "import_id": self.import_id, "probe": self.probe}
        query: Query = {name: value for name, value in wanted.items() if value is not None}
        if self.import_changed:
            query["import_changed"] = True
        return [{**query, "q": one} for one in self.gb_ids] or [query]

    def rows(self, service: Service, **more: str) -> Iterator[Row]:
        """Yield them as the list has them; ``more`` is one more filter."""
        for query in self.queries():
            for row in _listed(service, {**query, **more}):
                if not self.gb_ids or row["gb_id"] == query["q"]:
                    yield row

    def selection(self, service: Service) -> dict[str, Any]:
        """Return them as requests about many name them. Raises ``WrongValueError``."""
        if not self.gb_ids:
            return {"filter": self.queries()[0]}
        rows = list(self.rows(service))
        for gb_id in self.gb_ids:
            if self.probe is None and all(row["gb_id"] != gb_id for row in rows):
                raise WrongValueError("gb_id_unknown", gb_id=gb_id)
        return {"camera_ids": [row["camera_id"] for row in rows]}


def _listed(service: Service, query: Mapping[str, Any]) -> Iterator[Row]:
    offset = 0
    while True:
        params = {**query, "limit": PAGE, "offset": offset, "sort": "gb_id"}
        page = service.patiently("GET", "/api/cameras", params=params)
        yield from page["cameras"]
        offset += PAGE
        if offset >= page["total"]:
            return
