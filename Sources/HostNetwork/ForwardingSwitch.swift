import Glibc
import Linux
import Netlink

/// net.ipv4.ip_forward of the calling thread's namespace: turned on for VMs in host mode where it was off, and turned
/// off again when the last of them has gone (Documentation/networking/ip-sysctl.rst).
///
/// The record, a file with the ids of those VMs a line each, exists only while it is we who turned it on. It is written
/// before the switch is touched, so that no crash forgets it. The caller holds `HostModeLock`.
struct ForwardingSwitch {
    let record: String
    private let directory: String
    private static let path = "/proc/sys/net/ipv4/ip_forward"

    init(in directory: String) {
        self.directory = directory
        record = "\(directory)/.ip_forward"
    }

    static func isOn() throws -> Bool { try Files.readText(path).hasPrefix("1") }

    /// False where the whole of /proc/sys is read-only, as in a container without privileges.
    static var isWritable: Bool { access(path, W_OK) == 0 }

    /// Whether this VM is among those for whose sake it is on.
    func isOn(for id: String) throws -> Bool { try users().contains(id) }

    /// Whether it is on only for the sake of VMs like this one.
    func turnOn(for id: String) throws -> Bool {
        let isOn = try Self.isOn()
        let users = try users()
        if users.isEmpty, isOn { return false }
        if !users.contains(id) { try write(users + [id]) }
        // sysctl -w net.ipv4.ip_forward=1
        if !isOn { try Self.set("1") }
        return true
    }

    func release(_ id: String) throws {
        let users = try users()
        guard users.contains(id) else { return }
        let rest = users.filter { $0 != id }
        if !rest.isEmpty { return try write(rest) }
        // sysctl -w net.ipv4.ip_forward=0
        try Self.set("0")
        if let dryRun = DryRun.current { return dryRun.addOutside(["rm", "-f", record]) }
        try Files.deleteTree(record)
    }

    private func users() throws -> [String] {
        guard Files.exists(record) else { return [] }
        return try Files.readText(record).split(separator: "\n").map(String.init)
    }

    private func write(_ users: [String]) throws {
        if let dryRun = DryRun.current {
            dryRun.addOutside(["mkdir", "-p", "-m", "700", directory])
            return dryRun.addOutside(["printf", "%s\\n"] + users, output: record)
        }
        try Files.replace(record, with: [UInt8](users.map { "\($0)\n" }.joined().utf8))
    }

    private static func set(_ value: String) throws {
        try Sysctl.write(value, to: path, remedy: "set it on the host: sysctl -w net.ipv4.ip_forward=\(value)")
    }
}
