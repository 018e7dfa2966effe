/// Which of an interface's routes the guest gets, and in which order.
enum RoutePlanner {
    /// `addresses` are the interface's own to whose networks the kernel makes routes, `owned` those of the whole VM.
    static func routes(_ facts: [RouteFact], addresses: [IPPrefix], owned: Set<IPAddress>) -> [Route] {
        let kept = facts.filter { !isKernelsOwn($0, addresses) }
        // A gateway must be reachable when its route is set: what needs no gateway comes first, each group as it stood.
        return (kept.filter { $0.via == nil } + kept.filter { $0.via != nil }).map { route($0, owned) }
    }

    /// The kernel makes connected routes from the addresses; every link has an fe80::/64 and an ff00::/8 of its own.
    /// Its other routes (to the peer of a point-to-point address, to a router's on-link prefix) the guest's would lack.
    private static func isKernelsOwn(_ fact: RouteFact, _ addresses: [IPPrefix]) -> Bool {
        guard let to = fact.destination else { return false }
        if to.address.isLinkLocalIPv6 && fact.via == nil || to.address.isIPv6 && to.address.bytes[0] == 0xff {
            return true
        }
        return fact.protocol == "kernel"
            && addresses.contains { $0.length == to.length && $0.contains(to.address) }
    }

    /// The kernel takes no source address that is not the machine's own.
    private static func route(_ fact: RouteFact, _ owned: Set<IPAddress>) -> Route {
        let shown = fact.destination?.address.isIPv6 ?? fact.via?.isIPv6 ?? false
        return Route(
            to: fact.destination?.description ?? "default", via: fact.via,
            metric: fact.metric.flatMap(UInt32.init(exactly:)).flatMap { $0 == 0 ? nil : $0 },
            scope: fact.scope == "link" ? "link" : nil, onlink: fact.onlink == true ? true : nil,
            source: fact.source.flatMap { owned.contains($0) ? $0 : nil },
            family: shown == fact.isIPv6 ? nil : fact.isIPv6 ? 6 : 4,
            protocol: fact.protocol == "boot" ? nil : fact.protocol, mtu: fact.mtu.flatMap(UInt32.init(exactly:)),
            advmss: fact.advmss.flatMap(UInt32.init(exactly:)), weight: fact.weight)
    }
}
