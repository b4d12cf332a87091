"""What is kept of an address, worked by hand."""

import pytest

from service.security.audit_addresses import origin


@pytest.mark.parametrize(
    ("address", "network", "full"),
    [
        ("203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("::ffff:203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2:3:4:5:6"),
        ("127.0.0.1:4711", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_what_is_kept(address, network, full):
    assert origin(address, "network") == network
    assert origin(address, "full") == full
    assert origin(address, "none") is None
