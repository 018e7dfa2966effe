import Plan

extension Facts {
    /// The planner's facts of a live namespace. What only the host knows is added by the caller.
    public init(_ live: LiveFacts, container: ContainerFacts) {
        self.init(
            container: container, links: live.links.map(LinkFact.init), routes: live.routes.compactMap(RouteFact.init),
            neighbors: live.neighbors.map { NeighborFact(ip: $0.ip, mac: $0.mac, dev: $0.dev) })
    }
}

extension HostFacts {
    /// The host's side, from the namespace that engines work in. Its addresses are the gateways of the engine's bridges,
    /// also of those networks that do not hold the container's default route.
    public static func live() throws -> HostFacts {
        let live = try LiveFacts.read()
        return HostFacts(
            links: live.links.map(\.name), addresses: live.links.flatMap(\.addresses),
            uplink: try HostNetwork.Uplink.read().map { HostFacts.Uplink(dev: $0.dev, mtu: $0.mtu) })
    }

    /// The same with what host mode needs to know: the firewall, by its programs on `path`, and forwarding.
    public static func live(forHostModeOn path: String) throws -> HostFacts {
        var facts = try live()
        let firewall = try HostFirewall.read(path: path)
        facts.firewall = firewall.name
        facts.forwardPolicy = firewall.forwardPolicy
        facts.ipForward = try ForwardingSwitch.isOn()
        facts.ipForwardWritable = ForwardingSwitch.isWritable
        return facts
    }
}

extension LinkFact {
    fileprivate init(_ link: LiveLink) {
        self.init(
            name: link.name, kind: link.isLoopback ? "loopback" : link.kind, mac: link.mac, mtu: link.mtu,
            addresses: link.addresses, master: link.master, arp: link.arp ? nil : false, mode: link.ipvlanMode,
            allMulticast: link.allMulticast ? true : nil,
            noPrefixRoute: link.noPrefixRoute.isEmpty ? nil : link.noPrefixRoute)
    }
}

extension RouteFact {
    /// nil for a route without a device: none that a guest could have.
    fileprivate init?(_ route: LiveRoute) {
        guard let dev = route.dev else { return nil }
        self.init(
            family: route.family, to: route.destination?.description ?? "default", via: route.gateway, dev: dev,
            metric: route.metric.map(Int64.init), scope: route.scope == "universe" ? nil : route.scope,
            protocol: route.proto, onlink: route.onlink ? true : nil, source: route.source,
            mtu: route.mtu.map(Int64.init), advmss: route.advmss.map(Int64.init), weight: route.weight)
    }
}
