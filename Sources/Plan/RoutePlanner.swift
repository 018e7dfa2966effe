/// Which of an interface's routes the guest gets, and in which order.
enum RoutePlanner {
    /// `addresses` are the interface's own to whose networks the kernel makes routes.
    static func order(_ facts: [RouteFact], addresses: [IPPrefix]) -> [RouteFact] {
        var seen: Set<RouteFact> = []
        let kept = facts.filter { !isKernelsOwn($0, addresses) && seen.insert($0).inserted }
        // A gateway must be reachable when its route is set: what needs no gateway comes first, each group as it stood.
        return kept.filter { $0.via == nil } + kept.filter { $0.via != nil }
    }

    /// The kernel makes connected routes from the addresses. Its other routes (to the peer of a point-to-point address, to a
    /// router's on-link prefix) the guest's would lack.
    private static func isKernelsOwn(_ fact: RouteFact, _ addresses: [IPPrefix]) -> Bool {
        guard let to = fact.destination else { return false }
        return isOfEveryLink(fact)
            || fact.protocol == "kernel" && addresses.contains { $0.length == to.length && $0.contains(to.address) }
    }

    /// fe80::/64, ff00::/8, and what else the kernel makes for each link that speaks IPv6.
    static func isOfEveryLink(_ fact: RouteFact) -> Bool {
        guard let to = fact.destination, to.address.isLinkLocalIPv6 || to.address.isMulticastIPv6 else { return false }
        return fact.protocol == "kernel" || fact.via == nil && to.length <= 64
    }

    /// `owned` are the addresses of the whole VM: the kernel takes no source address that is not the machine's own.
    static func route(_ fact: RouteFact, owned: Set<IPAddress>) -> Route {
        let shown = fact.destination?.address.isIPv6 ?? fact.via?.isIPv6 ?? false
        return Route(
            to: fact.destination?.description ?? "default", via: fact.via,
            metric: fact.metric.flatMap(UInt32.init(exactly:)).flatMap { $0 == 0 ? nil : $0 },
            scope: fact.scope == "link" ? "link" : nil, onlink: fact.onlink == true ? true : nil,
            source: fact.source.flatMap { owned.contains($0) ? $0 : nil },
            family: shown == fact.isIPv6 ? nil : fact.isIPv6 ? 6 : 4,
            mtu: fact.mtu.flatMap(UInt32.init(exactly:)),
            advmss: fact.advmss.flatMap(UInt32.init(exactly:)), weight: fact.weight)
    }
}
