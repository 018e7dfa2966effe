import CLinux
import Glibc
import Linux

/// mount(2) and umount2(2), with errors that name the mount point.
enum FileSystem {
    static func mount(
        _ type: String, at target: String, from source: String? = nil, _ flags: UInt = 0, data: String = ""
    ) throws {
        try check(linux_mount(source ?? type, target, type, flags, data), "mount \(type)", on: target)
    }

    static func bind(_ source: String, to target: String, recursive: Bool = false) throws {
        let flags = LINUX_MS_BIND | (recursive ? LINUX_MS_REC : 0)
        try check(linux_mount(source, target, nil, flags, nil), "mount --bind \(source)", on: target)
    }

    /// Changes one mount, not its file system, to read-only, keeping its other flags.
    static func makeReadOnly(_ target: String) throws {
        var flags: UInt = 0
        try check(linux_mount_flags(target, &flags), "statvfs", on: target)
        try check(
            linux_mount(nil, target, nil, flags | LINUX_MS_BIND | LINUX_MS_REMOUNT | LINUX_MS_RDONLY, nil),
            "mount -o remount,bind,ro", on: target)
    }

    static func setPropagation(_ flags: UInt, of target: String) throws {
        try check(linux_mount(nil, target, nil, flags, nil), "mount --make-private or the like", on: target)
    }

    /// Changes the file system itself, wherever else it is mounted too. Nothing where nothing is mounted.
    static func makeSourceReadOnly(_ target: String) throws {
        for attempt in 1...20 {
            let result = linux_mount(nil, target, nil, LINUX_MS_REMOUNT | LINUX_MS_RDONLY, nil)
            if [-EINVAL, -ENOENT].contains(result) { return }
            // What a process that has just died had open goes a little later.
            guard result == -EBUSY, attempt < 20 else {
                try check(result, "mount -o remount,ro", on: target)
                return
            }
            usleep(5000)
        }
    }
}
