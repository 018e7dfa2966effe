import Glibc
import Linux

/// An IP address of a link (rtnetlink(7), RTM_NEWADDR; ip-address(8)).
public struct LinkAddress: Hashable, Sendable {
    public static let noDAD: UInt32 = 0x02  // IFA_F_NODAD
    public static let tentative: UInt32 = 0x40  // IFA_F_TENTATIVE
    public static let noPrefixRoute: UInt32 = 0x200  // IFA_F_NOPREFIXROUTE
    public static let permanent: UInt32 = 0x80  // IFA_F_PERMANENT

    /// The link's index.
    public var link: Int32
    /// 4 or 16 bytes.
    public var address: [UInt8]
    public var prefixLength: UInt8
    /// 4 bytes; IPv4 only.
    public var broadcast: [UInt8]?
    /// The other end of a point-to-point link (IFA_ADDRESS where it differs from IFA_LOCAL).
    public var peer: [UInt8]?
    /// RT_SCOPE_*: 0 universe, 253 link, 254 host.
    public var scope: UInt8
    /// IFA_F_*.
    public var flags: UInt32

    public init(
        link: Int32, address: [UInt8], prefixLength: UInt8, broadcast: [UInt8]? = nil, peer: [UInt8]? = nil,
        scope: UInt8 = 0, flags: UInt32 = 0
    ) {
        self.link = link
        self.address = address
        self.prefixLength = prefixLength
        self.broadcast = broadcast
        self.peer = peer
        self.scope = scope
        self.flags = flags
    }

    /// The kernel makes no route to its network.
    public var hasNoPrefixRoute: Bool { flags & Self.noPrefixRoute != 0 }
    public var isIPv6: Bool { address.count == 16 }
    /// fe80::/10: made by the kernel from the link's MAC.
    public var isLinkLocalIPv6: Bool { isIPv6 && address[0] == 0xfe && address[1] & 0xc0 == 0x80 }

    /// The address with all host bits 0.
    public var network: [UInt8] {
        address.enumerated().map { index, byte in
            byte & UInt8(truncatingIfNeeded: 0xff00 >> min(8, max(0, Int(prefixLength) - index * 8)))
        }
    }

    /// The payload of an RTM_NEWADDR; nil for another family. Throws EBADMSG.
    init?(parsing payload: ArraySlice<UInt8>) throws {
        var reader = MessageReader(payload, subject: "RTM_NEWADDR")
        let family: UInt8 = try reader.read()
        let length: UInt8 = try reader.read()
        let flags: UInt8 = try reader.read()
        let scope: UInt8 = try reader.read()
        let index: Int32 = try reader.read()
        let attributes = try reader.attributes()
        guard addressLength(family) > 0 else { return nil }
        let remote = try attributes.address(IFA_ADDRESS, family: family)
        guard let address = try attributes.address(IFA_LOCAL, family: family) ?? remote else {
            throw reader.malformed("no address")
        }
        self.init(
            link: index, address: address, prefixLength: length,
            broadcast: try attributes.address(IFA_BROADCAST, family: family), peer: remote == address ? nil : remote,
            scope: scope, flags: try attributes.integer(IFA_FLAGS) ?? UInt32(flags))
    }
}

extension NetlinkSocket {
    /// The addresses of all links, or of one, IPv4 and IPv6.
    public func addresses(of link: Link? = nil) throws -> [LinkAddress] {
        let all = try DryRun.current?.tables(of: self).addresses ?? readAddresses()
        return link.map { wanted in all.filter { $0.link == wanted.index } } ?? all
    }

    func readAddresses() throws -> [LinkAddress] {
        // ip address show
        var body = MessageWriter()
        body.putAddressHeader(family: AF_UNSPEC_, length: 0, scope: 0, link: 0)
        return try dump("RTM_GETADDR", RTM_GETADDR, answer: RTM_NEWADDR, body: body) { try LinkAddress(parsing: $0) }
    }
}

extension NetlinkRequest {
    /// EEXIST where it is there.
    public static func createAddress(_ address: LinkAddress, on link: Link) -> NetlinkRequest {
        let words =
            ["ip", "address", "add"] + address.words
            + (address.broadcast.map { ["broadcast", text($0)] } ?? [])
            + (address.scope == 0 ? [] : ["scope", "\(address.scope)"])
            + ["dev", link.name] + (address.flags & LinkAddress.noDAD == 0 ? [] : ["nodad"])
            + (address.hasNoPrefixRoute ? ["noprefixroute"] : [])
        return NetlinkRequest(
            "RTM_NEWADDR", on: "\(link.name) \(text(address.address))/\(address.prefixLength)", RTM_NEWADDR,
            flags: NLM_F_CREATE | NLM_F_EXCL, as: Equivalent(words) { $0.add(address) }
        ) { body in
            body.putAddress(address, link)
            if let broadcast = address.broadcast { body.attribute(IFA_BROADCAST, broadcast) }
            // The kernel sets the others (permanent, tentative, secondary …) itself.
            let flags = address.flags & (LinkAddress.noDAD | LinkAddress.noPrefixRoute)
            if flags != 0 { body.attribute(IFA_FLAGS, flags) }
        }
    }

    public static func ensureAddress(_ address: LinkAddress, on link: Link) -> NetlinkRequest {
        createAddress(address, on: link).accepting(.exists)
    }

    /// Already gone is fine.
    public static func deleteAddress(_ address: LinkAddress, on link: Link) -> NetlinkRequest {
        let words = ["ip", "address", "delete"] + address.words + ["dev", link.name]
        return NetlinkRequest(
            "RTM_DELADDR", on: "\(link.name) \(text(address.address))/\(address.prefixLength)", RTM_DELADDR,
            accepting: [.addressNotAvailable, .noDevice], as: Equivalent(words) { $0.delete(address) }
        ) { $0.putAddress(address, link) }
    }
}

extension LinkAddress {
    /// As ip-address(8) takes it: the prefix length goes with the peer where there is one.
    fileprivate var words: [String] {
        let local = peer == nil ? ["\(text(address))/\(prefixLength)"] : [text(address)]
        return local + (peer.map { ["peer", "\(text($0))/\(prefixLength)"] } ?? [])
    }
}

extension MessageWriter {
    /// struct ifaddrmsg.
    fileprivate mutating func putAddressHeader(family: UInt8, length: UInt8, scope: UInt8, link: Int32) {
        put(family)
        put(length)
        put(UInt8(0))
        put(scope)
        put(link)
    }

    fileprivate mutating func putAddress(_ address: LinkAddress, _ link: Link) {
        putAddressHeader(
            family: addressFamily(address.address), length: address.prefixLength, scope: address.scope,
            link: link.index)
        attribute(IFA_LOCAL, address.address)
        attribute(IFA_ADDRESS, address.peer ?? address.address)
    }
}

/// An address as errors show it (inet_ntop(3)).
func text(_ address: [UInt8]) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    guard addressLength(addressFamily(address)) == address.count,
        inet_ntop(CInt(addressFamily(address)), address, &buffer, socklen_t(buffer.count)) != nil
    else { return "?" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
