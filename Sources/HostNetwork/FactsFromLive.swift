import Plan

extension Facts {
    /// The planner's facts of a live namespace. What only the host knows is added by the caller.
    public init(_ live: LiveFacts, container: ContainerFacts) {
        self.init(
            container: container, links: live.links.map(LinkFact.init), routes: live.routes.compactMap(RouteFact.init),
            neighbors: live.neighbors.map { NeighborFact(ip: $0.ip, mac: $0.mac, dev: $0.dev) })
    }
}

extension LinkFact {
    fileprivate init(_ link: LiveLink) {
        self.init(
            name: link.name, kind: link.isLoopback ? "loopback" : link.kind, mac: link.mac, mtu: link.mtu,
            addresses: link.addresses, master: link.master)
    }
}

extension RouteFact {
    /// nil for a route without a device: none that a guest could have.
    fileprivate init?(_ route: LiveRoute) {
        guard let dev = route.dev else { return nil }
        self.init(
            family: route.family, to: route.destination?.description ?? "default", via: route.gateway, dev: dev,
            metric: route.metric.map(Int64.init), scope: route.scope == "universe" ? nil : route.scope,
            protocol: route.proto, onlink: route.onlink ? true : nil, source: route.source)
    }
}
