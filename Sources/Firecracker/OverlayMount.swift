import CLinux
import Glibc
import Linux
import OCI

/// An overlay file system as /proc/self/mountinfo tells it (proc(5), Documentation/filesystems/overlayfs.rst).
public struct OverlayMount: Equatable, Sendable {
    /// The topmost first, absolute, without links.
    public var lower: [String]
    public var upper: String?

    public init(lower: [String], upper: String?) {
        self.lower = lower
        self.upper = upper
    }

    /// The overlay mounted at `path`; nil where what is mounted there is none. `mountinfo` is that file's text.
    public init?(at path: String, mountinfo: String) {
        // The last line for a mount point is the one on top.
        let line = mountinfo.split(separator: "\n").last { line in
            let fields = line.split(separator: " ")
            return fields.count > 6 && Self.unescape(fields[4]) == path
        }
        // After optional fields, "-", then the type, the source and the options.
        guard let fields = line?.split(separator: " "), let dash = fields.dropFirst(6).firstIndex(of: "-"),
            fields.count > dash + 3, fields[dash + 1] == "overlay"
        else { return nil }
        lower = []
        for option in fields[dash + 3].split(separator: ",") {
            // Linux 6.8 and later tell each layer by an option of its own, `lowerdir+=`.
            if let value = Self.value(of: option, "lowerdir") ?? Self.value(of: option, "lowerdir+") {
                lower += Self.splitLower(value)
            } else if let value = Self.value(of: option, "upperdir") {
                upper = Self.unescape(value)
            }
        }
        if lower.isEmpty { return nil }
    }

    private static func value(of option: Substring, _ name: String) -> Substring? {
        option.hasPrefix("\(name)=") ? option.dropFirst(name.count + 1) : nil
    }

    /// Folders stand between colons; a colon in a name is written `\:`.
    private static func splitLower(_ text: Substring) -> [String] {
        var parts: [String] = [""]
        var escaped = false
        for character in unescape(text) {
            if escaped || (character != ":" && character != "\\") {
                parts[parts.count - 1].append(character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else {
                parts.append("")
            }
        }
        return parts.filter { !$0.isEmpty }
    }

    /// The kernel's `\040` for a space.
    private static func unescape(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                bytes.append(digits.reduce(0) { $0 << 3 | ($1 - 0x30) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same layers without links: engines shorten the names, Docker's overlay2 relative to the folder above `root`'s,
    /// containerd relative to that above the upper layer's.
    public func resolved(root: String) throws -> OverlayMount {
        let homes = [root, upper ?? "/"].map { Files.parent(of: $0).flatMap(Files.parent) ?? "/" }
        func path(of layer: String) throws -> String {
            if layer.hasPrefix("/") { return try Self.realPath(layer) }
            let paths = homes.map { "\($0)/\(layer)" }
            return try Self.realPath(paths.first(where: Files.exists) ?? paths[0])
        }
        return OverlayMount(lower: try lower.map(path), upper: try upper.map(path))
    }

    public static func realPath(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else { throw SystemError("realpath", on: path, .current) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The image's own layers: without the placeholders that Docker puts over them for each container, as overlay2's
    /// `ID-init` or, where containerd keeps the images, as a snapshot of their own. Then `root` is `…/rootfs/SNAPSHOTTER/ID`.
    public func image(root: String) -> [String] {
        let holder = Files.parent(of: root).flatMap(Files.parent) ?? "/"
        if holder.hasSuffix("/rootfs"), lower.count > 1, lower[0].hasSuffix("/fs") { return Array(lower.dropFirst()) }
        return lower.filter { !$0.hasSuffix("-init/diff") }
    }

    /// mount -t overlay -o ro,lowerdir=A:B none POINT, by links of few letters since options fit in one page. They stay.
    static func mount(layers: [String], at point: String) throws {
        let links = "\(point).l"
        try Files.ensureDirectory(links, mode: 0o700)
        for (index, layer) in layers.enumerated() {
            try checked("symlink", on: layer) { Int(symlink(layer, "\(links)/\(index)")) }
        }
        let here = try Descriptor(opening: ".", O_RDONLY | O_DIRECTORY)
        try checked("chdir", on: links) { Int(chdir(links)) }
        defer { fchdir(here.raw) }
        let options = "lowerdir=" + layers.indices.map(String.init).joined(separator: ":")
        try check(
            linux_mount("none", point, "overlay", LINUX_MS_RDONLY, options), "mount overlay", on: point,
            remedy: "modprobe overlay")
    }
}
