import ArgumentParser
import Firecracker
import Linux
import Netlink
import OCI

struct RootfsBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rootfs-build",
        abstract: "Make a read-only root image (erofs) of a folder, or of a union of folders.",
        discussion: """
            The folders are an image's layers, the topmost first. The image is written under a temporary name and renamed
            when it is complete; its path is printed.

              runcvm rootfs-build --output web.erofs ./rootfs
              cd /var/lib/docker/overlay2; runcvm rootfs-build TOP/diff BASE/diff
              runcvm rootfs-build --dry-run --output web.erofs ./rootfs

            Without --output it goes to the shared cache in /var/lib/runcvm/images, once for the same layers. Images whose
            layers are gone are removed from there.
            """)

    @Option(help: "The image to write.")
    var output: String?

    @Flag(help: "Print the equivalent commands for sh, and change nothing.")
    var dryRun = false

    @Argument(help: "Folders, the topmost first.")
    var layers: [String]

    func run() throws {
        let folders = try layers.map { try OverlayMount.realPath($0) }
        let environment = ProcessEnvironment.all
        if dryRun { return try DocumentPipe.writeText(script(folders, ImageCache(environment: environment)).text) }
        if let output { try RootImage(environment: environment).build(layers: folders, to: output) }
        let image = try output ?? ImageCache(environment: environment).image(of: folders)
        try DocumentPipe.writeText([UInt8]("\(image)\n".utf8))
    }

    private func script(_ folders: [String], _ cache: ImageCache) throws -> DryRun {
        let run = DryRun()
        if let output {
            try Self.build(folders, Self.absolute(output), run)
        } else if let missing = try cache.missing(of: folders) {
            run.addOutside(["mkdir", "-p", "-m", "0700", ImageCache.folder])
            try Self.build(folders, missing.image, run)
            // The cache's record; a nanosecond stands there without zeros before it.
            run.addOutside(["printf", #"%s\n"#] + missing.lines, output: missing.record)
            let add = #"stat -c '%d:%i %s %.9Z %n' "$1" | sed -E 's/\.0+([0-9])/.\1/' >>"$2""#
            run.addOutside(["sh", "-c", add, "sh", missing.image, missing.record])
        }
        return run
    }

    private static func build(_ folders: [String], _ image: String, _ run: DryRun) throws {
        let temporary = "\(image).new"
        func make(_ folder: String) -> [String] { ["mkfs.erofs", "--quiet", temporary, folder] }
        if folders.count == 1 {
            run.addOutside(make(folders[0]))
        } else {
            // An overlay of links, since mount(2) takes a page of options, in a mount namespace that ends with it.
            let here = "/run/runcvm/.union"
            let union = DryRun()
            union.addOutside(["mount", "-t", "tmpfs", "none", here])
            union.addOutside(["mkdir", "\(here)/links", "\(here)/root"])
            for (index, folder) in folders.enumerated() {
                union.addOutside(["ln", "-s", folder, "\(here)/links/\(index)"])
            }
            let options = "ro,lowerdir=" + folders.indices.map(String.init).joined(separator: ":")
            union.addOutside(
                ["env", "-C", "\(here)/links", "mount", "-t", "overlay", "-o", options, "none", "\(here)/root"])
            union.addOutside(make("\(here)/root"))
            run.addOutside(["mkdir", "-p", "-m", "0700", here])
            run.addOutside(["unshare", "-m", "sh", "-e"], input: String(decoding: union.text, as: UTF8.self))
        }
        run.addOutside(["chmod", "0444", temporary])
        run.addOutside(["sync", temporary])
        run.addOutside(["mv", temporary, image])
    }

    private static func absolute(_ path: String) throws -> String {
        path.hasPrefix("/") ? path : "\(try OverlayMount.realPath("."))/\(path)"
    }
}
