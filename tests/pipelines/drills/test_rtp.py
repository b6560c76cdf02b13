from hypothesis import given
from hypothesis import strategies as st

from pipelines.drills.rtp import RtpStream, interleaved, payloads

START = b"\x00\x00\x00\x01"


def joined(parts: tuple[bytes, ...]) -> list[bytes]:
    """NAL units put together again as a receiver does (RFC 6184, 5.8)."""
    units: list[bytes] = []
    for part in parts:
        if part[0] & 0x1F != 28:
            units.append(part)
        elif part[1] & 0x80:
            units.append(bytes([(part[0] & 0xE0) | (part[1] & 0x1F)]) + part[2:])
        else:
            units[-1] += part[2:]
    return units


@given(st.lists(st.integers(1, 700), min_size=1, max_size=5), st.integers(20, 300))
def test_units_come_together_again_from_packets_of_any_size(sizes: list[int], largest: int) -> None:
    units = [bytes([0x65]) + bytes([k % 250 + 1]) * size for k, size in enumerate(sizes)]
    parts = payloads(b"".join(START + unit for unit in units), largest)
    assert all(len(part) <= largest for part in parts)
    assert joined(parts) == units


def test_fragments_mark_their_first_and_last_and_keep_the_importance() -> None:
    parts = payloads(START + b"\x65" + b"\x01" * 3000)
    assert len(parts) == 3
    assert [part[1] for part in parts] == [0x85, 0x05, 0x45]
    assert {part[0] for part in parts} == {0x7C}


def test_access_unit_delimiters_are_left_out() -> None:
    assert payloads(START + b"\x09\xf0" + START + b"\x41\x9a") == (b"\x41\x9a",)


def test_packets_are_numbered_and_stamped_and_both_wrap() -> None:
    stream = RtpStream(source_id=7, base_ticks=0xFFFFFFFF, next_number=0xFFFF)
    first, second = stream.packets((b"\x41a", b"\x41b"), 9000)
    assert first[:2] == b"\x80\x60"
    assert second[:2] == b"\x80\xe0"
    assert (first[2:4], second[2:4]) == (b"\xff\xff", b"\x00\x00")
    assert first[4:8] == second[4:8] == (8999).to_bytes(4)
    assert first[8:12] == (7).to_bytes(4)
    assert interleaved(2, second[12:]) == b"$\x02\x00\x02\x41b"
