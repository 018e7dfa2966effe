import Linux

/// A network interface as the kernel lists it (rtnetlink(7), RTM_NEWLINK; ip-link(8)).
public struct Link: Hashable, Sendable {
    public static let up: UInt32 = 0x1  // IFF_UP
    public static let loopback: UInt32 = 0x8  // IFF_LOOPBACK
    public static let noARP: UInt32 = 0x80  // IFF_NOARP
    public static let allMulticast: UInt32 = 0x200  // IFF_ALLMULTI
    public static let ethernet: UInt16 = 1  // ARPHRD_ETHER

    public var index: Int32
    public var name: String
    /// IFLA_INFO_KIND ("veth", "bridge", "tun" …); "device" where there is none.
    public var kind: String
    /// ARPHRD_*, as in linux/if_arp.h.
    public var type: UInt16
    /// IFLA_ADDRESS: 6 bytes for Ethernet, 4 for ipip, none for tun.
    public var address: [UInt8]
    /// In bytes.
    public var mtu: Int
    /// IFF_*.
    public var flags: UInt32
    /// The bridge or bond of which it is a port.
    public var master: Int32?
    /// IFLA_LINK: the link below a vlan or macvlan, a veth's peer.
    public var parent: Int32?
    /// Taps only.
    public var tun: TunSettings?
    /// ipvlan only.
    public var ipvlanMode: IPVLANMode?

    public init(
        index: Int32, name: String, kind: String = "device", type: UInt16 = Link.ethernet, address: [UInt8] = [],
        mtu: Int = 1500, flags: UInt32 = 0, master: Int32? = nil, parent: Int32? = nil, tun: TunSettings? = nil,
        ipvlanMode: IPVLANMode? = nil
    ) {
        self.index = index
        self.name = name
        self.kind = kind
        self.type = type
        self.address = address
        self.mtu = mtu
        self.flags = flags
        self.master = master
        self.parent = parent
        self.tun = tun
        self.ipvlanMode = ipvlanMode
    }

    public var isUp: Bool { flags & Link.up != 0 }
    public var isLoopback: Bool { flags & Link.loopback != 0 }
    /// It asks and answers by ARP and NDP.
    public var usesARP: Bool { flags & Link.noARP == 0 }
    /// It takes the frames of every group, joined or not.
    public var takesAllMulticast: Bool { flags & Link.allMulticast != 0 }
    /// The Ethernet address.
    public var mac: [UInt8]? { type == Link.ethernet && address.count == 6 ? address : nil }
}

/// IFLA_IPVLAN_MODE (Documentation/networking/ipvlan.rst).
public enum IPVLANMode: UInt16, Sendable {
    case l2 = 0
    case l3 = 1
    case l3s = 2
}

/// How a tun or tap is set up (IFLA_INFO_DATA of kind tun, since Linux 4.20).
public struct TunSettings: Hashable, Sendable {
    /// IFF_TAP, not IFF_TUN.
    public var isTap: Bool
    /// The user id that may open it (TUNSETOWNER).
    public var owner: UInt32?
    /// IFF_VNET_HDR.
    public var vnetHeader: Bool
    /// TUNSETPERSIST.
    public var persistent: Bool

    public init(isTap: Bool, owner: UInt32?, vnetHeader: Bool, persistent: Bool) {
        self.isTap = isTap
        self.owner = owner
        self.vnetHeader = vnetHeader
        self.persistent = persistent
    }
}

extension Link {
    /// The payload of an RTM_NEWLINK. Throws EBADMSG.
    init(parsing payload: ArraySlice<UInt8>) throws {
        var reader = MessageReader(payload, subject: "RTM_NEWLINK")
        _ = try reader.read(UInt16.self)  // ifi_family
        let type: UInt16 = try reader.read()
        let index: Int32 = try reader.read()
        let flags: UInt32 = try reader.read()
        _ = try reader.read(UInt32.self)  // ifi_change
        let attributes = try reader.attributes()
        let info = try attributes.nested(IFLA_LINKINFO)
        let kind = info?.text(IFLA_INFO_KIND)
        let data = try info?.nested(IFLA_INFO_DATA)
        self.init(
            index: index, name: attributes.text(IFLA_IFNAME) ?? "", kind: kind ?? "device", type: type,
            address: attributes.bytes(IFLA_ADDRESS) ?? [],
            mtu: Int(try attributes.integer(IFLA_MTU, as: UInt32.self) ?? 0), flags: flags,
            master: try attributes.integer(IFLA_MASTER), parent: try attributes.integer(IFLA_LINK),
            tun: kind == "tun" ? try data.map(TunSettings.init) : nil,
            ipvlanMode: kind == "ipvlan" ? try data?.integer(IFLA_IPVLAN_MODE).flatMap(IPVLANMode.init) : nil)
    }
}

extension TunSettings {
    init(_ data: Attributes) throws {
        self.init(
            isTap: try data.integer(IFLA_TUN_TYPE, as: UInt8.self) == 2,  // IFF_TAP
            owner: try data.integer(IFLA_TUN_OWNER),
            vnetHeader: try data.integer(IFLA_TUN_VNET_HDR, as: UInt8.self) ?? 0 != 0,
            persistent: try data.integer(IFLA_TUN_PERSIST, as: UInt8.self) ?? 0 != 0)
    }
}

extension NetlinkSocket {
    /// All links of the namespace, by index.
    public func links() throws -> [Link] { try DryRun.current?.tables(of: self).links ?? readLinks() }

    func readLinks() throws -> [Link] {
        // ip link show
        var body = MessageWriter()
        body.putLinkHeader()
        body.attribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        return try dump("RTM_GETLINK", RTM_GETLINK, answer: RTM_NEWLINK, body: body) { try Link(parsing: $0) }
    }

    /// nil where there is none.
    public func link(named name: String) throws -> Link? {
        if let dryRun = DryRun.current { return try dryRun.tables(of: self).links.first { $0.name == name } }
        // ip link show dev NAME
        var body = MessageWriter()
        body.putLinkHeader()
        body.attribute(IFLA_IFNAME, name)
        body.attribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        let answer = try ask(
            "RTM_GETLINK", on: name, RTM_GETLINK, answer: RTM_NEWLINK, absent: .noDevice, body: body)
        // The kernel also looks among the alternative names (IFLA_ALT_IFNAME).
        return try answer.map { try Link(parsing: $0) }.flatMap { $0.name == name ? $0 : nil }
    }

    /// nil where there is none.
    public func link(at index: Int32) throws -> Link? {
        if let dryRun = DryRun.current { return try dryRun.tables(of: self).links.first { $0.index == index } }
        // ip link show, by its number
        var body = MessageWriter()
        body.putLinkHeader(index: index)
        body.attribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        let answer = try ask(
            "RTM_GETLINK", on: "link \(index)", RTM_GETLINK, answer: RTM_NEWLINK, absent: .noDevice, body: body)
        return try answer.map { try Link(parsing: $0) }
    }

    /// The Ethernet link with that MAC; several links may share one (a vlan and what is below it), the first counts.
    public func link(mac: [UInt8]) throws -> Link? { try links().first { $0.mac == mac } }
}

extension MessageWriter {
    /// struct ifinfomsg.
    mutating func putLinkHeader(
        family: UInt8 = AF_UNSPEC_, index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0
    ) {
        put(family)
        put(UInt8(0))
        put(UInt16(0))
        put(index)
        put(flags)
        put(change)
    }
}
