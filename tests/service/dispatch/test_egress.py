from ipaddress import ip_address, ip_network

import pytest

from service.dispatch.senders.egress import Egress


@pytest.mark.parametrize(
    ("address", "by_default", "listed"),
    [
        ("8.8.8.8", True, True), ("2606:4700::1111", True, True),
        ("10.1.2.3", False, True), ("172.16.0.1", False, True), ("192.168.1.1", False, True),
        ("100.64.0.1", False, True), ("fd00::1", False, True), ("127.0.0.1", False, True),
        ("::1", False, True), ("::ffff:10.1.2.3", False, True), ("::ffff:8.8.8.8", True, True),
        ("0.0.0.0", False, False),  # noqa: S104
        ("169.254.169.254", False, False), ("224.0.0.1", False, False),
        ("::ffff:169.254.169.254", False, False), ("100.100.100.200", False, False),
        ("fe80::1", False, False), ("::", False, False), ("64:ff9b::a9fe:a9fe", False, False),
        ("2002:7f00:1::", False, False), ("255.255.255.255", False, False),
        ("ff02::1", False, False), ("::127.0.0.1", False, False), ("::8.8.8.8", False, False),
        ("::2", False, False), ("::ffff:0:127.0.0.1", False, False), ("fec0::1", False, False),
    ],
)  # fmt: skip
def test_where_a_target_may_be(address: str, by_default: bool, listed: bool) -> None:
    everything = Egress(allowed=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert Egress().admits(ip_address(address)) is by_default
    assert everything.admits(ip_address(address)) is listed


def test_a_list_shuts_out_what_is_not_on_it() -> None:
    assert not Egress(allowed=(ip_network("10.0.0.0/8"),)).admits(ip_address("8.8.8.8"))
