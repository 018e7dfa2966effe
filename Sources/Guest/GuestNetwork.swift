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
        let interfaces = try zip(nics, find(nics, socket)).map { Interface(nic: $0, link: $1) }
        try rename(interfaces, socket)
        for interface in interfaces { try configure(interface.nic, interface.link, socket) }
        // Only now: a route may need another NIC's.
        for interface in interfaces {
            let link = interface.link.index
            let addresses = interface.nic.linkAddresses(link)
            for route in interface.nic.routes {
                try socket.ensureRoute(LinkRoute(route, link: link), beside: addresses)
            }
        }
        try separateReplies(interfaces, socket)
    }

    struct Interface {
        var nic: NIC
        /// As it was found; only its index stays.
        var link: Link
    }

    /// The link of each NIC. virtio_net's appear a moment after the module is loaded.
    private static func find(_ nics: [NIC], _ socket: NetlinkSocket) throws -> [Link] {
        try zip(nics, DerivedMAC.devices(of: nics)).map { nic, mac in
            for _ in 0..<400 {
                if let link = try socket.link(mac: mac.bytes) { return link }
                usleep(5000)
            }
            throw Failure(.unavailable, "no interface of this machine has the MAC \(mac) of \(nic.name)")
        }
    }

    /// In two passes, since eth0 and eth1 may have to change places.
    private static func rename(_ interfaces: [Interface], _ socket: NetlinkSocket) throws {
        let wrong = interfaces.filter { $0.nic.name != $0.link.name }
        for interface in wrong { try socket.perform(.rename(interface.link, to: "rcvm\(interface.link.index)")) }
        for interface in wrong { try socket.perform(.rename(interface.link, to: interface.nic.name)) }
    }

    private static func configure(_ nic: NIC, _ link: Link, _ socket: NetlinkSocket) throws {
        // Addresses come from the engine alone: no router's advertisement changes them, nobody else has them.
        let hasIPv6 =
            nic.addresses.contains(where: \.address.isIPv6)
            || nic.routes.contains { $0.isIPv6 || $0.via?.isIPv6 == true }
        let settings = hasIPv6 ? ["disable_ipv6": "0", "accept_ra": "0", "accept_dad": "0"] : ["disable_ipv6": "1"]
        for (name, value) in settings {
            do {
                try SystemControl.write("net/ipv6/conf/\(nic.name)/\(name)", value)
            } catch let error as SystemError where error.errno == .noEntry && !hasIPv6 {}
        }
        if nic.guestMAC.bytes != link.address { try socket.perform(.setMAC(link, nic.guestMAC.bytes)) }
        if nic.arp == false { try socket.perform(.setARP(link, false)) }
        if link.mtu != nic.mtu { try socket.perform(.setMTU(link, nic.mtu)) }
        for address in nic.linkAddresses(link.index) { try socket.perform(.ensureAddress(address, on: link)) }
        try socket.perform(.setUp(link))
        for neighbor in nic.guestNeighbors {
            try socket.perform(.ensureNeighbor(neighbor.ip.bytes, mac: neighbor.mac.bytes, on: link))
        }
    }

    private static func separateReplies(_ interfaces: [Interface], _ socket: NetlinkSocket) throws {
        for reply in replies(interfaces) {
            for route in reply.routes { try socket.ensureRoute(route) }
            for rule in reply.rules { try socket.perform(.ensureRule(rule)) }
        }
    }

    /// What sends the replies of one NIC, in one family, out by itself.
    struct Replies {
        var nic: NIC
        var table: UInt32
        var routes: [LinkRoute]
        var rules: [PolicyRule]
    }

    /// Where several NICs have a gateway, replies leave by the one that owns their source address.
    static func replies(_ interfaces: [Interface]) -> [Replies] {
        [false, true].flatMap { isIPv6 -> [Replies] in
            let indexed = interfaces.enumerated().filter { _, interface in
                interface.nic.routes.contains { $0.via != nil && $0.isIPv6 == isIPv6 }
            }
            guard indexed.count > 1 else { return [] }
            return indexed.map { index, interface in
                let table = firstTable + UInt32(index)
                let rules = interface.nic.addresses.filter { $0.address.isIPv6 == isIPv6 }.map { prefix in
                    let bytes = prefix.address.bytes
                    return PolicyRule(
                        isIPv6: isIPv6, source: bytes, prefixLength: UInt8(bytes.count * 8), table: table,
                        priority: 1000 + UInt32(index))
                }
                let routes = ReplyRoutes.routes(
                    of: interface.nic, isIPv6: isIPv6, link: interface.link.index, table: table)
                return Replies(nic: interface.nic, table: table, routes: routes, rules: rules)
            }
        }
    }
}

/// The routes of a NIC's own table.
enum ReplyRoutes {
    /// The networks that the NIC is connected to, and its routes, in the document's order.
    static func routes(of nic: NIC, isIPv6: Bool, link: Int32, table: UInt32) -> [LinkRoute] {
        let routed = nic.addresses.filter { $0.address.isIPv6 == isIPv6 && !nic.hasNoPrefixRoute($0) }
        let connected = routed.map { prefix in
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
            source: route.source?.bytes, mtu: route.mtu, advmss: route.advmss)
    }
}

extension NIC {
    fileprivate func linkAddresses(_ link: Int32) -> [LinkAddress] {
        addresses.map { prefix in
            var address = LinkAddress(prefix, link: link)
            if hasNoPrefixRoute(prefix) { address.flags |= LinkAddress.noPrefixRoute }
            return address
        }
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
