/// Which of an interface's routes the guest gets, and in which order.
enum RoutePlanner {
    static func routes(_ facts: [RouteFact]) -> [Route] {
        let kept = facts.filter { !isKernelsOwn($0) }
        // A gateway must be reachable when its route is set: what needs no gateway comes first, each group as it stood.
        return (kept.filter { $0.via == nil } + kept.filter { $0.via != nil }).map(route)
    }

    /// The kernel makes connected routes from the addresses; every link has an fe80::/64 and an ff00::/8 of its own.
    private static func isKernelsOwn(_ fact: RouteFact) -> Bool {
        if fact.protocol == "kernel" { return true }
        guard let to = fact.destination, to.address.isIPv6 else { return false }
        return to.address.isLinkLocalIPv6 && fact.via == nil || to.address.bytes[0] == 0xff
    }

    private static func route(_ fact: RouteFact) -> Route {
        let visible = fact.via != nil || fact.destination != nil
        return Route(
            to: fact.destination?.description ?? "default", via: fact.via,
            metric: fact.metric.flatMap(UInt32.init(exactly:)).flatMap { $0 == 0 ? nil : $0 },
            scope: fact.scope == "link" ? "link" : nil, onlink: fact.onlink == true ? true : nil, source: fact.source,
            family: !visible && fact.isIPv6 ? 6 : nil)
    }
}
