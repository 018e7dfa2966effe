import CLinux
import Glibc

/// Whole files and folders, with errors that name the path.
public enum Files {
    public static func read(_ path: String, limit: Int = 64 << 20) throws -> [UInt8] {
        try Descriptor(opening: path, O_RDONLY).readAll(limit: limit)
    }

    public static func readText(_ path: String) throws -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// A symbolic link's target (readlink(2)); nil where there is none.
    public static func readLink(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Writes through a temporary name in the same folder, so that a reader sees the old text or the new (rename(2)).
    public static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws {
        let temporary = "\(path).\(getpid()).new"
        var committed = false
        defer { if !committed { unlink(temporary) } }
        try Descriptor(opening: temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode).writeAll(bytes)
        try checked("rename", on: path) { Int(rename(temporary, path)) }
        committed = true
    }

    /// Writes into the file that is there, keeping its inode (a bind mount holds the inode, not the name).
    public static func overwrite(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws {
        try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode).writeAll(bytes)
    }

    /// Makes a file anew, in the place of whatever is there; in a folder that is another user's, who may put links there.
    public static func create(_ path: String, with bytes: [UInt8], owner: UInt32, mode: mode_t = 0o600) throws {
        unlink(path)
        let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        try checked("fchown", on: path) { Int(fchown(file.raw, owner, owner)) }
        try file.writeAll(bytes)
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Also for a symbolic link, wherever it leads.
    public static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    public static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// The permission bits (inode(7)); nil where there is no such file.
    public static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    /// How large the file system that holds `path` is, in bytes; nil where it does not say (statvfs(3)).
    public static func fileSystemSize(_ path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        return Int(status.f_blocks * status.f_frsize)
    }

    /// mkdir -p. Folders that are there already are left as they are.
    public static func ensureDirectory(_ path: String, mode: mode_t = 0o755) throws {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        let error = Errno.current
        guard error == .noEntry, let parent = parent(of: path) else { throw SystemError("mkdir", on: path, error) }
        try ensureDirectory(parent, mode: mode)
        if mkdir(path, mode) != 0, errno != EEXIST { throw SystemError("mkdir", on: path, .current) }
    }

    public static func parent(of path: String) -> String? {
        guard let slash = path.lastIndex(of: "/"), path != "/" else { return nil }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    public static func list(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw SystemError("opendir", on: path, .current) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// rm -rf, without following links or crossing into what is mounted there. Already gone is fine.
    public static func deleteTree(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw SystemError("lstat", on: path, .current)
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try list(path) { try deleteTree("\(path)/\(name)") }
            try checked("rmdir", on: path) { Int(rmdir(path)) }
        } else {
            try checked("unlink", on: path) { Int(unlink(path)) }
        }
    }

    /// The first executable of that name in PATH's folders; an absolute name stands for itself.
    public static func findProgram(_ name: String, path: String) -> String? {
        if name.contains("/") { return isExecutable(name) ? name : nil }
        return path.split(separator: ":").map { "\($0)/\(name)" }.first(where: isExecutable)
    }
}
