/// The payload of a netlink message as it is written: a fixed header, then attributes (netlink(7), rtnetlink(7)).
///
/// Integers stand in the host's byte order, attributes at multiples of four bytes.
public struct MessageWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    /// An attribute was longer than its 16-bit length can say; such a message is never sent.
    public private(set) var isTooLong = false

    public init() {}

    public mutating func put<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    public mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
        guard let length = UInt16(exactly: value.count + 4) else {
            isTooLong = true
            return
        }
        put(length)
        put(type)
        bytes += value
        pad()
    }

    public mutating func attribute<T: FixedWidthInteger>(_ type: UInt16, _ value: T) {
        attribute(type, withUnsafeBytes(of: value) { [UInt8]($0) })
    }

    /// A string attribute, with its NUL.
    public mutating func attribute(_ type: UInt16, _ text: String) {
        attribute(type, [UInt8](text.utf8) + [0])
    }

    /// An attribute whose value is what `body` writes: attributes, or a header and attributes.
    public mutating func nest(_ type: UInt16, _ body: (inout MessageWriter) -> Void) {
        var inner = MessageWriter()
        body(&inner)
        isTooLong = isTooLong || inner.isTooLong
        attribute(type, inner.bytes)
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}
