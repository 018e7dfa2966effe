import OCI

/// A unicast route of the main table (ip-route(8)).
public struct RouteFact: Codable, Hashable, Sendable {
    public var family: Int?
    /// `default`, a prefix, or one host's address (as ip-route(8) shows a /32).
    public var to: String
    public var via: IPAddress?
    public var dev: String
    public var metric: Int64?
    public var scope: String?
    public var `protocol`: String?
    public var onlink: Bool?
    public var source: IPAddress?
    /// Of the packets that take the route, in bytes; absent: the link's.
    public var mtu: Int64?
    /// The largest TCP segment that is announced, in bytes.
    public var advmss: Int64?
    /// One of several next hops of one IPv4 route (`nexthop … weight`); the others are routes of their own, but for dev, via
    /// and onlink the same.
    public var weight: Int?
    /// As in `blackhole`; absent: `unicast`, and nothing else can be planned. The same holds of `table` and `main`.
    public var type: String?
    public var table: String?

    public init(
        family: Int? = nil, to: String, via: IPAddress? = nil, dev: String, metric: Int64? = nil,
        scope: String? = nil, protocol: String? = nil, onlink: Bool? = nil, source: IPAddress? = nil,
        mtu: Int64? = nil, advmss: Int64? = nil, weight: Int? = nil
    ) {
        self.family = family
        self.to = to
        self.via = via
        self.dev = dev
        self.metric = metric
        self.scope = scope
        self.protocol = `protocol`
        self.onlink = onlink
        self.source = source
        self.mtu = mtu
        self.advmss = advmss
        self.weight = weight
    }

    /// nil for the default route.
    var destination: IPPrefix? { prefix.flatMap { $0.length == 0 ? nil : $0 } }

    /// An IPv4 route may have an IPv6 gateway.
    var isIPv6: Bool {
        prefix?.address.isIPv6 ?? family.map { $0 == 6 } ?? via?.isIPv6 ?? source?.isIPv6 ?? false
    }

    private var prefix: IPPrefix? {
        IPPrefix(to) ?? IPAddress(to).flatMap { IPPrefix(address: $0, length: $0.bytes.count * 8) }
    }

    func validate(at path: String, links: Set<String>) throws {
        guard to == "default" || prefix != nil else {
            throw Failure.badInput("\(path).to", "\(quoted(to)) is neither \"default\" nor a prefix like 10.0.0.0/8")
        }
        if let prefix, !prefix.isNetwork {
            throw Failure.badInput("\(path).to", "\(quoted(to)) is an address in a network, not a network")
        }
        for (key, value, only) in [("type", type, "unicast"), ("table", table, "main")] where value ?? only != only {
            throw Failure.badInput(
                "\(path).\(key)", "\(quoted(value ?? "")): a VM gets \(only) routes alone; leave it out")
        }
        guard links.contains(dev) else {
            throw Failure.badInput("\(path).dev", "\(quoted(dev)) is not among the links")
        }
        if let family, family != 4, family != 6 { throw Failure.badInput("\(path).family", "\(family) is not 4 or 6") }
        if let metric, UInt32(exactly: metric) == nil {
            throw Failure.badInput("\(path).metric", "\(metric) is not a metric (0 to 4294967295)")
        }
        let families = [family.map { $0 == 6 }, prefix?.address.isIPv6, source?.isIPv6].compactMap(\.self)
        guard families.allSatisfy({ $0 == isIPv6 }), !isIPv6 || via?.isIPv6 != false else {
            throw Failure.badInput(path, "IPv4 and IPv6 in one route")
        }
        for (key, value) in [("mtu", mtu), ("advmss", advmss)] {
            guard let value, !(1...65535).contains(value) else { continue }
            throw Failure.badInput("\(path).\(key)", "\(value) is not a number of bytes (1 to 65535)")
        }
        if let weight, !(1...256).contains(weight) {
            throw Failure.badInput("\(path).weight", "\(weight) is not a weight (1 to 256)")
        }
        if let scope, !["link", "global", "host", "site", "universe"].contains(scope) {
            throw Failure.badInput("\(path).scope", "\(quoted(scope)) is not a scope (link, global, host, site)")
        }
    }
}

/// A permanent neighbour (ip-neighbour(8)), as swarm's overlay networks program them.
public struct NeighborFact: Codable, Hashable, Sendable {
    public var ip: IPAddress
    public var mac: MACAddress
    public var dev: String

    public init(ip: IPAddress, mac: MACAddress, dev: String) {
        self.ip = ip
        self.mac = mac
        self.dev = dev
    }
}
