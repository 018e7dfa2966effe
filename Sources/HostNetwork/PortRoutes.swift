import Linux
import Netlink
import Plan

/// The routes of the container's interfaces while no bridge has them: what an undo puts back, after the addresses of all.
/// One route may lead by several interfaces, and of those with one metric the first counts, whosever it is.
struct PortRoutes {
    /// In an order in which the kernel takes them: the main table lists the default route first.
    private let routes: [LinkRoute]
    private let addresses: [LinkAddress]

    private init(_ routes: [LinkRoute], _ addresses: [LinkAddress], of bridged: [Link]) {
        let ours = routes.filter { route in bridged.contains { route.leads(by: $0.index) } }
        self.routes = ours.filter(\.isDirect) + ours.filter { !$0.isDirect }
        self.addresses = addresses
    }

    /// As they are now, without those that the kernel makes of the addresses.
    init(of bridged: [Link], _ netlink: NetlinkSocket) throws {
        let addresses = try netlink.addresses()
        let routes = try netlink.routes().filter {
            $0.proto != LinkRoute.protocolKernel || $0.connectedRoute(of: addresses) == nil && !$0.isLinkLocalIPv6
        }
        self.init(routes, addresses, of: bridged)
    }

    /// As the engine had made them, after the plan: of every interface, and whether a bridge had it.
    init(_ wanted: [(nic: NIC, port: Link, isBridged: Bool)]) {
        self.init(
            wanted.flatMap { nic, port, _ in nic.linkRoutes(on: port) }.joined,
            wanted.flatMap { nic, port, _ in nic.linkAddresses(on: port) },
            of: wanted.filter(\.isBridged).map(\.port))
    }

    func restore(_ netlink: NetlinkSocket, _ errors: inout ErrorCollector) {
        for route in routes { errors.run { try netlink.ensureRoute(route, beside: addresses) } }
    }
}

extension LinkRoute {
    /// fe80::/64: the kernel makes it with the link's own address.
    fileprivate var isLinkLocalIPv6: Bool { isIPv6 && destination.first == 0xfe }
    fileprivate var isDirect: Bool { gateway == nil && nextHops.allSatisfy { $0.gateway == nil } }
}

extension NIC {
    /// As the engine had made them.
    func linkRoutes(on link: Link) -> [LinkRoute] {
        let protocols = routeProtocols ?? routes.map { _ in "boot" }
        return zip(routes, protocols).map { route, made in
            var route = route.linkRoute(on: link)
            if let number = LiveRoute.protocolNumber(made) { route.proto = number }
            return route
        }
    }
}

extension Route {
    func linkRoute(on link: Link) -> LinkRoute {
        var route = LinkRoute(
            isIPv6: isIPv6, destination: destination?.address.bytes ?? [],
            prefixLength: UInt8(truncatingIfNeeded: destination?.length ?? 0), gateway: via?.bytes, link: link.index,
            metric: metric, scope: scope == "link" ? LinkRoute.scopeLink : nil, onlink: onlink ?? false,
            source: source?.bytes, mtu: mtu, advmss: advmss)
        guard let weight, !isIPv6 else { return route }
        route.nextHops = [
            LinkRoute.NextHop(gateway: via?.bytes, link: link.index, onlink: onlink ?? false, weight: weight)
        ]
        (route.gateway, route.link, route.onlink) = (nil, nil, false)
        return route
    }
}
