import Glibc
import Linux
import OCI
import Plan

/// What init lays in the image's root before the image's systemd starts there: as little as keeps the machine the container's.
enum SystemdUnit {
    static let name = "runcvm-command.service"
    /// In the container's /run.
    static let folder = "/run/runcvm"
    static let program = "\(folder)/runcvm"
    static let command = "\(folder)/command.json"
    /// The one folder that an administrator's own files in /etc do not hide (systemd.unit(5): system.control).
    private static let units = "/run/systemd/system.control"

    /// What would undo the network, the names and resolv.conf that Docker gave, wait for a terminal that nobody watches, or take
    /// the vsock port that is ours.
    private static let masked = [
        "systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service",
        "systemd-network-generator.service", "systemd-resolved.service", "NetworkManager.service",
        "NetworkManager-wait-online.service", "networking.service", "ifup@.service", "network.service",
        "dhcpcd.service", "dhcpcd@.service", "connman.service", "wicked.service", "resolvconf.service",
        "cloud-init.target", "cloud-init.service", "cloud-init-local.service", "cloud-init-main.service",
        "cloud-init-network.service", "cloud-config.service", "cloud-final.service", "serial-getty@ttyS0.service",
        "getty@tty1.service", "sshd-vsock.socket",
    ]

    /// After /run and /proc are mounted.
    static func lay(_ plan: SystemdPlan, _ document: GuestDocument) throws {
        for name in masked { try link("\(units)/\(name)", to: "/dev/null") }
        let release = try Files.readText("/proc/sys/kernel/osrelease").split(separator: "\n").first ?? ""
        if !Files.exists("/lib/modules/\(release)") {
            try link("\(units)/systemd-modules-load.service", to: "/dev/null")
        }
        // Interfaces have their names already (systemd.link(5)).
        try link("/run/udev/rules.d/80-net-setup-link.rules", to: "/dev/null")
        if plan.login {
            try link(
                "\(units)/getty.target.wants/console-getty.service", to: "/usr/lib/systemd/system/console-getty.service"
            )
        }
        // The kernel's `quiet` is about the kernel. On the machine's own console each byte would cost time, and nobody reads it.
        let showStatus = plan.command == nil ? "yes" : "no"
        try write("/run/systemd/system.conf.d/runcvm.conf", "[Manager]\nShowStatus=\(showStatus)\n")
        // The last file in its order wins over the image's (sysctl.d(5)).
        let settings = document.sysctl.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        try write("/run/sysctl.d/zz-runcvm.conf", settings)
        let machineID = Array("\(plan.machineID)\n".utf8)
        // A disk that is full since an earlier start has it already.
        if ImagePath.contents(of: "/etc/machine-id", limit: 4096) != machineID {
            try write("/etc/machine-id", plan.machineID + "\n", mode: 0o444)
        }
        if let limit = document.pidsLimit {
            // Of services and of logins: the limit of all would count the kernel's own threads too.
            for slice in ["system.slice", "user.slice"] {
                try write("\(units)/\(slice).d/runcvm.conf", "[Slice]\nTasksMax=\(limit)\n")
            }
        }
        // By it systemd would know a container.
        if unlink("/.dockerenv") != 0, errno != ENOENT { throw SystemError("unlink", on: "/.dockerenv", .current) }
    }

    /// The container's command, for guest-command, and the unit that runs it.
    static func lay(_ command: UnitCommand) throws {
        try Files.ensureDirectory(folder, mode: 0o700)
        try Files.overwrite(Self.command, with: try JSONValue(encoding: command).serialized())
        try write("\(units)/\(name)", text)
        try link("\(units)/default.target.wants/\(name)", to: "../\(name)")
    }

    /// As with Docker, the command's end is the end of all; its processes have no limit but the container's; and how long it may
    /// take to stop is for `docker stop -t` to say.
    private static let text = """
        [Unit]
        Description=The container's command
        After=default.target
        SuccessAction=poweroff
        FailureAction=poweroff

        [Service]
        ExecStart=\(program) guest-command
        ExecStopPost=\(program) guest-command --ended
        KillMode=mixed
        TimeoutStopSec=infinity
        TasksMax=infinity
        OOMPolicy=continue
        """ + "\n"

    private static func write(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
        if let folder = Files.parent(of: path) { try Files.ensureDirectory(folder) }
        try Files.replace(path, with: Array(text.utf8), mode: mode)
    }

    private static func link(_ path: String, to target: String) throws {
        if let folder = Files.parent(of: path) { try Files.ensureDirectory(folder) }
        if symlink(target, path) != 0, errno != EEXIST { throw SystemError("symlink", on: path, .current) }
    }
}
