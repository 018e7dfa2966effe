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
        guard let bytes = text.contains(":") ? Self.parseIPv6(text) : Self.parseIPv4(text) else { return nil }
        self.bytes = bytes
    }

    public var isIPv6: Bool { bytes.count == 16 }
    public var family: Int { isIPv6 ? 6 : 4 }
    /// fe80::/10 (RFC 4291 2.5.6): every link has its own, made by the kernel that owns the link.
    public var isLinkLocalIPv6: Bool { isIPv6 && bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 }
    public var isLoopback: Bool { isIPv6 ? bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1 : bytes[0] == 127 }

    /// The address as a number; for IPv6 the lower half.
    var number: UInt32? {
        isIPv6 ? nil : bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    init(number: UInt32) {
        bytes = [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }

    public var description: String {
        isIPv6 ? formatIPv6() : bytes.map(String.init).joined(separator: ".")
    }

    private static func parseIPv4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            // "010" is octal to some programs and decimal to others: refused.
            guard (1...3).contains(part.count), part.allSatisfy(\.isASCIIDigit), part.count == 1 || part.first != "0",
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func parseIPv6(_ text: String) -> [UInt8]? {
        let halves = text.components(separatedByDoubleColon: ())
        guard let halves else { return nil }
        guard let head = groups(halves.head), let tail = groups(halves.tail ?? "") else { return nil }
        if halves.tail == nil { return head.count == 16 ? head : nil }
        // "1.2.3.4::": IPv4 may only be the last of all.
        if halves.head.contains(".") { return nil }
        guard head.count + tail.count <= 14 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// The bytes of "2001:db8:1" or "ffff:192.0.2.1".
    private static func groups(_ text: String) -> [UInt8]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(".") {
                guard let tail = parseIPv4(String(part)) else { return nil }
                bytes += tail
            } else {
                guard (1...4).contains(part.count), part.allSatisfy(\.isHexDigit), part.allSatisfy(\.isASCII),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(group & 255)]
            }
        }
        return bytes.count <= 16 ? bytes : nil
    }

    private func formatIPv6() -> String {
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        if groups[..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xffff {
            return "::ffff:" + bytes[12...].map(String.init).joined(separator: ".")
        }
        // The first of the longest runs of at least two zero groups becomes "::".
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.count < 2 { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension String {
    /// The parts around the one "::"; tail is nil where there is none, the whole nil where there are two.
    fileprivate func components(separatedByDoubleColon: ()) -> (head: String, tail: String?)? {
        var rest = self[...]
        var head = ""
        while let first = rest.first {
            if rest.hasPrefix("::") {
                let tail = String(rest.dropFirst(2))
                return tail.contains("::") || tail.hasPrefix(":") ? nil : (head, tail)
            }
            head.append(first)
            rest = rest.dropFirst()
        }
        return (head, nil)
    }
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
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...3).contains(parts[1].count), parts[1].allSatisfy(\.isASCIIDigit),
            let address = IPAddress(String(parts[0])), let length = Int(parts[1])
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
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
        bytes = parts.compactMap { UInt8($0, radix: 16) }
        guard bytes.count == 6 else { return nil }
    }

    /// Group addresses (the lowest bit of the first byte) and 00:00:00:00:00:00 belong to no interface.
    public var isUnicast: Bool { bytes[0] & 1 == 0 && bytes.contains { $0 != 0 } }

    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
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
