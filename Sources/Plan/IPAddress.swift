import Glibc
import OCI

/// An IPv4 or IPv6 address, in the text forms of RFC 791 and RFC 5952.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16 bytes in network order.
    public let bytes: [UInt8]

    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    public init?(_ text: String) {
        // inet_pton(3) reads up to a NUL.
        guard !text.utf8.contains(0) else { return nil }
        let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
        self.bytes = bytes
    }

    public var isIPv6: Bool { bytes.count == 16 }
    public var family: Int { isIPv6 ? 6 : 4 }
    /// fe80::/10 (RFC 4291 2.5.6): every link has its own, made by the kernel that owns the link.
    public var isLinkLocalIPv6: Bool { isIPv6 && bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 }
    /// ff00::/8.
    var isMulticastIPv6: Bool { isIPv6 && bytes[0] == 0xff }
    /// One interface's: neither a group's, nor 0.0.0.0 or ::.
    var isUnicast: Bool { (isIPv6 ? bytes[0] != 0xff : bytes[0] & 0xf0 != 0xe0) && bytes.contains { $0 != 0 } }
    public var isLoopback: Bool { isIPv6 ? bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1 : bytes[0] == 127 }

    /// The address as a number; for IPv6 the lower half.
    var number: UInt32? {
        isIPv6 ? nil : bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    init(number: UInt32) {
        bytes = [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }

    public var description: String {
        // "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" and a NUL: INET6_ADDRSTRLEN.
        var text = [CChar](repeating: 0, count: 46)
        return text.withUnsafeMutableBufferPointer { text in
            inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, text.baseAddress, socklen_t(text.count)).map {
                String(cString: $0)
            }
                ?? ""
        }
    }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

/// An address with the length of its network's prefix, as in `172.17.0.2/16` (CIDR, RFC 4632).
public struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress
    public let length: Int

    public init?(address: IPAddress, length: Int) {
        guard (0...address.bytes.count * 8).contains(length) else { return nil }
        self.address = address
        self.length = length
    }

    public init?(_ text: String) {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        let digits = text.utf8[slash...].dropFirst()
        guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ isdigit(CInt($0)) != 0 }),
            let address = IPAddress(String(text[..<slash])), let length = Int(Substring(digits))
        else { return nil }
        self.init(address: address, length: length)
    }

    public func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return (0..<address.bytes.count).allSatisfy { index in
            let bits = min(8, max(0, length - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xff00 >> bits)
            return (other.bytes[index] ^ address.bytes[index]) & mask == 0
        }
    }

    /// No bit behind the prefix is set.
    var isNetwork: Bool {
        address.bytes.enumerated().allSatisfy { index, byte in
            let bits = min(8, max(0, length - index * 8))
            return byte & UInt8(truncatingIfNeeded: 0xff >> bits) == 0
        }
    }

    public var description: String { "\(address)/\(length)" }
}

/// An Ethernet address, written as `02:42:ac:11:00:02`.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]

    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 6, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy { isxdigit(CInt($0)) != 0 } }) else {
            return nil
        }
        bytes = parts.compactMap { UInt8(Substring($0), radix: 16) }
        guard bytes.count == 6 else { return nil }
    }

    /// Group addresses (the lowest bit of the first byte) and 00:00:00:00:00:00 belong to no interface.
    public var isUnicast: Bool { bytes[0] & 1 == 0 && bytes.contains { $0 != 0 } }

    public var description: String {
        var text = ""
        for byte in bytes { text += (text.isEmpty ? "" : ":") + (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return text
    }
}

/// A value that stands in JSON as one string.
protocol TextCodable: Codable, CustomStringConvertible {
    init?(_ text: String)
    static var wanted: String { get }
}

extension TextCodable {
    public init(from decoder: any Decoder) throws { self = try Self.decoded(from: decoder) }

    fileprivate static func decoded(from decoder: any Decoder) throws -> Self {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\(quoted(text)) is not \(Self.wanted)")
        }
        return value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A few words, one of which stands in JSON.
protocol WordCodable: TextCodable, RawRepresentable<String>, CaseIterable {}

extension WordCodable {
    init?(_ text: String) { self.init(rawValue: text) }
    public var description: String { rawValue }
    static var wanted: String {
        let words = allCases.map(\.rawValue)
        return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }

    // Else it is the compiler's choice between RawRepresentable's and TextCodable's.
    public init(from decoder: any Decoder) throws { self = try Self.decoded(from: decoder) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// A piece of the user's text for an error message: one line, and short.
func quoted(_ text: String) -> String { "\"\(oneLine(text))\"" }

/// The same without quotation marks.
func oneLine(_ text: String) -> String { Failure.oneLine(text, longest: 60) }

extension IPAddress: TextCodable { static var wanted: String { "an IP address" } }
extension IPPrefix: TextCodable { static var wanted: String { "an address with a prefix length, like 10.0.0.2/8" } }
extension MACAddress: TextCodable { static var wanted: String { "an Ethernet address, like 02:42:ac:11:00:02" } }
