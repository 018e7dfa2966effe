import OCI

/// What the network of one VM shall be: net-plan's answer, key `network` of the document.
public struct NetworkPlan: Codable, Hashable, Sendable {
    public enum Mode: String, WordCodable, Sendable { case bridge, host, none }

    public var mode: Mode
    /// In numeric-aware order of their names: eth2 before eth10.
    public var nics: [NIC]
    public var dns: DNSPlan
    /// Host mode only.
    public var host: HostPlan?
    /// What works less well than the user may expect, a sentence each: net-plan's, then bridge-alias'.
    public var warnings: [String]

    public init(mode: Mode, nics: [NIC], dns: DNSPlan, host: HostPlan? = nil, warnings: [String] = []) {
        self.mode = mode
        self.nics = nics
        self.dns = dns
        self.host = host
        self.warnings = warnings
    }

    /// Checks what the types alone do not: names and MTUs. Throws `Failure.badInput` with the JSON path.
    func validate() throws {
        for (index, nic) in nics.enumerated() {
            let path = "network.nics.\(index)"
            try LinkName.validate(nic.name, at: "\(path).name")
            try LinkName.validate(nic.tap, at: "\(path).tap")
            try LinkName.validate(nic.attach.bridge, at: "\(path).attach.bridge")
            try LinkName.validate(nic.attach.port, at: "\(path).attach.port")
            try LinkMTU.validate(nic.mtu, at: "\(path).mtu")
            if let count = nic.routeProtocols?.count, count != nic.routes.count {
                throw Failure.badInput("\(path).routeProtocols", "\(count) for \(nic.routes.count) routes")
            }
        }
        try LinkName.validate(host?.tap, at: "network.host.tap")
        try LinkName.validate(host?.uplink, at: "network.host.uplink")
    }
}

/// One network interface of the guest.
public struct NIC: Codable, Hashable, Sendable {
    /// The interface's name in the container and in the guest.
    public var name: String
    /// The tap that the VMM opens, in the container's namespace.
    public var tap: String
    /// The container's own MAC, so that the engine's records and static neighbours stay true.
    public var guestMAC: MACAddress
    /// In bytes.
    public var mtu: Int
    /// false: the guest's interface neither asks nor answers by ARP and NDP; every frame goes to its own MAC.
    public var arp: Bool?
    public var attach: Attachment
    public var addresses: [IPPrefix]
    /// Those of them to whose network the kernel shall make no route; absent: none.
    public var noPrefixRoute: [IPPrefix]?
    /// In an order in which the kernel takes them: a link route stands before the gateway that needs it.
    public var routes: [Route]
    /// Who made each of the routes, as in `static`, `dhcp`; absent: all are `boot`'s (`ip route add`). The undo's matter alone.
    public var routeProtocols: [String]?
    /// The container's permanent neighbours.
    public var neighbors: [Neighbor]?
    /// The namespace's own address on the bridge, from which it reaches the VM.
    public var alias: IPPrefix?
    /// Why there is no alias.
    public var aliasOmitted: String?

    public init(
        name: String, tap: String, guestMAC: MACAddress, mtu: Int, attach: Attachment, addresses: [IPPrefix],
        routes: [Route], neighbors: [Neighbor]? = nil, alias: IPPrefix? = nil, aliasOmitted: String? = nil,
        arp: Bool? = nil, noPrefixRoute: [IPPrefix]? = nil, routeProtocols: [String]? = nil
    ) {
        self.name = name
        self.tap = tap
        self.guestMAC = guestMAC
        self.mtu = mtu
        self.attach = attach
        self.addresses = addresses
        self.routes = routes
        self.neighbors = neighbors
        self.alias = alias
        self.aliasOmitted = aliasOmitted
        self.arp = arp
        self.noPrefixRoute = noPrefixRoute
        self.routeProtocols = routeProtocols
    }

    /// The permanent neighbours of the guest: the container's, and the namespace's alias by the bridge's MAC, for which nobody
    /// asks on the wire.
    public var guestNeighbors: [Neighbor] {
        let own = alias.map { Neighbor(ip: $0.address, mac: DerivedMAC.bridge(for: guestMAC)) }
        return (neighbors ?? []) + [own].compactMap(\.self)
    }

    public func hasNoPrefixRoute(_ address: IPPrefix) -> Bool { noPrefixRoute?.contains(address) == true }
}

/// How the tap is joined to the container's interface.
public struct Attachment: Codable, Hashable, Sendable {
    public enum Model: String, WordCodable, Sendable { case bridge, tc, nat }

    public var model: Model
    /// The bridge that joins the two (model bridge).
    public var bridge: String?
    /// The container's interface. With model tc it keeps its MAC and addresses, and frames are redirected between it and the tap.
    public var port: String?
    /// The locally administered MAC that the container's interface gets in exchange for its own (model bridge).
    public var portMAC: MACAddress?
    /// true: the interface takes the frames of every group by its owner's wish, so that the undo leaves it so (model tc).
    public var allMulticast: Bool?

