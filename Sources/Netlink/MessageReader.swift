import Glibc
import Linux

/// Bytes from the kernel, read front to back with every bound checked: a short message is an error (EBADMSG), never a crash.
struct MessageReader {
    private(set) var rest: ArraySlice<UInt8>
    /// What errors call the bytes, as in "RTM_NEWLINK".
    let subject: String

    init(_ bytes: ArraySlice<UInt8>, subject: String) {
        rest = bytes
        self.subject = subject
    }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw malformed("\(count) bytes wanted, \(rest.count) left") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func read<T: FixedWidthInteger>(_ type: T.Type = T.self) throws -> T {
        integer(try take(MemoryLayout<T>.size))
    }

    /// The attributes that follow, up to the end.
    mutating func attributes() throws -> Attributes {
        var places: [(type: UInt16, place: Range<Int>)] = []
        // By places, not slices: a link has some sixty, and a list of links is most of what a verb reads.
        var place = rest.startIndex
        while place < rest.endIndex {
            guard rest.endIndex - place >= 4 else { throw malformed("4 bytes wanted, \(rest.endIndex - place) left") }
            let length = Int(half(at: place))
            let type = half(at: place + 2) & NLA_TYPE_MASK
            guard length >= 4 else { throw malformed("attribute \(type) of \(length) bytes") }
            guard length <= rest.endIndex - place else {
                throw malformed("attribute \(type) of \(length) bytes, \(rest.endIndex - place) left")
            }
            places.append((type, place + 4..<place + length))
            place += (length + 3) & ~3
        }
        defer { rest = rest.suffix(0) }
        return Attributes(bytes: rest, places: places, subject: subject)
    }

    /// 16 bits in the host's byte order.
    private func half(at place: Int) -> UInt16 {
        let value = UInt16(rest[place]) | UInt16(rest[place + 1]) << 8
        return UInt16(littleEndian: value)
    }

    /// The last attribute of a message may come without its padding.
    mutating func skipPadding(after length: Int) throws {
        rest = rest.dropFirst((4 - length % 4) % 4)
    }

    func malformed(_ what: String) -> SystemError {
        SystemError("netlink", on: subject, Errno(EBADMSG), remedy: what)
    }
}

/// An integer in the host's byte order; missing upper bytes are 0.
private func integer<T: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>) -> T {
    var value: T = 0
    withUnsafeMutableBytes(of: &value) { target in
        target.copyBytes(from: bytes.prefix(target.count))
    }
    return value
}

/// The attributes of one message or nest by their kind; of several of one kind the last counts, as in the kernel.
struct Attributes {
    private let bytes: ArraySlice<UInt8>
    // In the kernel's order: only a few are asked for.
    private let places: [(type: UInt16, place: Range<Int>)]
    private let subject: String

    init(bytes: ArraySlice<UInt8>, places: [(type: UInt16, place: Range<Int>)], subject: String) {
        self.bytes = bytes
        self.places = places
        self.subject = subject
    }

    private func slice(_ type: UInt16) -> ArraySlice<UInt8>? {
        places.last { $0.type == type }.map { bytes[$0.place] }
    }

    func bytes(_ type: UInt16) -> [UInt8]? { slice(type).map { [UInt8]($0) } }

    func integer<T: FixedWidthInteger>(_ type: UInt16, as: T.Type = T.self) throws -> T? {
        guard let value = slice(type) else { return nil }
        var reader = MessageReader(value, subject: subject)
        return try reader.read(T.self)
    }

    /// A string up to its NUL.
    func text(_ type: UInt16) -> String? {
        slice(type).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func reader(_ type: UInt16) -> MessageReader? { slice(type).map { MessageReader($0, subject: subject) } }

    func nested(_ type: UInt16) throws -> Attributes? {
        guard var inner = reader(type) else { return nil }
        return try inner.attributes()
    }

    /// An address of 4 or 16 bytes, whatever the family allows.
    func address(_ type: UInt16, family: UInt8) throws -> [UInt8]? {
        guard let value = bytes(type) else { return nil }
        guard value.count == addressLength(family) else {
            throw MessageReader([], subject: subject).malformed("address of \(value.count) bytes, family \(family)")
        }
        return value
    }
}

/// The bytes of an address: 4 for AF_INET, 16 for AF_INET6, 0 for what is neither.
func addressLength(_ family: UInt8) -> Int {
    switch family {
    case AF_INET_: 4
    case AF_INET6_: 16
    default: 0
    }
}

/// AF_INET6 for 16 bytes, AF_INET otherwise.
func addressFamily(_ address: [UInt8]) -> UInt8 { address.count == 16 ? AF_INET6_ : AF_INET_ }
