import Glibc
import Linux

/// What was left in our folders by processes that were killed, and by a machine that went down; of images those only that are half made, ImageCache looks after the rest.
public enum Leftovers {
    /// Run before a container is made. Temporary names carry the pid of their maker; storage belongs to a container whose
    /// folder in /run is made before it and deleted after it.
    public static func sweep() {
        let hidden = names(in: RunDirectory.base).filter { $0.hasPrefix(".") }.map { (RunDirectory.base, $0) }
        for (folder, name) in hidden + names(in: ImageCache.folder).map({ (ImageCache.folder, $0) }) {
            guard let maker = maker(of: name), kill(maker, 0) != 0, errno == ESRCH else { continue }
            delete("\(folder)/\(name)")
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
