import OCI

/// What is known of a container's network: net-plan's input, read live or from a file.
///
/// Everything but `links` may be absent; the defaults are those of a plain Docker host.
public struct Facts: Codable, Hashable, Sendable {
    public var container: ContainerFacts
    public var links: [LinkFact]
    public var routes: [RouteFact]
    public var neighbors: [NeighborFact]
    /// The container's /etc/resolv.conf.
    public var resolvConf: String?
    public var host: HostFacts

    public init(
        container: ContainerFacts, links: [LinkFact], routes: [RouteFact], neighbors: [NeighborFact] = [],
        resolvConf: String? = nil, host: HostFacts = HostFacts()
    ) {
        self.container = container
        self.links = links
        self.routes = routes
        self.neighbors = neighbors
        self.resolvConf = resolvConf
        self.host = host
    }

    /// Reads facts from JSON text. Throws `Failure.badInput` with the JSON path of the fault.
    public init(parsing text: [UInt8], subject: String) throws {
        let document = try JSONValue(parsing: text, subject: subject)
        guard document.object != nil else { throw Failure.badInput(subject, "not an object") }
        self = try document.decoded(Facts.self, at: "")
        try validate()
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        links = try keys.decode([LinkFact].self, forKey: .links)
        container = try keys.decodeIfPresent(ContainerFacts.self, forKey: .container) ?? ContainerFacts()
        routes = try keys.decodeIfPresent([RouteFact].self, forKey: .routes) ?? []
        neighbors = try keys.decodeIfPresent([NeighborFact].self, forKey: .neighbors) ?? []
        resolvConf = try keys.decodeIfPresent(String.self, forKey: .resolvConf)
        host = try keys.decodeIfPresent(HostFacts.self, forKey: .host) ?? HostFacts()
    }

    /// Checks what the types alone do not: names, MTUs, and that every name used is a link's.
    func validate() throws {
        var names: Set<String> = []
        for (index, link) in links.enumerated() {
            try LinkName.validate(link.name, at: "links.\(index).name")
            guard names.insert(link.name).inserted else {
                throw Failure.badInput("links.\(index).name", "\(quoted(link.name)) is there twice")
            }
            if let mtu = link.mtu { try LinkMTU.validate(mtu, at: "links.\(index).mtu") }
            if let mac = link.mac, !mac.isUnicast, !link.addresses.isEmpty, link.kind != "loopback" {
                throw Failure.badInput("links.\(index).mac", "\(mac) is no interface's address")
            }
        }
        for (index, route) in routes.enumerated() {
            try route.validate(at: "routes.\(index)", links: names)
        }
        for (index, neighbor) in neighbors.enumerated() where !names.contains(neighbor.dev) {
            throw Failure.badInput("neighbors.\(index).dev", "\(quoted(neighbor.dev)) is not among the links")
        }
        if let uplink = host.uplink { try LinkMTU.validate(uplink.mtu, at: "host.uplink.mtu") }
    }
}

public struct ContainerFacts: Codable, Hashable, Sendable {
    public var id: String
    /// `NAME=VALUE`, of which the `RUNCVM_` ones matter.
    public var env: [String]
    /// The bounding set, as in `CAP_NET_ADMIN`.
    public var capabilities: [String]
    /// The container has no network namespace of its own.
    public var hostNetwork: Bool

    public init(id: String = "container", env: [String] = [], capabilities: [String] = [], hostNetwork: Bool = false) {
        self.id = id
        self.env = env
        self.capabilities = capabilities
        self.hostNetwork = hostNetwork
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        id = try keys.decodeIfPresent(String.self, forKey: .id) ?? "container"
        env = try keys.decodeIfPresent([String].self, forKey: .env) ?? []
        capabilities = try keys.decodeIfPresent([String].self, forKey: .capabilities) ?? []
        hostNetwork = try keys.decodeIfPresent(Bool.self, forKey: .hostNetwork) ?? false
    }

