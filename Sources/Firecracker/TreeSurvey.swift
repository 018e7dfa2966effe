import Glibc
import Linux
import OCI

/// What an image's folder asks for, found before mkfs.erofs(1) fills the host's disk with it or stops without naming a file.
struct TreeSurvey {
    /// The files' contents in bytes, holes included since they are written out, each in whole blocks.
    private(set) var size = 0
    private var linked: Set<[UInt]> = []
    private let root: String

    private static let block = 4096
    /// mkfs.erofs 1.5 takes no longer ones.
    private static let longestName = 254

    init(of folder: String) throws {
        root = folder
        try add(folder: Array(folder.utf8))
    }

    /// Paths are bytes: a name need not be UTF-8.
    private mutating func add(folder path: [UInt8]) throws {
        guard let directory = opendir(Self.terminated(path)) else { throw error("opendir", path) }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [0x2e] || name == [0x2e, 0x2e] { continue }
            try add(path + [0x2f] + name, nameLength: name.count)
        }
    }

    private mutating func add(_ path: [UInt8], nameLength: Int) throws {
        guard nameLength <= Self.longestName else {
            throw Failure(
                .cannotCreate,
                "the image's \(told(path)): a name of \(nameLength) bytes, and mkfs.erofs takes \(Self.longestName)")
        }
        var status = stat()
        guard lstat(Self.terminated(path), &status) == 0 else { throw error("lstat", path) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: try add(folder: path)
        case S_IFREG where status.st_nlink == 1 || linked.insert([status.st_dev, status.st_ino]).inserted:
            let (sum, overflow) = size.addingReportingOverflow(Int(status.st_size))
            size = overflow ? .max : min(sum, .max - Self.block) / Self.block * Self.block + Self.block
        default: break
        }
    }

    /// So that a hole of a terabyte does not take the room of the host's other programs.
    func check(fits image: String) throws {
        let folder = Files.parent(of: image) ?? "."
        guard Files.isDirectory(folder) else { throw Failure(.cannotCreate, "\(image): no folder \(folder); make it") }
        var system = statvfs()
        try checked("statvfs", on: folder) { Int(statvfs(folder, &system)) }
        let (free, overflow) = Int(clamping: system.f_bavail).multipliedReportingOverflow(by: Int(system.f_frsize))
        guard size <= (overflow ? .max : free) else {
            throw Failure(
                .cannotCreate,
                "\(image): the image's files need \(size >> 20) MiB, and \(folder) has \(free >> 20) MiB free; make room there"
            )
        }
    }

    private func error(_ call: String, _ path: [UInt8]) -> SystemError {
        SystemError(call, on: "the image's \(told(path))", .current)
    }

    /// As the image's own processes would see it.
    private func told(_ path: [UInt8]) -> String {
        let own = String(decoding: path.dropFirst(root.utf8.count), as: UTF8.self)
        return own.isEmpty ? "root" : Failure.oneLine(own, longest: 300)
    }

    private static func terminated(_ path: [UInt8]) -> [CChar] { path.map { CChar(bitPattern: $0) } + [0] }
}
