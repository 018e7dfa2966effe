import CLinux
import Linux
import Plan

/// The image's root, put together from its block devices at /newroot.
enum GuestDisks {
    static let root = "/newroot"
    private static let disk = "/disk"

    /// Mounts the layers (erofs) and the disk (ext4), joined by overlayfs; without layers the disk is the root.
    static func mount(_ plan: GuestRoot) throws {
        try Files.ensureDirectory(root)
        try GuestDevices.wait(for: plan.disk)
        if plan.layers.isEmpty {
            return try FileSystem.mount("ext4", at: root, from: plan.disk, LINUX_MS_NOATIME)
        }
        try Files.ensureDirectory(disk)
        try FileSystem.mount("ext4", at: disk, from: plan.disk, LINUX_MS_NOATIME)
        let lowers = try plan.layers.enumerated().map { index, device in
            let folder = "/layers/\(index)"
            try Files.ensureDirectory(folder)
            try GuestDevices.wait(for: device)
            try FileSystem.mount("erofs", at: folder, from: device, LINUX_MS_RDONLY | LINUX_MS_NOATIME)
            return folder
        }
        try Files.ensureDirectory("\(disk)/upper", mode: 0o755)
        try Files.ensureDirectory("\(disk)/work", mode: 0o755)
        try FileSystem.mount(
            "overlay", at: root, LINUX_MS_NOATIME,
            data: "lowerdir=\(lowers.joined(separator: ":")),upperdir=\(disk)/upper,workdir=\(disk)/work")
    }

    /// Leaves the disk clean, whoever else has it mounted: the sidecar has, and an init of the image's. What cannot be done is
    /// told on the console: the machine stops all the same.
    static func leave() {
        do { try FileSystem.makeSourceReadOnly(Files.exists(disk) ? disk : root) } catch { Console.print("\(error)") }
    }
}
