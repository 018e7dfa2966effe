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
        try ContainerID.validate(container.id, at: "container.id")
        var names: Set<String> = []
        for (index, link) in links.enumerated() {
            try LinkName.validate(link.name, at: "links.\(index).name")
            guard names.insert(link.name).inserted else {
                throw Failure.badInput("links.\(index).name", "\(quoted(link.name)) is there twice")
            }
            try link.validate(at: "links.\(index)")
        }
        for (index, route) in routes.enumerated() {
            try route.validate(at: "routes.\(index)", links: names)
        }
        for (index, neighbor) in neighbors.enumerated() where !names.contains(neighbor.dev) {
            throw Failure.badInput("neighbors.\(index).dev", "\(quoted(neighbor.dev)) is not among the links")
        }
        if let uplink = host.uplink { try LinkMTU.validate(uplink.mtu, at: "host.uplink.mtu") }
        try LinkName.validate(host.uplink?.dev, at: "host.uplink.dev")
        try LinkName.validate(host.kept?.tap, at: "host.kept.tap")
        for (index, other) in (host.reserved ?? []).enumerated() {
            try LinkName.validate(other.tap, at: "host.reserved.\(index).tap")
        }
    }

    /// The servers of resolv.conf (resolv.conf(5)), each once.
    var nameServers: [IPAddress] {
        var servers: [IPAddress] = []
        for line in (resolvConf ?? "").split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver", let server = IPAddress(String(words[1])) else { continue }
            if !servers.contains(server) { servers.append(server) }
        }
        return servers
    }

    /// These facts as they are where those links have no IPv6.
    func withoutIPv6(on links: (String) -> Bool) -> Facts {
        var copy = self
        for index in copy.links.indices where links(copy.links[index].name) {
            copy.links[index].addresses.removeAll { $0.address.isIPv6 }
        }
        copy.routes.removeAll { links($0.dev) && ($0.isIPv6 || $0.via?.isIPv6 == true) }
        copy.neighbors.removeAll { links($0.dev) && $0.ip.isIPv6 }
        return copy
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
    /// What other VMs in host mode have been promised, made or not.
    public var reserved: [HostReservation]?
    /// What this container has from an earlier run that was not undone; it is kept.
    public var kept: HostReservation?

    public init(links: [String]? = nil, addresses: [IPPrefix]? = nil, uplink: Uplink? = nil) {
        self.links = links
        self.addresses = addresses
        self.uplink = uplink
    }
}

/// A tap, a /30 and ports of host mode that have an owner.
public struct HostReservation: Codable, Hashable, Sendable {
    public var tap: String
    /// The host's end of the tap.
    public var gateway: IPPrefix
    public var ports: [HostPort]?

    public init(_ plan: HostPlan) {
        tap = plan.tap
        gateway = plan.gateway
        ports = plan.ports
    }
}
