import OCI

/// A port of the host that leads to the VM in host mode: RUNCVM_HOST_PORTS=8080:80,53/udp.
public struct HostPort: Codable, Hashable, Sendable {
    public enum Transport: String, WordCodable, Sendable { case tcp, udp }

    public var host: UInt16
    public var guest: UInt16
    public var `protocol`: Transport

    public init(host: UInt16, guest: UInt16, protocol: Transport = .tcp) {
        self.host = host
        self.guest = guest
        self.protocol = `protocol`
    }

    static let variable = "RUNCVM_HOST_PORTS"

    /// Parses HOSTPORT[:GUESTPORT][/tcp|udp], separated by commas. Throws `Failure` of kind usage with the faulty word.
    static func list(_ text: String) throws -> [HostPort] {
        var ports: [HostPort] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let port = try HostPort(String(word))
            if let other = ports.first(where: { $0.host == port.host && $0.protocol == port.protocol }) {
                throw fault(String(word), "\(other.host)/\(other.protocol.rawValue) is there twice")
            }
            ports.append(port)
        }
        return ports
    }

    private init(_ word: String) throws {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let transport = parts.count == 2 ? Transport(rawValue: parts[1]) : .tcp else {
            throw Self.fault(word, "the protocol is tcp or udp")
        }
        let numbers = parts[0].split(separator: ":", omittingEmptySubsequences: false).map(Self.number)
        guard (1...2).contains(numbers.count), let host = numbers[0], let guest = numbers[numbers.count - 1] else {
            throw Self.fault(word, "a port is a number from 1 to 65535")
        }
        self.init(host: host, guest: guest, protocol: transport)
    }

    private static func number(_ text: Substring) -> UInt16? {
        guard !text.isEmpty, text.allSatisfy(\.isASCIIDigit), let number = UInt16(text), number > 0 else { return nil }
        return number
    }

    private static func fault(_ word: String, _ why: String) -> Failure {
        Failure(
            .usage, "\(variable): \(quoted(word)) is not HOSTPORT[:GUESTPORT][/tcp|udp], like 8080:80 or 53/udp; \(why)"
        )
    }
}
