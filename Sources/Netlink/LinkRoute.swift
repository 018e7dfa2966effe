import Linux

/// A unicast route (rtnetlink(7), RTM_NEWROUTE; ip-route(8)).
public struct LinkRoute: Hashable, Sendable {
    public static let mainTable: UInt32 = 254  // RT_TABLE_MAIN
    public static let scopeUniverse: UInt8 = 0  // RT_SCOPE_UNIVERSE
    public static let scopeLink: UInt8 = 253  // RT_SCOPE_LINK
    public static let protocolKernel: UInt8 = 2  // RTPROT_KERNEL
    public static let protocolBoot: UInt8 = 3  // RTPROT_BOOT, that of ip route add

    public struct NextHop: Hashable, Sendable {
        /// 4 or 16 bytes.
        public var gateway: [UInt8]?
        /// The link's index.
        public var link: Int32
        public var onlink: Bool
        /// Its share of the traffic beside the others', 1 to 256.
        public var weight: Int

        public init(gateway: [UInt8]?, link: Int32, onlink: Bool = false, weight: Int = 1) {
            self.gateway = gateway
            self.link = link
            self.onlink = onlink
            self.weight = weight
        }
    }

    public var isIPv6: Bool
    /// 4 or 16 bytes; empty for the default route.
    public var destination: [UInt8]
    public var prefixLength: UInt8
    /// 4 or 16 bytes; an IPv4 route may have an IPv6 gateway (RTA_VIA).
    public var gateway: [UInt8]?
    /// The outgoing link's index; nil where there are several next hops.
    public var link: Int32?
    public var metric: UInt32?
    /// nil: link where there is no gateway, else universe (as ip route add).
    public var scope: UInt8?
    public var proto: UInt8
    public var onlink: Bool
    /// The preferred source address.
    public var source: [UInt8]?
    /// Of the packets that take it, in bytes; nil: the link's.
    public var mtu: UInt32?
    /// The largest TCP segment that is announced to the other side, in bytes; nil: what the MTU gives.
    public var advmss: UInt32?
    public var table: UInt32
    /// An IPv4 multipath route's; empty for all others. IPv6 has a route for each next hop.
    public var nextHops: [NextHop]

    public init(
        isIPv6: Bool, destination: [UInt8] = [], prefixLength: UInt8 = 0, gateway: [UInt8]? = nil, link: Int32?,
        metric: UInt32? = nil, scope: UInt8? = nil, proto: UInt8 = LinkRoute.protocolBoot, onlink: Bool = false,
        source: [UInt8]? = nil, mtu: UInt32? = nil, advmss: UInt32? = nil, table: UInt32 = LinkRoute.mainTable,
        nextHops: [NextHop] = []
    ) {
        self.isIPv6 = isIPv6
        self.destination = destination
        self.prefixLength = prefixLength
        self.gateway = gateway
        self.link = link
        self.metric = metric
        self.scope = scope
        self.proto = proto
        self.onlink = onlink
        self.source = source
        self.mtu = mtu
        self.advmss = advmss
        self.table = table
        self.nextHops = nextHops
    }

    public var isDefault: Bool { prefixLength == 0 }
}

