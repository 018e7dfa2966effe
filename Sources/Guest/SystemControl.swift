import Glibc
import Linux
import OCI

/// Kernel settings under /proc/sys (sysctl(8)).
enum SystemControl {
    /// The file of `net.ipv4.ip_forward`; as with sysctl(8), the first separator decides which of `.` and `/` separates,
    /// so that `net/ipv4/conf/eth0.5/mtu` is possible. Throws `Failure.badInput`.
    static func path(of name: String) throws -> String {
        var name = name
        if name.first(where: { $0 == "." || $0 == "/" }) == "." {
            name = String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw Failure.badInput("guest.json.sysctl", "\"\(name)\" is not the name of a kernel setting")
        }
        return "/proc/sys/\(name)"
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
