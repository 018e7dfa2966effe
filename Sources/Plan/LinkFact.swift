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
        mtu = try keys.wholeNumber(forKey: .mtu)
        addresses = try keys.decodeIfPresent([IPPrefix].self, forKey: .addresses) ?? []
        master = try keys.decodeIfPresent(String.self, forKey: .master)
    }
}
