"""Which addresses couriers may connect to."""

import ipaddress

import pytest

from locksided.notifications.addresses import Allowed, Target, is_public, literal

NOWHERE = Allowed(())


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:10.0.0.1", "2002:7f00:1::"),
        *("64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2001:db8::1"),
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(host: str) -> None:
    address = literal(host)
    assert address is not None
    assert not is_public(address)
    for scheme in ("http", "https"):
        assert not NOWHERE.may_connect(Target(scheme, host, 443), address)


@pytest.mark.parametrize("host", ["93.184.216.34", "2606:4700::1", "64:ff9b::5db8:d822"])
def test_a_public_address_is_reached_by_https_alone(host: str) -> None:
    address = ipaddress.ip_address(host)
    assert NOWHERE.may_connect(Target("https", host, 443), address)
    assert not NOWHERE.may_connect(Target("http", host, 80), address)


@pytest.mark.parametrize(
    ("entry", "url", "address", "is_allowed"),
    [
        ("10.0.0.0/8", "http://hooks/", "10.1.2.3", True),
        ("10.0.0.0/8", "http://hooks/", "11.1.2.3", False),
        ("10.0.0.0/8", "http://hooks/", "::ffff:10.1.2.3", True),
        ("hooks", "http://HOOKS:8080/", "10.1.2.3", True),
        ("hooks:8080", "http://hooks:8080/", "10.1.2.3", True),
        ("hooks:8080", "http://hooks:8081/", "10.1.2.3", False),
        ("::1", "http://[::1]:80/", "::1", True),
        ("[::1]:8080", "http://[::1]:8080/", "::1", True),
    ],
)
def test_the_setting_names_networks_hosts_and_ports(
    entry: str, url: str, address: str, is_allowed: bool
) -> None:
    allowed = Allowed([entry])
    assert allowed.may_connect(Target.of(url), ipaddress.ip_address(address)) is is_allowed


def test_a_host_name_is_not_an_address() -> None:
    assert literal("localhost") is None
    assert literal("hooks.example.com") is None
