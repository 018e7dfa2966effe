import OCI

/// RUNCVM_SYSTEMD: the image's init is PID 1 of the machine itself, and the container's command a unit of it.
public struct SystemdPlan: Codable, Hashable, Sendable {
    /// What runs as the unit `runcvm-command.service`, with whose end the machine ends; absent: the command is the init.
    public var command: OCIProcess?
    /// The init is at a terminal that somebody watches: it asks for a login there.
    public var login: Bool
    /// machine-id(5), the container's own: 32 hexadecimal digits.
    public var machineID: String

    /// Where images have systemd, the usual path first.
    public static let programs = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
    private static let inits: Set<String> = ["init", "/init", "/sbin/init", "/usr/sbin/init", "/bin/init"]

    /// Whether a command is an init already, and so needs none.
    public static func isInit(_ arguments: [String]) -> Bool {
        arguments.first.map { inits.contains($0) || $0.hasSuffix("/systemd") } ?? false
    }

    /// The same machine, given to the init: `program` where the container's command is none itself. The init is root with every
    /// capability, on writable /sys and /proc/sys and the kernel's own /dev, as on any machine; the command keeps its own user and capabilities.
    public static func handOver(_ document: GuestDocument, to program: String, container id: String) -> GuestDocument {
        var changed = document
        let command = document.process
        let isInit = isInit(command.args ?? [])
        // An image that sets `container=` for its systemd (systemd.io/CONTAINER_INTERFACE) means other machines than this one.
        var environment = (command.env ?? []).filter { !$0.hasPrefix("container=") }
        // Nobody watches: no colours.
        if isInit, command.terminal != true {
            environment = environment.filter { !$0.hasPrefix("TERM=") } + ["TERM=dumb"]
        }
        // systemd writes to a terminal only: as the container's command it has one, even where the container has none.
        changed.process = OCIProcess(
            args: isInit ? command.args ?? [] : [program], env: environment, terminal: isInit)
        changed.process.rlimits = command.rlimits
        changed.process.consoleSize = command.consoleSize
        changed.systemd = SystemdPlan(
            command: isInit ? nil : command, login: isInit && command.terminal == true, machineID: machineID(for: id))
        changed.mounts = mounts(document.mounts)
        (changed.maskedPaths, changed.readonlyPaths) = ([], [])
        // By /.dockerenv systemd would know a container.
        (changed.engineInit, changed.dockerFiles) = (nil, nil)
        return changed
    }

    private static func mounts(_ given: [OCIMount]) -> [OCIMount] {
        var mounts = given.map { mount in
            if mount.destination == "/dev", mount.type == "tmpfs" {
                return OCIMount(destination: "/dev", type: "devtmpfs", source: "devtmpfs", options: ["nosuid"])
            }
            var changed = mount
            if ["sysfs", "proc", "cgroup"].contains(mount.type) { changed.options?.removeAll { $0 == "ro" } }
            return changed
        }
        if !mounts.contains(where: { $0.destination == "/run" }) {
            mounts.append(
                OCIMount(destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755"]))
        }
        return mounts
    }

    private static func machineID(for id: String) -> String {
        [id, "machine-id \(id)"].map { text in
            let digits = String(Digest.fnv1a64(text.utf8), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
