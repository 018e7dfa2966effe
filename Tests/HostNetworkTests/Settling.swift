import Glibc
import Linux
import Netlink
import Testing

@testable import HostNetwork

/// The kernel's own messages about changes in the calling thread's namespace (RTMGRP_* of rtnetlink(7)).
///
/// IPv6 makes a link's fe80::/64 when the carrier is there, which is a moment after the link is set up.
private struct Changes {
    let descriptor: Descriptor

    init() throws {
        let raw = try checked("socket", on: "changes") {
            Int(socket(AF_NETLINK, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0))
        }
        descriptor = Descriptor(owning: CInt(raw), name: "changes")
        var address = MessageWriter()  // struct sockaddr_nl
        address.put(UInt32(AF_NETLINK))
        address.put(UInt32(0))
        address.put(UInt32(0x555))  // LINK, NEIGH, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE
        try checked("bind", on: "changes") { withSocketAddress(address.bytes) { Int(bind(descriptor.raw, $0, 12)) } }
    }

    /// False after two seconds without a change.
    func wait() -> Bool {
        var waiting = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 2000) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65536)
        while recv(descriptor.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT)) > 0 {}
        return true
    }
}

/// Waits until every link that has a carrier and IPv6 has its link-local address.
func waitForLinkLocal(_ name: String) throws {
    let changes = try Changes()
    let netlink = try NetlinkSocket()
    while true {
        let link = try #require(try netlink.link(named: name))
        guard try IPv6Setting(of: name)?.disabled == "0" else { return }
        if try netlink.addresses(of: link).contains(where: \.isLinkLocalIPv6) { return }
        guard changes.wait() else {
            Issue.record("\(name) gets no link-local address")
            return
        }
    }
}

/// Expects the namespace to be as before, or to become so.
func expectUnchanged(since before: Snapshot, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let changes = try Changes()
    while true {
        let now = try Snapshot()
        if now == before { return }
        guard changes.wait() else {
            #expect(now == before, sourceLocation: sourceLocation)
            return
        }
    }
}
