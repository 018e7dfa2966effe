import Linux

/// A neighbour with a fixed Ethernet address (rtnetlink(7), RTM_NEWNEIGH; ip-neighbour(8), nud permanent).
public struct LinkNeighbor: Hashable, Sendable {
    /// The link's index.
    public var link: Int32
    /// 4 or 16 bytes.
    public var address: [UInt8]
    /// 6 bytes.
    public var mac: [UInt8]

    public init(link: Int32, address: [UInt8], mac: [UInt8]) {
        self.link = link
        self.address = address
        self.mac = mac
    }

    /// The payload of an RTM_NEWNEIGH; nil for what is in none of the states or no IP neighbour. Throws EBADMSG.
    init?(parsing payload: ArraySlice<UInt8>, states: UInt16 = NUD_PERMANENT) throws {
        var reader = MessageReader(payload, subject: "RTM_NEWNEIGH")
        let family: UInt8 = try reader.read()
        _ = try reader.take(3)
        let link: Int32 = try reader.read()
        let state: UInt16 = try reader.read()
        _ = try reader.read(UInt16.self)  // ndm_flags, ndm_type
        let attributes = try reader.attributes()
        guard addressLength(family) > 0, state & states != 0, let mac = attributes.bytes(NDA_LLADDR),
            let address = try attributes.address(NDA_DST, family: family)
        else { return nil }
        self.init(link: link, address: address, mac: mac)
    }
}

extension NetlinkSocket {
    /// The permanent neighbours of all links, IPv4 and IPv6.
    public func neighbors() throws -> [LinkNeighbor] {
        try DryRun.current?.tables(of: self).neighbors ?? readNeighbors()
    }

    func readNeighbors() throws -> [LinkNeighbor] {
        // ip neighbour show nud permanent
        try neighbors(in: NUD_PERMANENT)
    }

    /// A neighbour's Ethernet address, permanent or learned; nil while it is not known.
    public func mac(of address: [UInt8], on link: Link) throws -> [UInt8]? {
        // ip neighbour show ADDRESS dev NAME
        if let said = try DryRun.current?.tables(of: self).neighbors.first(where: {
            $0.link == link.index && $0.address == address
        }) {
            return said.mac
        }
        return try neighbors(in: NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)
            .first { $0.link == link.index && $0.address == address }?.mac
    }

    private func neighbors(in states: UInt16) throws -> [LinkNeighbor] {
        var body = MessageWriter()
        body.putNeighborHeader(family: AF_UNSPEC_, link: 0, state: 0, flags: 0)
        return try dump("RTM_GETNEIGH", RTM_GETNEIGH, answer: RTM_NEWNEIGH, body: body) {
            try LinkNeighbor(parsing: $0, states: states)
        }
    }
}

extension NetlinkRequest {
    /// Sets or replaces the permanent neighbour.
    public static func ensureNeighbor(_ address: [UInt8], mac: [UInt8], on link: Link) -> NetlinkRequest {
        let neighbor = LinkNeighbor(link: link.index, address: address, mac: mac)
        let words = [
            "ip", "neighbour", "replace", text(address), "lladdr", macText(mac), "dev", link.name, "nud", "permanent",
        ]
        return NetlinkRequest(
            "RTM_NEWNEIGH", on: "\(link.name) \(text(address))", RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE,
            as: Equivalent(words) { $0.replace(neighbor) }
        ) { body in
            body.putNeighborHeader(family: addressFamily(address), link: link.index, state: NUD_PERMANENT, flags: 0)
            body.attribute(NDA_DST, address)
            body.attribute(NDA_LLADDR, mac)
        }
    }

    /// Makes the kernel ask for the neighbour's Ethernet address now (ARP, NDP), from the link's own address.
    public static func askNeighbor(_ address: [UInt8], on link: Link) -> NetlinkRequest {
        // ip neighbour replace ADDRESS dev NAME nud none use
        NetlinkRequest(
            "RTM_NEWNEIGH", on: "\(link.name) \(text(address))", RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE,
            as: nil
        ) { body in
            body.putNeighborHeader(family: addressFamily(address), link: link.index, state: 0, flags: NTF_USE)
            body.attribute(NDA_DST, address)
        }
    }

    /// Already gone is fine.
    public static func deleteNeighbor(_ address: [UInt8], on link: Link) -> NetlinkRequest {
        let index = link.index
        let words = ["ip", "neighbour", "delete", text(address), "dev", link.name]
        return NetlinkRequest(
            "RTM_DELNEIGH", on: "\(link.name) \(text(address))", RTM_DELNEIGH, accepting: [.noEntry, .noDevice],
            as: Equivalent(words) { $0.deleteNeighbor(address, on: index) }
        ) { body in
            body.putNeighborHeader(family: addressFamily(address), link: link.index, state: 0, flags: 0)
            body.attribute(NDA_DST, address)
        }
    }

    /// An entry of the bridge's forwarding table that neither ages nor moves, even where `mac` speaks from another port: frames
    /// to it leave by this one.
    public static func ensureForwarding(_ mac: [UInt8], port: Link) -> NetlinkRequest {
        let words = ["bridge", "fdb", "replace", macText(mac), "dev", port.name, "master", "static", "sticky"]
        return NetlinkRequest(
            "RTM_NEWNEIGH", on: port.name, RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE, as: Equivalent(words)
        ) { body in
            let flags = NTF_MASTER | NTF_STICKY
            body.putNeighborHeader(family: AF_BRIDGE_, link: port.index, state: NUD_NOARP, flags: flags)
            body.attribute(NDA_LLADDR, mac)
        }
    }

    /// Already gone is fine.
    public static func deleteForwarding(_ mac: [UInt8], port: Link) -> NetlinkRequest {
        let words = ["bridge", "fdb", "delete", macText(mac), "dev", port.name, "master"]
        return NetlinkRequest(
            "RTM_DELNEIGH", on: port.name, RTM_DELNEIGH, accepting: [.noEntry, .noDevice], as: Equivalent(words)
        ) { body in
            body.putNeighborHeader(family: AF_BRIDGE_, link: port.index, state: NUD_NOARP, flags: NTF_MASTER)
            body.attribute(NDA_LLADDR, mac)
        }
    }
}

extension MessageWriter {
    /// struct ndmsg.
    fileprivate mutating func putNeighborHeader(family: UInt8, link: Int32, state: UInt16, flags: UInt8) {
        put(family)
        put(UInt8(0))
        put(UInt16(0))
        put(link)
        put(state)
        put(flags)
        put(UInt8(0))  // ndm_type
    }
}
