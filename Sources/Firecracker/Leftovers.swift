import Glibc
import Linux

/// What was left in our folders by processes that were killed, and by a machine that went down; images are ImageCache's.
public enum Leftovers {
    /// Run before a container is made. Temporary names carry the pid of their maker; storage belongs to a container whose
    /// folder in /run is made before it and deleted after it.
    public static func sweep() {
        for name in names(in: RunDirectory.base) where name.hasPrefix(".") {
            guard let maker = maker(of: name), kill(maker, 0) != 0, errno == ESRCH else { continue }
            delete("\(RunDirectory.base)/\(name)")
        }
        for id in names(in: RunDirectory.storageBase) where !Files.exists("\(RunDirectory.base)/\(id)") {
            delete("\(RunDirectory.storageBase)/\(id)")
        }
    }

    /// The pid in `NAME.PID.new`; nil for any other name.
    private static func maker(of name: String) -> pid_t? {
        let parts = name.split(separator: ".")
        return parts.count > 1 && parts.last == "new" ? pid_t(parts[parts.count - 2]) : nil
    }

    private static func names(in folder: String) -> [String] {
        (try? Files.list(folder)) ?? []  // None is there before the first container.
    }

    private static func delete(_ path: String) {
        try? Files.deleteTree(path)  // What stays is in nobody's way, and the next container's turn.
    }
}
