import Glibc
import Linux
import Netlink

/// Kernel settings of the calling thread's namespace, by their paths under /proc/sys (sysctl(8)).
enum Sysctl {
    /// nil where there is no such setting.
    static func read(_ path: String) throws -> String? {
        if let said = try DryRun.current?.setting(path) { return said }
        do {
            return try Files.readText(path)
        } catch let error as SystemError where error.errno == .noEntry {
            return nil
        }
    }

    static func write(_ value: String, to path: String, remedy: String? = nil) throws {
        // sysctl -w PATH=VALUE
        if let dryRun = DryRun.current { return dryRun.set(path, to: value) }
        do {
            try Descriptor(opening: path, O_WRONLY, remedy: remedy).writeAll([UInt8](value.utf8))
        } catch var error as SystemError where error.errno == .noEntry {
            // Of the kernel's making: no input file of the user's is missing.
            error.call = "sysctl"
            throw error
        }
    }
}
