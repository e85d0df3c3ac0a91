"""Which addresses of machines are on the internet, for everybody: what goes out by an address that somebody typed goes
to no other.

Nobody may have this program talk to what only it can reach: itself, its neighbours, a cloud's metadata. So what counts
is the address that a connection is made to, in all forms that one can be written in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Of IPv4 what is special (IANA's registry, RFC 6890 and after); our own list, as Python's changes with its version.
SPECIAL_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            "168.63.129.16/32",  # what Azure's machines reach of it, as if it were on the internet
        ),
    )
)
# Of IPv6 all that is for everybody, and what of it is special: Teredo, benchmarks and more (RFC 2928), documentation
# (RFC 3849, RFC 9637), and 6to4, whatever IPv4 address is in it (RFC 7526: nobody is reached by it any more).
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
# What stands before an IPv4 address that is reached through a translator (RFC 6052). Its local form (RFC 8215,
# 64:ff9b:1::/48) is not for everybody.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Before an IPv4 address in the last half of one that tunnels to it (ISATAP, RFC 5214).
ISATAP = (0x00005EFE, 0x02005EFE)


def unwrap(address: IPAddress) -> IPAddress:
    """The address that is meant: of an IPv4 address in the form of IPv6 (RFC 4291, ::ffff:0:0/96) that one."""
    return getattr(address, "ipv4_mapped", None) or address


def is_global_ipv4(address: ipaddress.IPv4Address) -> bool:
    """Whether an IPv4 address is for everybody."""
    return not any(address in network for network in SPECIAL_IPV4)


def is_global(address: IPAddress) -> bool:
    """Whether an address is on the internet for everybody, and no other in it."""
    address = unwrap(address)
    if isinstance(address, ipaddress.IPv4Address):
        return is_global_ipv4(address)
    if address.scope_id is not None:
        return False
    embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in NAT64:
        return is_global_ipv4(embedded)
    if address not in GLOBAL_IPV6 or any(address in network for network in SPECIAL_IPV6):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in ISATAP or is_global_ipv4(embedded)


def is_among(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    """Whether an address is in one of some networks."""
    return any(address.version == network.version and address in network for network in networks)


def read_network_list(text: str) -> list[IPNetwork]:
    """Networks as a setting has them, by spaces."""
    return [ipaddress.ip_network(part) for part in text.split()]
