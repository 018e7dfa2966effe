import Glibc

/// A first-in first-out buffer of limited size.
struct ByteQueue {
    private var storage: [UInt8]
    private var start = 0
    private(set) var count = 0

    init(capacity: Int) { storage = [UInt8](repeating: 0, count: capacity) }

    var isEmpty: Bool { count == 0 }
    var room: Int { storage.count - count }

    /// Takes `bytes`, which must fit in `room`.
    mutating func append(_ bytes: some Collection<UInt8>) {
        precondition(bytes.count <= room)
        if start + count + bytes.count > storage.count { compact() }
        let end = start + count
        storage.replaceSubrange(end..<end + bytes.count, with: bytes)
        count += bytes.count
    }

    /// Calls `body` with at most `limit` of the bytes, and drops as many as it returns.
    mutating func drain(limit: Int, _ body: (UnsafeRawBufferPointer) throws -> Int) rethrows {
        let range = start..<start + min(count, limit)
        let taken = try storage.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        start += taken
        count -= taken
        if count == 0 { start = 0 }
    }

    private mutating func compact() {
        storage.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            memmove(base, base + start, count)
        }
        start = 0
    }
}
