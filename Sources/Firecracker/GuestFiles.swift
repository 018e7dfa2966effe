import Glibc
import Linux
import OCI

/// The guest's kernel as a file: what can be told of it without booting it.
public enum KernelImage {
    /// The largest that is looked into, in bytes; a distribution's is about 60 MB.
    private static let largest = 512 << 20

    /// Its release, as in `6.1.0-44-cloud-amd64`; nil where it does not say. Throws where Firecracker would not boot it.
    public static func release(of path: String) throws -> String? {
        let bytes = try Files.read(path, limit: largest)
        func word(_ offset: Int) -> Int {
            bytes.count < offset + 2 ? 0 : Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
        }
        guard bytes.starts(with: [0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F"), 2]) else {
            let isBzImage = bytes.dropFirst(0x202).starts(with: "HdrS".utf8)
            throw Failure(
                .unavailable,
                "\(path): \(isBzImage ? "a bzImage" : "not an ELF file"), and Firecracker boots an uncompressed vmlinux"
            )
        }
        // elf(5): e_type ET_EXEC, e_machine EM_X86_64.
        guard word(16) == 2, word(18) == 62 else { throw Failure(.unavailable, "\(path): not a kernel for x86-64") }
        let banner = [UInt8]("Linux version ".utf8)
        guard let start = find(banner, in: bytes) else { return nil }
        let rest = bytes[(start + banner.count)...].prefix(100).prefix { $0 > 0x20 && $0 < 0x7f }
        return String(decoding: rest, as: UTF8.self)
    }

    private static func find(_ part: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return nil }
            var position = 0
            while position + part.count <= all.count {
                guard let hit = memchr(base + position, CInt(part[0]), all.count - position - part.count + 1) else {
                    return nil
                }
                if memcmp(hit, part, part.count) == 0 { return hit - UnsafeMutableRawPointer(mutating: base) }
                position = hit - UnsafeMutableRawPointer(mutating: base) + 1
            }
            return nil
        }
    }
}

/// The files of an uncompressed initramfs: archives of cpio's format newc, one after the other
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
public struct Initramfs {
    /// The contents by path.
    public private(set) var files: [String: ArraySlice<UInt8>] = [:]

    public init(parsing bytes: [UInt8], subject: String) throws {
        var position = 0
        while position < bytes.count {
            if bytes[position] == 0 {  // Between two archives.
                position += 1
                continue
            }
            func number(_ field: Int) -> Int? {
                let start = position + 6 + field * 8
                return Int(String(decoding: bytes[start..<start + 8], as: UTF8.self), radix: 16)
            }
            guard bytes[position...].starts(with: "070701".utf8), position + Self.header <= bytes.count,
                let size = number(6), let nameSize = number(11), nameSize > 0
            else { throw Failure(.unavailable, "\(subject): not an uncompressed cpio archive (newc)") }
            let nameEnd = position + Self.header + nameSize
            let start = Self.aligned(nameEnd)
            guard start + size <= bytes.count else { throw Failure(.unavailable, "\(subject): cut off") }
            let name = String(decoding: bytes[(position + Self.header)..<(nameEnd - 1)], as: UTF8.self)
            files[name] = bytes[start..<start + size]
            position = name == Self.trailer ? start : Self.aligned(start + size)
        }
        files[Self.trailer] = nil
    }

    private static let header = 110
    private static let trailer = "TRAILER!!!"
    private static func aligned(_ offset: Int) -> Int { (offset + 3) / 4 * 4 }
}
