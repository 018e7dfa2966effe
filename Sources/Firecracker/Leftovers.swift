import Glibc
import Linux

/// What was left in our folders by processes that were killed, and by a machine that went down.
public enum Leftovers {
    /// Run before a container is made. Temporary names carry the pid of their maker; storage belongs to a container whose
    /// folder in /run is made before it and deleted after it.
    public static func sweep() {
        for (folder, prefix) in [(RootImage.cache, ""), (RunDirectory.base, ".")] {
            for name in names(in: folder) where name.hasPrefix(prefix) {
                guard let maker = maker(of: name), kill(maker, 0) != 0, errno == ESRCH else { continue }
                delete("\(folder)/\(name)")
            }
        }
        for id in names(in: RunDirectory.storageBase) where !Files.exists("\(RunDirectory.base)/\(id)") {
            delete("\(RunDirectory.storageBase)/\(id)")
        }
    }

    /// The pid in `NAME.PID.new`, `.union.PID`, `.union.PID.l`; nil for any other name.
    private static func maker(of name: String) -> pid_t? {
        let parts = name.split(separator: ".")
        if parts.count > 2, parts.last == "new" { return pid_t(parts[parts.count - 2]) }
        return parts.count > 1 && parts[0] == "union" ? pid_t(parts[1]) : nil
    }

    private static func names(in folder: String) -> [String] {
        (try? Files.list(folder)) ?? []  // None is there before the first container.
    }

    private static func delete(_ path: String) {
        try? Files.deleteTree(path)  // What stays is in nobody's way, and the next container's turn.
    }
}
