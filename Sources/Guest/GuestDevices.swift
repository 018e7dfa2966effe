import CLinux
import Glibc
import Linux
import OCI

/// What init mounts for itself, and the kernel modules that the initramfs brings along.
enum GuestDevices {
    private static let modules = "/lib/modules/runcvm"

    /// /dev, /sys, /run; /proc is there already (a constructor in CLinux mounts it).
    static func mountOwn() throws {
        for folder in ["/dev", "/sys", "/run", "/proc"] { try Files.ensureDirectory(folder) }
        let safe = LINUX_MS_NOSUID | LINUX_MS_NOEXEC
        // CONFIG_DEVTMPFS_MOUNT does not cover an initramfs; where /dev is mounted already, EBUSY is fine.
        try ensure("devtmpfs", at: "/dev", LINUX_MS_NOSUID)
        try ensure("sysfs", at: "/sys", safe | LINUX_MS_NODEV)
        try FileSystem.mount("tmpfs", at: "/run", LINUX_MS_NOSUID | LINUX_MS_NODEV, data: "mode=755")
        try Files.ensureDirectory("/dev/pts")
        try ensure("devpts", at: "/dev/pts", safe, data: "mode=620,ptmxmode=666")
    }

    private static func ensure(_ type: String, at target: String, _ flags: UInt, data: String = "") throws {
        do {
            try FileSystem.mount(type, at: target, flags, data: data)
        } catch let error as SystemError where error.errno == .busy {}
    }

    /// Makes the console our stdin, stdout and stderr; /dev/null where there is none (Firecracker without a UART).
    static func openConsole() {
        for (path, descriptors) in [("/dev/null", 0...2), ("/dev/console", 1...2)] {
            let raw = open(path, O_RDWR | O_NOCTTY)
            guard raw >= 0 else { continue }
            for descriptor in descriptors where raw != descriptor { dup2(raw, CInt(descriptor)) }
            if raw > 2 { close(raw) }
        }
    }

    /// Loads the modules in the order that the file `order` gives; without the folder the kernel has all built in.
    static func loadModules() throws {
        guard Files.exists(modules) else { return }
        for name in try Files.readText("\(modules)/order").split(separator: "\n") {
            let path = "\(modules)/\(name)"
            let file = try Descriptor(opening: path, O_RDONLY)
            let result = linux_finit_module(file.raw, "")
            if result != -EEXIST { try check(result, "finit_module", on: path) }
        }
    }

    /// Devices appear a moment after their driver's module is loaded.
    static func wait(for path: String, remedy: String? = nil) throws {
        for _ in 0..<1000 {
            if Files.exists(path) { return }
            usleep(5000)
        }
        throw Failure(.unavailable, "\(path): no such device after 5 seconds" + (remedy.map { "; \($0)" } ?? ""))
    }
}
