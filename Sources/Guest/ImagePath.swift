import Glibc
import Linux

/// Paths in an image, whose links nobody vouches for: they lead where they do for the image's own processes, and what they
/// lead to is made where it is missing, as with runc (libcontainer/utils: MkdirAllInRoot; openat2(2), RESOLVE_IN_ROOT).
enum ImagePath {
    /// As many as the kernel follows (path_resolution(7)).
    private static let mostLinks = 40

    /// The path without links, with `root` before it. Parts that are missing stay as they are. Throws ELOOP.
    static func resolve(_ path: String, in root: String = "") throws -> String {
        var rest = parts(path)[...]
        var done: [String] = []
        var links = 0
        while let part = rest.popFirst() {
            if part == ".." {
                _ = done.popLast()
                continue
            }
            done.append(part)
            guard let target = Files.readLink("\(root)/\(done.joined(separator: "/"))") else { continue }
            links += 1
            guard links <= mostLinks else { throw SystemError("open", on: path, Errno(ELOOP)) }
            done.removeLast(target.utf8.first == UInt8(ascii: "/") ? done.count : 1)
            rest = (parts(target) + rest)[...]
        }
        return "\(root)/\(done.joined(separator: "/"))"
    }

    /// By bytes, as the kernel: a slash and a combining mark are one Character.
    private static func parts(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
    }

    /// Makes an empty file, and its folder, where there is nothing. What is there is not opened: it may be a pipe to which
    /// nobody writes. Returns the path without links.
    @discardableResult
    static func ensureFile(_ path: String, mode: mode_t = 0o644, in root: String = "") throws -> String {
        let path = try resolve(path, in: root)
        if let folder = Files.parent(of: path) { try Files.ensureDirectory(folder) }
        do {
            _ = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        } catch let error as SystemError where error.errno == .exists {}
        return path
    }

    /// The same of a folder.
    @discardableResult
    static func ensureDirectory(_ path: String, in root: String = "") throws -> String {
        let path = try resolve(path, in: root)
        try Files.ensureDirectory(path)
        return path
    }

    /// A file's bytes; nil where it is no plain file, or larger than `limit`. No pipe or device is opened.
    static func contents(of path: String, limit: Int) -> [UInt8]? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let file = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        else { return nil }
        return try? file.readAll(limit: limit)
    }
}