    /// The value of a variable: the last one given, as execve(2)'s callers understand it.
    public func variable(_ name: String) -> String? {
        env.last { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

/// A network interface (ip-link(8)).
public struct LinkFact: Codable, Hashable, Sendable {
    public var name: String
    /// As `ip -d link` says: `veth`, `macvlan` …; absent or `device` for hardware.
    public var kind: String?
    public var mac: MACAddress?
    public var mtu: Int?
    public var addresses: [IPPrefix]
    /// The bridge or bond whose port it is.
    public var master: String?

    public init(
        name: String, kind: String? = nil, mac: MACAddress? = nil, mtu: Int? = nil, addresses: [IPPrefix] = [],
        master: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.mac = mac
        self.mtu = mtu
        self.addresses = addresses
        self.master = master
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        name = try keys.decode(String.self, forKey: .name)
        kind = try keys.decodeIfPresent(String.self, forKey: .kind)
        mac = try keys.decodeIfPresent(MACAddress.self, forKey: .mac)
        mtu = try keys.decodeIfPresent(Int.self, forKey: .mtu)
        addresses = try keys.decodeIfPresent([IPPrefix].self, forKey: .addresses) ?? []
        master = try keys.decodeIfPresent(String.self, forKey: .master)
    }
}

/// A unicast route of the main table (ip-route(8)).
public struct RouteFact: Codable, Hashable, Sendable {
    public var family: Int?
    /// `default` or a prefix.
    public var to: String
    public var via: IPAddress?
    public var dev: String
    public var metric: Int64?
    public var scope: String?
    public var `protocol`: String?
    public var onlink: Bool?
    public var source: IPAddress?

    public init(
        family: Int? = nil, to: String, via: IPAddress? = nil, dev: String, metric: Int64? = nil,
        scope: String? = nil, protocol: String? = nil, onlink: Bool? = nil, source: IPAddress? = nil
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
    }

    var isIPv6: Bool { via?.isIPv6 ?? IPPrefix(to)?.address.isIPv6 ?? source?.isIPv6 ?? (family == 6) }

    func validate(at path: String, links: Set<String>) throws {
        guard to == "default" || IPPrefix(to) != nil else {
            throw Failure.badInput("\(path).to", "\(quoted(to)) is neither \"default\" nor a prefix like 10.0.0.0/8")
        }
        guard links.contains(dev) else {
            throw Failure.badInput("\(path).dev", "\(quoted(dev)) is not among the links")
        }
        if let family, family != 4, family != 6 { throw Failure.badInput("\(path).family", "\(family) is not 4 or 6") }
        if let metric, UInt32(exactly: metric) == nil {
            throw Failure.badInput("\(path).metric", "\(metric) is not a metric (0 to 4294967295)")
        }
        let families = [family.map { $0 == 6 }, IPPrefix(to)?.address.isIPv6, via?.isIPv6, source?.isIPv6]
        guard Set(families.compactMap { $0 }).count <= 1 else {
            throw Failure.badInput(path, "IPv4 and IPv6 in one route")
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

/// The host around the container.
public struct HostFacts: Codable, Hashable, Sendable {
    public struct Uplink: Codable, Hashable, Sendable {
        public var dev: String
        public var mtu: Int

        public init(dev: String, mtu: Int) {
            self.dev = dev
            self.mtu = mtu
        }
    }

    public var ipForward: Bool?
    public var ipForwardWritable: Bool?
    public var ipv6: Bool?
    /// `iptables-nft`, `iptables-legacy`, `both`, `nft`, `none`.
    public var firewall: String?
    public var forwardPolicy: String?
    public var links: [String]?
    public var addresses: [IPPrefix]?
    /// The interface of the host's default route.
    public var uplink: Uplink?

    public init(links: [String]? = nil, addresses: [IPPrefix]? = nil, uplink: Uplink? = nil) {
        self.links = links
        self.addresses = addresses
        self.uplink = uplink
    }
}
