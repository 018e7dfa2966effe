import Glibc
import Linux

extension NetlinkSocket {
    /// The way by which the kernel would send to this IPv4 address, by all its rules and tables: the link, and the route's
    /// own MTU where it has one. nil where it would not send.
    public func route(to address: [UInt8]) throws -> (link: Int32, mtu: UInt32?)? {
        // ip route get ADDRESS
        do {
            let answer = try ask(
                "RTM_GETROUTE", on: text(address), RTM_GETROUTE, answer: RTM_NEWROUTE, absent: Errno(ENETUNREACH),
                body: .routeLookup(address))
            guard let answer else { return nil }
            var reader = MessageReader(answer, subject: "RTM_NEWROUTE")
            _ = try reader.take(12)  // struct rtmsg
            let attributes = try reader.attributes()
            let mtu = try attributes.nested(RTA_METRICS)?.integer(RTAX_MTU, as: UInt32.self)
            return try attributes.integer(RTA_OIF).map { ($0, mtu) }
        } catch let error as SystemError where [EHOSTUNREACH, EACCES, EINVAL].contains(error.errno.code) {
            return nil  // A route of type unreachable, prohibit or blackhole.
        }
    }

    /// The unicast routes of one table, IPv4 before IPv6; cached and cloned ones are left out.
    public func routes(table: UInt32 = LinkRoute.mainTable) throws -> [LinkRoute] {
        try (DryRun.current?.tables(of: self).routes ?? readRoutes(table: table)).filter { $0.table == table }
    }

    /// Of one table, or of all.
    func readRoutes(table: UInt32? = nil) throws -> [LinkRoute] {
        try [AF_INET_, AF_INET6_].flatMap { family in
            // ip -4 route show table main; ip -6 route show table main
            var body = MessageWriter()
            body.putRouteHeader(family: family)
            return try dump("RTM_GETROUTE", RTM_GETROUTE, answer: RTM_NEWROUTE, body: body) { payload in
                // A kernel without IPv6 answers with the routes of all families.
                payload.first == family ? try LinkRoute(parsing: payload, table: table) : nil
            }.flatMap(\.apart)
        }
    }
}

extension MessageWriter {
    static func routeLookup(_ address: [UInt8]) -> MessageWriter {
        var body = MessageWriter()
        body.putRouteHeader(family: addressFamily(address), length: UInt8(address.count * 8))
        body.attribute(RTA_DST, address)
        return body
    }
}

extension LinkRoute {
    /// The payload of an RTM_NEWROUTE; nil for what is no unicast route of the table `wanted`. Throws EBADMSG.
    init?(parsing payload: ArraySlice<UInt8>, table wanted: UInt32? = nil) throws {
        var reader = MessageReader(payload, subject: "RTM_NEWROUTE")
        let family: UInt8 = try reader.read()
        let length: UInt8 = try reader.read()
        _ = try reader.read(UInt16.self)  // rtm_src_len, rtm_tos
        let shortTable: UInt8 = try reader.read()
        let proto: UInt8 = try reader.read()
        let scope: UInt8 = try reader.read()
        let type: UInt8 = try reader.read()
        let flags: UInt32 = try reader.read()
        let attributes = try reader.attributes()
        let table = try attributes.integer(RTA_TABLE) ?? UInt32(shortTable)
        guard addressLength(family) > 0, type == RTN_UNICAST, flags & RTM_F_CLONED == 0, table == wanted ?? table else {
            return nil
        }
        let destination = try attributes.address(RTA_DST, family: family) ?? []
        guard length == 0 || !destination.isEmpty, Int(length) <= addressLength(family) * 8 else {
            throw reader.malformed("prefix of \(length) bits of \(destination.count) bytes")
        }
        let metrics = try attributes.nested(RTA_METRICS)
        self.init(
            isIPv6: family == AF_INET6_, destination: length == 0 ? [] : destination, prefixLength: length,
            gateway: try Self.gateway(attributes, family: family), link: try attributes.integer(RTA_OIF),
            metric: try attributes.integer(RTA_PRIORITY), scope: scope, proto: proto,
            onlink: flags & RTNH_F_ONLINK != 0, source: try attributes.address(RTA_PREFSRC, family: family),
            mtu: try metrics?.integer(RTAX_MTU), advmss: try metrics?.integer(RTAX_ADVMSS), table: table,
            nextHops: try Self.nextHops(attributes, family: family))
    }

    private static func gateway(_ attributes: Attributes, family: UInt8) throws -> [UInt8]? {
        if let gateway = try attributes.address(RTA_GATEWAY, family: family) { return gateway }
        guard var via = attributes.reader(RTA_VIA) else { return nil }
        let other: UInt16 = try via.read()
        return [UInt8](try via.take(addressLength(UInt8(truncatingIfNeeded: other))))
    }

    /// RTA_MULTIPATH: structs rtnexthop, each with attributes.
    private static func nextHops(_ attributes: Attributes, family: UInt8) throws -> [NextHop] {
        guard var reader = attributes.reader(RTA_MULTIPATH) else { return [] }
        var hops: [NextHop] = []
        while !reader.rest.isEmpty {
            let length = Int(try reader.read(UInt16.self))
            let flags: UInt8 = try reader.read()
            let weight = Int(try reader.read(UInt8.self)) + 1  // rtnh_hops
            let link: Int32 = try reader.read()
            guard length >= 8 else { throw reader.malformed("next hop of \(length) bytes") }
            var inner = MessageReader(try reader.take(length - 8), subject: reader.subject)
            let own = try inner.attributes()
            try reader.skipPadding(after: length)
            hops.append(
                NextHop(
                    gateway: try gateway(own, family: family), link: link,
                    onlink: UInt32(flags) & RTNH_F_ONLINK != 0, weight: weight))
        }
        return hops
    }
}
