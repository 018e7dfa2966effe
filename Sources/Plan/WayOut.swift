/// The source ports of name queries that an engine sends from the container's namespace under the VM's address.
///
/// Answers to them are taken out of what comes for the VM, so the VM must not use them for queries of its own.
public enum WayOutPorts {
    public static let range: ClosedRange<UInt16> = 61000...61999
    /// As the kernel and nft(8) write it.
    public static let text = text(range)
    /// Those of them that one mask tells from all others, where a u32 filter has to.
    public static let masked: ClosedRange<UInt16> = 0xf000...0xf1ff

    public static func text(_ range: ClosedRange<UInt16>) -> String { "\(range.lowerBound)-\(range.upperBound)" }
}

/// What bridge-alias made for the name queries of the container's namespace.
public struct WayOutRecord: Codable, Hashable, Sendable {
    /// Absent where there is no bridge: there the namespace has its own way to it.
    public var gateway: IPAddress?
    /// The gateway's, as it was found.
    public var mac: MACAddress?
    /// Under which the queries leave: the VM's own.
    public var address: IPAddress
    /// The source ports, as in `61000-61999`.
    public var ports: String

    public init(gateway: IPAddress? = nil, mac: MACAddress? = nil, address: IPAddress, ports: String) {
        self.gateway = gateway
        self.mac = mac
        self.address = address
        self.ports = ports
    }
}

extension DNSPlan {
    /// Docker's embedded name server, which may have to ask others from within the container's namespace.
    public static let embeddedServer = IPAddress(bytes: [127, 0, 0, 11])

    public var hasEmbeddedServer: Bool { relay.contains { $0 == Self.embeddedServer } }

    /// The guest's kernel settings, with the ports of the way out kept free beside those that the user wants free.
    public func reservingPorts(in settings: [String: String]) -> [String: String] {
        guard hasEmbeddedServer else { return settings }
        let key = "net.ipv4.ip_local_reserved_ports"
        var settings = settings
        settings[key] = [settings[key], WayOutPorts.text].compactMap(\.self).filter { !$0.isEmpty }.joined(
            separator: ",")
        return settings
    }
}
