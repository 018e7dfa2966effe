import Netlink
import Plan

/// What the calling thread's namespace has: links, routes of the main table, permanent neighbours.
public struct LiveFacts: Codable, Hashable, Sendable {
    /// By index.
    public var links: [LiveLink]
    public var routes: [LiveRoute]
    public var neighbors: [LiveNeighbor]

    public static func read() throws -> LiveFacts {
        let netlink = try NetlinkSocket()
        let links = try netlink.links()
        let addresses = try netlink.addresses()
        let names = Dictionary(links.map { ($0.index, $0.name) }) { first, _ in first }
        return LiveFacts(
            links: links.map { link in
                let own = addresses.filter { $0.link == link.index }
                return LiveLink(
                    name: link.name, kind: link.kind, mac: link.mac.flatMap(MACAddress.init(bytes:)), mtu: link.mtu,
                    isUp: link.isUp, isLoopback: link.isLoopback, master: link.master.flatMap { names[$0] },
                    arp: link.usesARP, ipvlanMode: link.ipvlanMode.map { "\($0)" },
                    allMulticast: link.takesAllMulticast,
                    addresses: own.compactMap(\.prefix),
                    noPrefixRoute: own.filter(\.hasNoPrefixRoute).compactMap(\.prefix))
            },
            routes: try netlink.routes().flatMap { LiveRoute.all($0, names) },
            neighbors: try netlink.neighbors().compactMap { LiveNeighbor($0, names) })
    }
}

public struct LiveLink: Codable, Hashable, Sendable {
    public var name: String
    /// IFLA_INFO_KIND; "device" where there is none (lo, a physical card).
    public var kind: String
    /// Absent for what is not Ethernet (tunl0, sit0).
    public var mac: MACAddress?
    public var mtu: Int
    public var isUp: Bool
    public var isLoopback: Bool
    /// The bridge or bond of which it is a port.
    public var master: String?
    /// It asks and answers by ARP and NDP.
    public var arp: Bool
    /// "l2", "l3", "l3s"; absent for all but ipvlan.
    public var ipvlanMode: String?
    /// It takes the frames of every group.
    public var allMulticast: Bool
    /// In the kernel's order, fe80::/64 included.
    public var addresses: [IPPrefix]
    /// Those of them to whose network the kernel made no route (`ip address add … noprefixroute`).
    public var noPrefixRoute: [IPPrefix]
}

/// A unicast route. One with several next hops stands here once for each.
public struct LiveRoute: Codable, Hashable, Sendable {
    /// 4 or 6.
    public var family: Int
    /// nil for the default route.
    public var destination: IPPrefix?
    /// May be IPv6 where the route is IPv4.
    public var gateway: IPAddress?
    public var dev: String?
    public var metric: UInt32?
    /// "link", "host", "universe" ("global" for ip-route(8)).
    public var scope: String
    /// As in /etc/iproute2/rt_protos: "kernel", "boot", "static", "ra", "dhcp", or the number.
    public var proto: String
    public var onlink: Bool
    public var source: IPAddress?
    public var mtu: UInt32?
    public var advmss: UInt32?
    /// The share of one of several next hops of one route (IPv4).
    public var weight: Int?
}

public struct LiveNeighbor: Codable, Hashable, Sendable {
    public var ip: IPAddress
    public var mac: MACAddress
    public var dev: String
}

extension LiveRoute {
    static func all(_ route: LinkRoute, _ names: [Int32: String]) -> [LiveRoute] {
        let hops: [(gateway: [UInt8]?, link: Int32?, onlink: Bool, weight: Int?)] =
            route.nextHops.isEmpty
            ? [(route.gateway, route.link, route.onlink, nil)]
            : route.nextHops.map { ($0.gateway, $0.link, $0.onlink, $0.weight) }
        let destination = IPAddress(bytes: route.destination).flatMap {
            IPPrefix(address: $0, length: Int(route.prefixLength))
        }
        return hops.map { hop in
            LiveRoute(
                family: route.isIPv6 ? 6 : 4, destination: destination,
                gateway: hop.gateway.flatMap(IPAddress.init(bytes:)), dev: hop.link.flatMap { names[$0] },
                metric: route.metric, scope: scopeName(route.scope ?? 0), proto: protocolName(route.proto),
                onlink: hop.onlink, source: route.source.flatMap(IPAddress.init(bytes:)), mtu: route.mtu,
                advmss: route.advmss, weight: hop.weight)
        }
    }

    private static func scopeName(_ scope: UInt8) -> String {
        switch scope {
        case 0: "universe"
        case 253: "link"
        case 254: "host"
        default: String(scope)
        }
    }

    private static func protocolName(_ number: UInt8) -> String { protocolNames[number] ?? String(number) }

    static func protocolNumber(_ name: String) -> UInt8? {
        protocolNames.first { $0.value == name }?.key ?? UInt8(name)
    }

    private static let protocolNames: [UInt8: String] = [
        1: "redirect", 2: "kernel", 3: "boot", 4: "static", 9: "ra", 16: "dhcp",
    ]
}

extension LiveNeighbor {
    init?(_ neighbor: LinkNeighbor, _ names: [Int32: String]) {
        guard let ip = IPAddress(bytes: neighbor.address), let mac = MACAddress(bytes: neighbor.mac),
            let dev = names[neighbor.link]
        else { return nil }
        self.init(ip: ip, mac: mac, dev: dev)
    }
}

extension LinkAddress {
    var prefix: IPPrefix? { IPAddress(bytes: address).flatMap { IPPrefix(address: $0, length: Int(prefixLength)) } }
}
