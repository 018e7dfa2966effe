import Glibc
import Linux
import OCI

/// Kernel settings under /proc/sys (sysctl(8)).
enum SystemControl {
    /// The file of `net.ipv4.ip_forward`; as with sysctl(8), the first separator decides which of `.` and `/` separates,
    /// so that `net/ipv4/conf/eth0.5/mtu` is possible. Throws `Failure.badInput`.
    static func path(of name: String) throws -> String {
        // As bytes, like the kernel's: a separator and a combining mark are one Character.
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        var bytes = Array(name.utf8)
        if bytes.first(where: { $0 == dot || $0 == slash }) == dot {
            bytes = bytes.map { $0 == dot ? slash : $0 == slash ? dot : $0 }
        }
        let parts = bytes.split(separator: slash, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != [dot] && $0 != [dot, dot] && !$0.contains(0) }) else {
            throw Failure.badInput("guest.json.sysctl", "\"\(name)\" is not the name of a kernel setting")
        }
        return "/proc/sys/" + String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ name: String, _ value: String) throws {
        try Descriptor(opening: try path(of: name), O_WRONLY).writeAll(Array(value.utf8))
    }

    /// A setting that this kernel lacks is told on the console.
    static func apply(_ settings: [String: String]) throws {
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            do {
                try write(name, value)
            } catch let error as SystemError where error.errno == .noEntry {
                Console.print("sysctl \(name): this kernel has no such setting")
            }
        }
    }
}
