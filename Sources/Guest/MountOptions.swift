import CLinux

/// The options of a mount as mount(2) takes them (runtime-spec config.md: mounts; mount(8)).
struct MountOptions: Equatable {
    /// MS_RDONLY, MS_NOSUID …
    var flags: UInt
    /// MS_PRIVATE …, perhaps with MS_REC: each wants a call of its own.
    var propagation: [UInt]
    /// What is the file system's own: `size=65536k,mode=755`.
    var data: String

    init(_ options: [String]) {
        flags = 0
        propagation = []
        var own: [String] = []
        for option in options {
            if let flag = Self.setting[option] {
                flags |= flag
            } else if let flag = Self.clearing[option] {
                flags &= ~flag
            } else if let change = Self.propagations[option] {
                propagation.append(change)
            } else if !Self.ignored.contains(option) {
                own.append(option)
            }
        }
        data = own.joined(separator: ",")
    }

    private static let setting: [String: UInt] = [
        "ro": LINUX_MS_RDONLY, "nosuid": LINUX_MS_NOSUID, "nodev": LINUX_MS_NODEV, "noexec": LINUX_MS_NOEXEC,
        "noatime": LINUX_MS_NOATIME, "nodiratime": LINUX_MS_NODIRATIME, "relatime": LINUX_MS_RELATIME,
        "strictatime": LINUX_MS_STRICTATIME, "sync": LINUX_MS_SYNCHRONOUS, "dirsync": LINUX_MS_DIRSYNC,
        "lazytime": LINUX_MS_LAZYTIME, "mand": LINUX_MS_MANDLOCK, "nosymfollow": LINUX_MS_NOSYMFOLLOW,
        "bind": LINUX_MS_BIND, "rbind": LINUX_MS_BIND | LINUX_MS_REC, "remount": LINUX_MS_REMOUNT,
    ]

    private static let clearing: [String: UInt] = [
        "rw": LINUX_MS_RDONLY, "suid": LINUX_MS_NOSUID, "dev": LINUX_MS_NODEV, "exec": LINUX_MS_NOEXEC,
        "atime": LINUX_MS_NOATIME, "diratime": LINUX_MS_NODIRATIME, "norelatime": LINUX_MS_RELATIME,
        "nostrictatime": LINUX_MS_STRICTATIME, "async": LINUX_MS_SYNCHRONOUS, "nolazytime": LINUX_MS_LAZYTIME,
        "nomand": LINUX_MS_MANDLOCK, "symfollow": LINUX_MS_NOSYMFOLLOW,
    ]

    private static let propagations: [String: UInt] = [
        "private": LINUX_MS_PRIVATE, "rprivate": LINUX_MS_PRIVATE | LINUX_MS_REC,
        "slave": LINUX_MS_SLAVE, "rslave": LINUX_MS_SLAVE | LINUX_MS_REC,
        "shared": LINUX_MS_SHARED, "rshared": LINUX_MS_SHARED | LINUX_MS_REC,
        "unbindable": LINUX_MS_UNBINDABLE, "runbindable": LINUX_MS_UNBINDABLE | LINUX_MS_REC,
    ]

    /// Without meaning for the kernel. `tmpcopyup` is runc's: it needs the image's files under a tmpfs.
    private static let ignored: Set<String> = ["defaults", "tmpcopyup", ""]
}