    public init(
        model: Model, bridge: String? = nil, port: String? = nil, portMAC: MACAddress? = nil,
        allMulticast: Bool? = nil
    ) {
        self.model = model
        self.bridge = bridge
        self.port = port
        self.portMAC = portMAC
        self.allMulticast = allMulticast
    }
}

/// A unicast route of the main table (ip-route(8)).
public struct Route: Codable, Hashable, Sendable {
    /// `default` or a prefix.
    public var to: String
    public var via: IPAddress?
    public var metric: UInt32?
    /// `link`, or absent for the kernel's own choice.
    public var scope: String?
    public var onlink: Bool?
    /// The preferred source address.
    public var source: IPAddress?
    /// 6 only where neither `to` nor `via` shows it; 4 for an IPv4 default route with an IPv6 gateway.
    public var family: Int?
    /// Of the packets that take it, in bytes; absent: the NIC's.
    public var mtu: UInt32?
    /// The largest TCP segment that is announced, in bytes.
    public var advmss: UInt32?
    /// One of several next hops of one IPv4 route, and its share: the others stand beside it, with other NICs too. The undo
    /// makes one route of them; the guest has one after the other, and uses the first.
    public var weight: Int?

    public init(
        to: String, via: IPAddress? = nil, metric: UInt32? = nil, scope: String? = nil, onlink: Bool? = nil,
        source: IPAddress? = nil, family: Int? = nil, mtu: UInt32? = nil, advmss: UInt32? = nil,
        weight: Int? = nil
    ) {
        self.to = to
        self.via = via
        self.metric = metric
        self.scope = scope
        self.onlink = onlink
        self.source = source
        self.family = family
        self.mtu = mtu
        self.advmss = advmss
        self.weight = weight
    }

    /// The destination; nil for `default`.
    public var destination: IPPrefix? { IPPrefix(to) }
    /// An IPv4 route may have an IPv6 gateway.
    public var isIPv6: Bool {
        destination?.address.isIPv6 ?? family.map { $0 == 6 } ?? via?.isIPv6 ?? source?.isIPv6 ?? false
    }
}

/// A neighbour with a fixed Ethernet address (ip-neighbour(8), nud permanent).
public struct Neighbor: Codable, Hashable, Sendable {
    public var ip: IPAddress
    public var mac: MACAddress

    public init(ip: IPAddress, mac: MACAddress) {
        self.ip = ip
        self.mac = mac
    }
}

/// Name resolution in the guest.
public struct DNSPlan: Codable, Hashable, Sendable {
    /// The container's /etc/resolv.conf, unchanged.
    public var resolvConf: String?
    /// The loopback servers in it, which only the container's namespace can reach.
    public var relay: [IPAddress]

    public init(resolvConf: String?, relay: [IPAddress]) {
        self.resolvConf = resolvConf
        self.relay = relay
    }
}

/// Host mode: a tap in the host's namespace behind masquerade.
public struct HostPlan: Codable, Hashable, Sendable {
    public var tap: String
    public var gateway: IPPrefix
    public var guest: IPPrefix
    /// The interface whose address the VM's traffic gets; absent where the host has no way out.
    public var uplink: String?
    /// `iptables-nft`, `iptables-legacy` or `nft`: what the rules are made with.
    public var firewall: String
    /// Ports of the host that lead to the VM.
    public var ports: [HostPort]?

    public init(
        tap: String, gateway: IPPrefix, guest: IPPrefix, uplink: String?, firewall: String, ports: [HostPort]? = nil
    ) {
        self.tap = tap
        self.gateway = gateway
        self.guest = guest
        self.uplink = uplink
        self.firewall = firewall
        self.ports = ports
    }
}

/// The kernel's rule for names of links (dev_valid_name in net/core/dev.c; "%" begins a pattern that it fills in; 0xa0
/// is a space to its isspace).
enum LinkName {
    static let longest = 15  // IFNAMSIZ - 1

    static func validate(_ name: String?, at path: String) throws {
        guard let name else { return }
        let forbidden = name.utf8.contains {
            [UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "%"), 0x7f, 0xa0].contains($0) || $0 <= 0x20
        }
        guard (1...longest).contains(name.utf8.count), !forbidden, name != ".", name != ".." else {
            throw Failure.badInput(path, "\(quoted(name)) is not a link's name (1 to 15 bytes, no space, /, : or %)")
        }
    }
}

enum LinkMTU {
    static func validate(_ mtu: Int, at path: String) throws {
        guard (68...65535).contains(mtu) else {
            throw Failure.badInput(path, "\(mtu) is not an MTU (68 to 65535 bytes)")
        }
    }
}
