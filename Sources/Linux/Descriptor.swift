import CLinux
import Glibc

/// An open file description that is closed when the last reference to it goes (open(2), close(2)).
public final class Descriptor {
    public let raw: CInt
    public let name: String

    /// Takes ownership of `raw`. `name` is what errors call it.
    public init(owning raw: CInt, name: String) {
        self.raw = raw
        self.name = name
    }

    deinit { close(raw) }

    /// open(2), with O_CLOEXEC. `flags` are O_RDONLY, O_CREAT … With that one errors say creat: a file is made or written anew.
    public convenience init(opening path: String, _ flags: CInt, mode: mode_t = 0o600, remedy: String? = nil) throws {
        let raw = try checked(flags & O_CREAT == 0 ? "open" : "creat", on: path, remedy: remedy) {
            Int(open(path, flags | O_CLOEXEC, mode))
        }
        self.init(owning: CInt(raw), name: path)
    }

    /// pipe2(2) with O_CLOEXEC: the end to read and the end to write.
    public static func pipe(name: String) throws -> (reading: Descriptor, writing: Descriptor) {
        var ends: [CInt] = [0, 0]
        try check(linux_pipe(&ends), "pipe2", on: name)
        return (Descriptor(owning: ends[0], name: name), Descriptor(owning: ends[1], name: name))
    }

    /// A file in memory (memfd_create(2)), positioned at its start.
    public static func memory(name: String, holding bytes: [UInt8] = []) throws -> Descriptor {
        let file = Descriptor(owning: try check(linux_memfd(name), "memfd_create", on: name), name: name)
        try file.writeAll(bytes)
        try checked("lseek", on: name) { Int(lseek(file.raw, 0, SEEK_SET)) }
        return file
    }

    /// All of a file that others have written to through the same description.
    public func readFromStart() throws -> [UInt8] {
        try checked("lseek", on: name) { Int(lseek(raw, 0, SEEK_SET)) }
        return try readAll()
    }

    /// Whether it is /dev/null (null(4)), as engines give it where nobody types: programs tell it from a pipe.
    public static func isNull(_ raw: CInt) -> Bool {
        var (theirs, null) = (stat(), stat())
        guard fstat(raw, &theirs) == 0, stat("/dev/null", &null) == 0 else { return false }
        return theirs.st_mode & S_IFMT == S_IFCHR && theirs.st_rdev == null.st_rdev
    }

    /// fcntl(2) F_SETFL: O_NONBLOCK. Not for a descriptor that other processes share.
    public func setNonBlocking() throws {
        let flags = try checked("F_GETFL", on: name) { Int(fcntl(raw, F_GETFL)) }
        try checked("F_SETFL", on: name) { Int(fcntl(raw, F_SETFL, CInt(flags) | O_NONBLOCK)) }
    }

    /// Everything up to the end of the file, at most `limit` bytes (EFBIG beyond that).
    public func readAll(limit: Int = 64 << 20) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            // Most files are short: no memory is touched but theirs.
            let part = try [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
                count = try checked("read", on: name) { read(raw, buffer.baseAddress, buffer.count) }
            }
            if part.isEmpty { return bytes }
            bytes += part
            guard bytes.count <= limit else { throw SystemError("read", on: name, Errno(EFBIG)) }
        }
    }

    /// So many bytes; EPIPE where the end comes before them.
    public func readExactly(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let part = try bytes.withUnsafeMutableBytes { buffer in
                try checked("read", on: name) { read(raw, buffer.baseAddress?.advanced(by: done), count - done) }
            }
            guard part > 0 else { throw SystemError("read", on: name, .brokenPipe) }
            done += part
        }
        return bytes
    }

    public func writeAll(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try checked("write", on: name) { rest.withUnsafeBytes { write(raw, $0.baseAddress, $0.count) } }
            rest = rest.dropFirst(count)
        }
    }
}
