/// The framing of a stream: a length of four bytes in network order, then as many bytes; length 0 ends the stream.
///
/// A connection that breaks is thereby told from a stream that ends, and the connection can stay open after the end:
/// a vsock connection that is closed early loses what its other end has not read yet.
public enum Frame {
    /// The longest payload, in bytes.
    public static let longest = 64 << 10
    static let headerSize = 4

    /// The empty frame.
    public static let endOfStream: [UInt8] = [0, 0, 0, 0]

    static func header(_ length: Int) -> [UInt8] {
        [UInt8(length >> 24 & 255), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
    }
}

/// Bytes to frames.
public enum FrameEncoder {
    /// One frame. An empty payload makes none, since the empty frame means the end.
    ///
    /// - Precondition: the payload is not longer than `Frame.longest`.
    public static func frame(_ payload: some Collection<UInt8>) throws -> [UInt8] {
        guard payload.count <= Frame.longest else { throw StreamError.frameTooLong(payload.count) }
        return payload.isEmpty ? [] : Frame.header(payload.count) + payload
    }
}

/// Frames to bytes, from input cut anywhere.
public struct FrameDecoder {
    /// What the input held.
    public enum Piece: Equatable {
        /// A part of a payload; `last` where the frame ends with it.
        case bytes(ArraySlice<UInt8>, last: Bool)
        /// The empty frame. Nothing may follow it.
        case end
    }

    private var header: [UInt8] = []
    private var remaining = 0
    /// The empty frame has come.
    public private(set) var ended = false

    public init() {}

    /// The pieces in the next part of the input. Throws `StreamError` where it is not made of frames.
    public mutating func decode(_ input: ArraySlice<UInt8>) throws -> [Piece] {
        var pieces: [Piece] = []
        var rest = input
        while !rest.isEmpty {
            guard !ended else { throw StreamError.afterEnd }
            if remaining > 0 {
                let part = rest.prefix(remaining)
                rest = rest.dropFirst(part.count)
                remaining -= part.count
                pieces.append(.bytes(part, last: remaining == 0))
                continue
            }
            header.append(rest.removeFirst())
            guard header.count == Frame.headerSize else { continue }
            let length = header.reduce(0) { $0 << 8 | Int($1) }
            guard length <= Frame.longest else { throw StreamError.frameTooLong(length) }
            header = []
            remaining = length
            if length == 0 {
                ended = true
                pieces.append(.end)
            }
        }
        return pieces
    }
}

/// The other end of a connection does not keep to the protocol.
public enum StreamError: Error, Equatable, CustomStringConvertible {
    case frameTooLong(Int)
    case afterEnd
    /// The connection ended inside a stream.
    case lost
    case badMessage(String)

    public var description: String {
        switch self {
        case .frameTooLong(let length): "stream: a frame of \(length) bytes (at most \(Frame.longest))"
        case .afterEnd: "stream: bytes after its end"
        case .lost: "stream: the connection was lost"
        case .badMessage(let text): "control connection: \(text)"
        }
    }
}