extension NetlinkRequest {
    /// EEXIST where it is there. An IPv4 route with another gateway but the same destination and metric is there too.
    public static func createRoute(_ route: LinkRoute) -> NetlinkRequest {
        newRoute(route, "add", NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Stands after those with the same destination and metric; EEXIST where it is one of them. IPv6 shares the traffic
    /// among those with a gateway.
    static func appendRoute(_ route: LinkRoute) -> NetlinkRequest {
        newRoute(route, "append", NLM_F_CREATE | NLM_F_APPEND)
    }

    /// Takes the place of one with the same destination and metric.
    static func replaceRoute(_ route: LinkRoute) -> NetlinkRequest {
        newRoute(route, "replace", NLM_F_CREATE | NLM_F_REPLACE) { $0.replace(route) }
    }

    private static func newRoute(
        _ route: LinkRoute, _ word: String, _ flags: UInt16,
        effect: (@Sendable (inout NetworkTables) -> Void)? = nil
    ) -> NetlinkRequest {
        NetlinkRequest(
            "RTM_NEWROUTE", on: route.subject, RTM_NEWROUTE, flags: flags,
            as: Equivalent({ route.words(word, $0) }, effect: effect ?? { $0.add(route) })
        ) { body in
            let isDirect = route.gateway == nil && route.nextHops.isEmpty && !route.isIPv6
            body.putRoute(
                route, proto: route.proto,
                scope: route.scope ?? (isDirect ? LinkRoute.scopeLink : LinkRoute.scopeUniverse), type: RTN_UNICAST,
                flags: route.onlink ? RTNH_F_ONLINK : 0)
            let metrics = [(RTAX_MTU, route.mtu), (RTAX_ADVMSS, route.advmss)]
            guard metrics.contains(where: { $1 != nil }) else { return }
            body.nest(RTA_METRICS) { nest in
                for (type, value) in metrics { if let value { nest.attribute(type, value) } }
            }
        }
    }

    /// Already gone is fine.
    public static func deleteRoute(_ route: LinkRoute) -> NetlinkRequest {
        NetlinkRequest(
            "RTM_DELROUTE", on: route.subject, RTM_DELROUTE, accepting: [.noProcess, .noDevice],
            as: Equivalent({ route.words("delete", $0) }) { $0.delete(route) }
        ) {
            // RT_SCOPE_NOWHERE, and no protocol or type: whatever it has.
            $0.putRoute(route, proto: 0, scope: 255, type: 0, flags: 0)
        }
    }
}

extension LinkRoute {
    var subject: String {
        let to = isDefault ? "default" : "\(text(destination))/\(prefixLength)"
        return to + (gateway.map { " via \(text($0))" } ?? "")
    }

    fileprivate func words(_ verb: String, _ tables: NetworkTables) -> [String] {
        func hop(_ gateway: [UInt8]?, _ link: Int32?, _ onlink: Bool) -> [String] {
            let family = (gateway?.count == 16) == isIPv6 ? [] : ["inet6"]
            return (gateway.map { ["via"] + family + [text($0)] } ?? [])
                + (link.map { ["dev", tables.name(of: $0)] } ?? []) + (onlink ? ["onlink"] : [])
        }
        let isAdded = verb != "delete"
        return ["ip", isIPv6 ? "-6" : "-4", "route", verb]
            + [isDefault ? "default" : "\(text(destination))/\(prefixLength)"]
            + hop(gateway, link, onlink && isAdded)
            + (metric.map { ["metric", "\($0)"] } ?? [])
            + (isAdded ? scope.map { ["scope", "\($0)"] } ?? [] : [])
            + (isAdded && proto != LinkRoute.protocolBoot ? ["protocol", "\(proto)"] : [])
            + (source.map { ["src", text($0)] } ?? [])
            + (isAdded ? mtu.map { ["mtu", "\($0)"] } ?? [] : [])
            + (isAdded ? advmss.map { ["advmss", "\($0)"] } ?? [] : [])
            + (table == LinkRoute.mainTable ? [] : ["table", "\(table)"])
            + nextHops.flatMap {
                ["nexthop"] + hop($0.gateway, $0.link, $0.onlink) + ($0.weight == 1 ? [] : ["weight", "\($0.weight)"])
            }
    }
}

extension MessageWriter {
    fileprivate mutating func putRoute(_ route: LinkRoute, proto: UInt8, scope: UInt8, type: UInt8, flags: UInt32) {
        putRouteHeader(
            family: route.isIPv6 ? AF_INET6_ : AF_INET_, length: route.prefixLength,
            table: UInt8(exactly: route.table) ?? RT_TABLE_UNSPEC, proto: proto, scope: scope, type: type, flags: flags)
        if !route.isDefault { attribute(RTA_DST, route.destination) }
        putGateway(route.gateway, of: route)
        if !route.nextHops.isEmpty {
            nest(RTA_MULTIPATH) { list in route.nextHops.forEach { list.putNextHop($0, of: route) } }
        }
        if let link = route.link { attribute(RTA_OIF, link) }
        if let metric = route.metric { attribute(RTA_PRIORITY, metric) }
        if let source = route.source { attribute(RTA_PREFSRC, source) }
        attribute(RTA_TABLE, route.table)
    }

    private mutating func putGateway(_ gateway: [UInt8]?, of route: LinkRoute) {
        guard let gateway else { return }
        if (gateway.count == 16) == route.isIPv6 {
            attribute(RTA_GATEWAY, gateway)
        } else {
            nest(RTA_VIA) { via in  // struct rtvia
                via.put(UInt16(addressFamily(gateway)))
                gateway.forEach { via.put($0) }
            }
        }
    }

    /// struct rtnexthop and its attributes.
    private mutating func putNextHop(_ hop: LinkRoute.NextHop, of route: LinkRoute) {
        var gateway = MessageWriter()
        gateway.putGateway(hop.gateway, of: route)
        put(UInt16(8 + gateway.bytes.count))
        put(UInt8(hop.onlink ? RTNH_F_ONLINK : 0))
        put(UInt8(truncatingIfNeeded: hop.weight - 1))  // rtnh_hops
        put(hop.link)
        gateway.bytes.forEach { put($0) }
    }

    /// struct rtmsg.
    mutating func putRouteHeader(
        family: UInt8, length: UInt8 = 0, table: UInt8 = 0, proto: UInt8 = 0, scope: UInt8 = 0, type: UInt8 = 0,
        flags: UInt32 = 0
    ) {
        put(family)
        put(length)
        put(UInt8(0))  // rtm_src_len
        put(UInt8(0))  // rtm_tos
        put(table)
        put(proto)
        put(scope)
        put(type)
        put(flags)
    }
}
