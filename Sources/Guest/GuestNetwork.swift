import Glibc
import Linux
import Netlink
import OCI
import Plan

/// The guest's interfaces, set up by netlink as the container's were (rtnetlink(7)).
enum GuestNetwork {
    /// Policy routing tables of the NICs: this number and the following.
    static let firstTable: UInt32 = 100

    static func configure(_ nics: [NIC]) throws {
        let socket = try NetlinkSocket()
        if let loopback = try socket.links().first(where: \.isLoopback) { try socket.perform(.setUp(loopback)) }
        try rename(nics, socket)
        for nic in nics { try configure(nic, try link(nic, socket), socket) }
        // Only now: a route may need another NIC's.
        for nic in nics {
            let link = try link(nic, socket).index
            let addresses = nic.addresses.map { LinkAddress($0, link: link) }
            for route in nic.routes { try socket.ensureRoute(LinkRoute(route, link: link), beside: addresses) }
        }
        try separateReplies(nics, socket)
    }

    private static func link(_ nic: NIC, _ socket: NetlinkSocket) throws -> Link {
        guard let link = try socket.link(mac: nic.guestMAC.bytes) else {
            throw Failure(.unavailable, "no interface of this machine has the MAC \(nic.guestMAC) of \(nic.name)")
        }
        return link
    }

    /// In two passes, since eth0 and eth1 may have to change places.
    private static func rename(_ nics: [NIC], _ socket: NetlinkSocket) throws {
        let wrong = try nics.map { ($0, try waitForLink($0, socket)) }.filter { $0.name != $1.name }
        for (_, link) in wrong { try socket.perform(.rename(link, to: "rcvm\(link.index)")) }
        for (nic, _) in wrong { try socket.perform(.rename(try link(nic, socket), to: nic.name)) }
    }

    /// virtio_net's links appear a moment after the module is loaded.
    private static func waitForLink(_ nic: NIC, _ socket: NetlinkSocket) throws -> Link {
        for _ in 0..<400 {
            if let link = try socket.link(mac: nic.guestMAC.bytes) { return link }
            usleep(5000)
        }
        return try link(nic, socket)
    }

    private static func configure(_ nic: NIC, _ link: Link, _ socket: NetlinkSocket) throws {
        // Addresses come from the engine alone: no router's advertisement changes them, nobody else has them.
        let hasIPv6 = nic.addresses.contains(where: \.address.isIPv6)
        let settings = hasIPv6 ? ["disable_ipv6": "0", "accept_ra": "0", "accept_dad": "0"] : ["disable_ipv6": "1"]
        for (name, value) in settings {
            do {
                try SystemControl.write("net/ipv6/conf/\(nic.name)/\(name)", value)
            } catch let error as SystemError where error.errno == .noEntry && !hasIPv6 {}
        }
        if link.mtu != nic.mtu { try socket.perform(.setMTU(link, nic.mtu)) }
        for prefix in nic.addresses {
            try socket.perform(.ensureAddress(LinkAddress(prefix, link: link.index), on: link))
        }
        try socket.perform(.setUp(link))
        for neighbor in nic.neighbors ?? [] {
            try socket.perform(.ensureNeighbor(neighbor.ip.bytes, mac: neighbor.mac.bytes, on: link))
        }
    }

    /// Where several NICs have a gateway, replies leave by the one that owns their source address.
    private static func separateReplies(_ nics: [NIC], _ socket: NetlinkSocket) throws {
        for isIPv6 in [false, true] {
            let indexed = nics.enumerated().filter { _, nic in
                nic.routes.contains { $0.via != nil && $0.isIPv6 == isIPv6 }
            }
            guard indexed.count > 1 else { continue }
            for (index, nic) in indexed {
                let link = try link(nic, socket)
                let table = firstTable + UInt32(index)
                for route in ReplyRoutes.routes(of: nic, isIPv6: isIPv6, link: link.index, table: table) {
                    try socket.perform(.ensureRoute(route))
                }
                for prefix in nic.addresses where prefix.address.isIPv6 == isIPv6 {
                    let bytes = prefix.address.bytes
                    try socket.perform(
                        .ensureRule(
                            PolicyRule(
                                isIPv6: isIPv6, source: bytes, prefixLength: UInt8(bytes.count * 8), table: table,
                                priority: 1000 + UInt32(index))))
                }
            }
        }
    }
}

/// The routes of a NIC's own table.
enum ReplyRoutes {
    /// The networks that the NIC is connected to, and its routes, in the document's order.
    static func routes(of nic: NIC, isIPv6: Bool, link: Int32, table: UInt32) -> [LinkRoute] {
        let connected = nic.addresses.filter { $0.address.isIPv6 == isIPv6 }.map { prefix in
            LinkRoute(
                isIPv6: isIPv6, destination: prefix.network, prefixLength: UInt8(prefix.length), link: link,
                source: isIPv6 ? nil : prefix.address.bytes, table: table)
        }
        let own = nic.routes.filter { $0.isIPv6 == isIPv6 }.map { route in
            var copy = LinkRoute(route, link: link)
            copy.table = table
            return copy
        }
        return connected + own
    }
}

extension LinkRoute {
    init(_ route: Route, link: Int32) {
        let destination = route.destination
        self.init(
            isIPv6: route.isIPv6, destination: destination.map(\.network) ?? [],
            prefixLength: UInt8(destination?.length ?? 0), gateway: route.via?.bytes, link: link, metric: route.metric,
            scope: route.scope == "link" ? Self.scopeLink : nil, onlink: route.onlink ?? false,
            source: route.source?.bytes)
    }
}

extension LinkAddress {
    /// IPv6 without duplicate address detection; IPv4 with a broadcast address where the network has one.
    init(_ prefix: IPPrefix, link: Int32) {
        let isIPv6 = prefix.address.isIPv6
        self.init(
            link: link, address: prefix.address.bytes, prefixLength: UInt8(prefix.length),
            broadcast: !isIPv6 && prefix.length < 31 ? prefix.broadcast : nil, flags: isIPv6 ? Self.noDAD : 0)
    }
}

extension IPPrefix {
    /// The address with all host bits 0.
    var network: [UInt8] { masked { byte, mask in byte & mask } }
    /// The address with all host bits 1.
    var broadcast: [UInt8] { masked { byte, mask in byte | ~mask } }

    private func masked(_ combine: (UInt8, UInt8) -> UInt8) -> [UInt8] {
        address.bytes.enumerated().map { index, byte in
            combine(byte, UInt8(truncatingIfNeeded: 0xff00 >> min(8, max(0, length - index * 8))))
        }
    }
}
