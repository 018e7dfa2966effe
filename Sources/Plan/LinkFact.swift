import OCI

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
    /// false: it neither asks nor answers by ARP and NDP, as an ipvlan in mode l3.
    public var arp: Bool?
    /// An ipvlan's: `l2`, `l3`, `l3s`.
    public var mode: String?
    /// true: it takes the frames of every group (`ip link set NAME allmulticast on`).
    public var allMulticast: Bool?
    /// Those of the addresses to whose network the kernel made no route (`ip address add … noprefixroute`).
    public var noPrefixRoute: [IPPrefix]?

    public init(
        name: String, kind: String? = nil, mac: MACAddress? = nil, mtu: Int? = nil, addresses: [IPPrefix] = [],
        master: String? = nil, arp: Bool? = nil, mode: String? = nil, allMulticast: Bool? = nil,
        noPrefixRoute: [IPPrefix]? = nil
    ) {
        self.name = name
        self.kind = kind
        self.mac = mac
        self.mtu = mtu
        self.addresses = addresses
        self.master = master
        self.arp = arp
        self.mode = mode
        self.allMulticast = allMulticast
        self.noPrefixRoute = noPrefixRoute
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        name = try keys.decode(String.self, forKey: .name)
        kind = try keys.decodeIfPresent(String.self, forKey: .kind)
        // A tunnel's is the address of its end, as in 0.0.0.0.
        mac = Self.isStub(name, kind) ? nil : try keys.decodeIfPresent(MACAddress.self, forKey: .mac)
        mtu = try keys.decodeIfPresent(Int.self, forKey: .mtu)
        addresses = try keys.decodeIfPresent([IPPrefix].self, forKey: .addresses) ?? []
        master = try keys.decodeIfPresent(String.self, forKey: .master)
        arp = try keys.decodeIfPresent(Bool.self, forKey: .arp)
        mode = try keys.decodeIfPresent(String.self, forKey: .mode)
        allMulticast = try keys.decodeIfPresent(Bool.self, forKey: .allMulticast)
        noPrefixRoute = try keys.decodeIfPresent([IPPrefix].self, forKey: .noPrefixRoute)
    }

    /// No VM can have a copy of it, whatever its address: the loopback, tunnels, and what else carries no Ethernet.
    var isStub: Bool { Self.isStub(name, kind) }

    private static func isStub(_ name: String, _ kind: String?) -> Bool {
        name == "lo" || stubKinds.contains(kind ?? "")
    }

    /// A tun has no address, a tap (rootless podman's interface) has one. A netkit link in its default mode shows
    /// 00:00:00:00:00:00, and moves packets without any.
    var carriesEthernet: Bool { !isStub && mac?.isUnicast == true }

    /// An ipvlan in mode l3 or l3s never does.
    var usesARP: Bool { arp ?? !(kind == "ipvlan" && ["l3", "l3s"].contains(mode)) }

    /// IPv6 needs 1280 bytes (RFC 8200 section 5): the kernel has none of its addresses on such a link.
    var isTooSmallForIPv6: Bool {
        (mtu ?? 1500) < 1280 && addresses.contains { $0.address.isIPv6 && !$0.address.isLinkLocalIPv6 }
    }

    /// Kinds that the kernel makes by itself in every namespace, or that carry no Ethernet frames.
    static let stubKinds: Set<String> = [
        "loopback", "ipip", "sit", "ip6tnl", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan", "vti",
        "vti6", "wireguard", "ppp", "xfrm", "nlmon", "ifb", "teql", "vrf", "can", "vcan", "vxcan", "ipoib",
    ]

    /// Kinds that have an Ethernet address at all times.
    static let ethernetKinds: Set<String> = ["veth", "macvlan", "ipvlan", "vlan", "bridge", "bond"]

    func validate(at path: String) throws {
        if let mtu {
            // lo has 65536, tunl0 may have 0.
            if !isStub {
                try LinkMTU.validate(mtu, at: "\(path).mtu")
            } else if UInt32(exactly: mtu) == nil {
                throw Failure.badInput("\(path).mtu", "\(mtu) is not an MTU")
            }
        }
        guard !isStub, !addresses.isEmpty else { return }
        for (index, address) in addresses.enumerated() where !address.address.isUnicast {
            throw Failure.badInput("\(path).addresses.\(index)", "\(address) is no interface's address")
        }
        if let mac, mac.bytes[0] & 1 == 1 {
            throw Failure.badInput("\(path).mac", "\(mac) is a group's address, no interface's")
        }
        guard let kind, Self.ethernetKinds.contains(kind) else { return }
        if let mac, !mac.isUnicast { throw Failure.badInput("\(path).mac", "\(mac) is no interface's address") }
        if mac == nil {
            throw Failure.badInput("\(path).mac", "missing, and a \(kind) link has one")
        }
    }
}
