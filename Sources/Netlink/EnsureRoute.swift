import Linux

extension NetlinkSocket {
    /// Sets a route, after those with the same destination and metric that lead elsewhere. One that leads the same way stays
    /// as it is.
    public func ensureRoute(_ route: LinkRoute) throws {
        let rivals = try routes(table: route.table).filter(route.isInPlace)
        if rivals.contains(where: { $0.ways == route.ways }) { return }
        // EXCL refuses any second one, whatever its gateway.
        try perform(
            (rivals.isEmpty ? NetlinkRequest.createRoute : NetlinkRequest.appendRoute)(route).accepting(.exists))
    }

    /// Sets a route where links have these addresses. With an address the kernel makes a route to its network; where the
    /// link's owner had put another in that one's place, ours takes it too.
    public func ensureRoute(_ route: LinkRoute, beside addresses: [LinkAddress]) throws {
        guard let connected = route.connectedRoute(of: addresses) else { return try ensureRoute(route) }
        try perform(.replaceRoute(route))
        // IPv6 knows both apart by their metrics, and would prefer the kernel's.
        if route.isIPv6, route.metric != connected.metric { try perform(.deleteRoute(connected)) }
    }
}

extension LinkRoute {
    private static let connectedIPv6: UInt32 = 256  // IP6_RT_PRIO_ADDRCONF

    /// The kernel's own to the same network by the same link, which this one cannot stand beside.
    public func connectedRoute(of addresses: [LinkAddress]) -> LinkRoute? {
        let metric = isIPv6 ? Self.connectedIPv6 : nil
        guard table == Self.mainTable, !isDefault, isIPv6 || (self.metric ?? 0) == 0,
            addresses.contains(where: {
                $0.link == link && !$0.hasNoPrefixRoute && $0.prefixLength == prefixLength && $0.network == destination
            })
        else { return nil }
        return LinkRoute(
            isIPv6: isIPv6, destination: destination, prefixLength: prefixLength, link: link, metric: metric)
    }

    /// No metric is 0 with IPv4, and 1024 with IPv6.
    private var priority: UInt32 { metric.flatMap { $0 == 0 ? nil : $0 } ?? (isIPv6 ? 1024 : 0) }

    /// The kernel's order of precedence does not tell the two apart.
    func isInPlace(_ other: LinkRoute) -> Bool {
        isIPv6 == other.isIPv6 && table == other.table && destination == other.destination
            && prefixLength == other.prefixLength && priority == other.priority
    }

    /// Where it leads, whatever the shares.
    var ways: Set<NextHop> {
        if let link { return [NextHop(gateway: gateway, link: link)] }
        return Set(nextHops.map { NextHop(gateway: $0.gateway, link: $0.link) })
    }

    public func leads(by link: Int32) -> Bool { ways.contains { $0.link == link } }

    /// IPv6's next hops as the routes that they are to the kernel, which lists them as one.
    var apart: [LinkRoute] {
        guard isIPv6, !nextHops.isEmpty else { return [self] }
        return nextHops.map { hop in
            var route = self
            (route.gateway, route.link, route.onlink, route.nextHops) = (hop.gateway, hop.link, hop.onlink, [])
            return route
        }
    }
}

extension [LinkRoute] {
    /// Those with next hops that differ in nothing else as one route, in the place of the first.
    public var joined: [LinkRoute] {
        reduce(into: []) { joined, route in
            let same = joined.firstIndex { known in
                var copy = known
                copy.nextHops = route.nextHops
                return !known.nextHops.isEmpty && !route.nextHops.isEmpty && copy == route
            }
            if let same { joined[same].nextHops += route.nextHops } else { joined.append(route) }
        }
    }
}
